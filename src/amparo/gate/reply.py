"""What a server answered, read as if a stranger had sent it: whatever it is, the one who asked gets an error of ours.

An answer that is not signed may come from a proxy, a portal or somebody on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from amparo.core.errors import (
    AmparoError,
    Conflict,
    InvalidInput,
    NotFound,
    Rejected,
    Unauthenticated,
    Unavailable,
    VerificationFailed,
)

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_TEXT_LENGTH: Final = 300
_ERRORS: Final[Mapping[int, type[AmparoError]]] = {
    401: Unauthenticated,
    403: Rejected,
    404: NotFound,
    409: Conflict,
    422: InvalidInput,
}


def error_of(status: int) -> type[AmparoError]:
    """The error that a refusal with this HTTP status is; Unavailable for every other."""
    return _ERRORS.get(status, Unavailable)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer. Raises VerificationFailed ``reply_malformed`` (step ``parse``) for anything else."""
    try:
        content: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed(type(error).__name__) from error
    if not isinstance(content, dict):
        raise _malformed(type(content).__name__)
    return cast("dict[str, Any]", content)


def problem_of(body: bytes, code: str, text: str) -> tuple[str, str]:
    """The code and the sentence of a refusal that is RFC 9457 problem JSON of ours; ``code`` and ``text`` where it is not.

    Both are short and plain, and may be logged and shown as they are.
    """
    try:
        told = object_of(body)
    except VerificationFailed:
        return code, text
    named, said = told.get("code"), told.get("detail")
    if not isinstance(named, str) or _CODE.fullmatch(named) is None or not isinstance(said, str):
        return code, text
    return named, "".join(letter for letter in said[:_TEXT_LENGTH] if letter.isprintable())


def _malformed(detail: str) -> VerificationFailed:
    return VerificationFailed("reply_malformed", "The answer is not a JSON object.", step="parse", detail=detail)
