"""One problem shape for every door: RFC 9457 problem details for HTTP, the same object for ``--json`` output."""

from __future__ import annotations

from typing import Final, TypedDict

from amparo.core.errors import AmparoError, VerificationFailed

MEDIA_TYPE: Final = "application/problem+json"


class Problem(TypedDict, total=False):
    """RFC 9457 members that we use. ``code`` is the stable extension member that programs should branch on."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    step: str
    retry_after: float


def problem_of(error: AmparoError) -> Problem:
    """The public face of an error. The private ``detail`` never gets into it."""
    problem: Problem = {
        "type": f"urn:amparo:problem:{error.code}",
        "title": type(error).__name__,
        "status": error.status,
        "detail": error.public,
        "code": error.code,
    }
    if isinstance(error, VerificationFailed):
        problem["step"] = error.step
    if error.retry_after is not None:
        problem["retry_after"] = error.retry_after
    return problem


def headers_of(error: AmparoError) -> dict[str, str]:
    """HTTP headers that belong to the problem: Retry-After (RFC 9110, 10.2.3), WWW-Authenticate (RFC 9110, 11.6.1)."""
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="amparo"'
    return headers
