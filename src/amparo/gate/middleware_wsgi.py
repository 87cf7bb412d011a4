"""WSGI middleware (PEP 3333), for Django, Flask and their like: the same screening as ``GateMiddleware``.

Django: ``application = GateWsgiMiddleware(get_wsgi_application(), gate, paths=("/upload",))``; Flask:
``app.wsgi_app = GateWsgiMiddleware(app.wsgi_app, gate, paths=("/upload",))``. The answer is in ``environ["amparo"]``.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from amparo.bank import Action
from amparo.core.errors import AmparoError
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.gate.body_budget import BodyBudget, Share
from amparo.gate.checker import DEFAULT_PLACE
from amparo.gate.client import VIDEO_SECONDS, Gate
from amparo.gate.screening import BODY_LIMIT, SECONDS, Screening, refusal
from amparo.gate.strict_form import malformed
from amparo.gate.uploads import too_long

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

KEY = "amparo"
_CHUNK = 1 << 16


def refuse_with_problem(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The default refusal: a problem document."""
    return _problem(refusal(), start_response)


def explain_with_problem(
    _environ: WSGIEnvironment, start_response: StartResponse, error: AmparoError
) -> Iterable[bytes]:
    """The default answer to an upload that could not be screened: a problem document."""
    return _problem(error, start_response)


class GateWsgiMiddleware:
    """See ``Screening`` for the arguments and the counts. refuse, explain: as ``GateMiddleware`` has them, as WSGI has it."""

    def __init__(
        self,
        app: WSGIApplication,
        gate: Gate,
        paths: Sequence[str],
        *,
        place: str = DEFAULT_PLACE,
        fail_open: bool = False,
        seconds: float = SECONDS,
        video_seconds: float = VIDEO_SECONDS,
        refuse: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] = refuse_with_problem,
        explain: Callable[[WSGIEnvironment, StartResponse, AmparoError], Iterable[bytes]] = explain_with_problem,
        body_limit: int = BODY_LIMIT,
        budget: BodyBudget | None = None,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._explain = explain
        self._screening = Screening(
            gate,
            paths,
            place=place,
            fail_open=fail_open,
            seconds=seconds,
            video_seconds=video_seconds,
            body_limit=body_limit,
            budget=budget,
        )

    @property
    def counts(self) -> Counter[str]:
        return self._screening.counts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._screening.concerns(_path(environ)):
            return self._app(environ, start_response)
        with self._screening.budget.share() as share:
            try:
                body = _body(environ, self._screening.body_limit, share)
                kinds, encodings = ([environ.get(name, "")] for name in ("CONTENT_TYPE", "HTTP_CONTENT_ENCODING"))
                answer = self._screening.screen(body, kinds, encodings)
            except AmparoError as error:
                return self._explain(environ, start_response, error)
            if answer.action is Action.BLOCK:
                return self._refuse(environ, start_response)
            environ[KEY] = answer
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
            # Read already: what follows must not look for chunks.
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            return self._app(environ, start_response)


def _path(environ: WSGIEnvironment) -> str:
    """As its sender wrote it: WSGI hands its bytes on as if they were Latin-1 (PEP 3333)."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _body(environ: WSGIEnvironment, limit: int, share: Share) -> bytes:
    """Raises InvalidInput ``body_too_long``, or ``upload_malformed`` where it ends before its announced length; Unavailable
    ``bodies_too_many``."""
    stream = cast("InputStream", environ["wsgi.input"])
    announced = environ.get("CONTENT_LENGTH") or ""
    chunked = bool(environ.get("wsgi.input_terminated")) and not announced
    if announced and not announced.isdecimal():
        raise malformed()
    length = limit + 1 if chunked else int(announced or 0)
    if length > limit and not chunked:
        raise too_long(limit)
    body = bytearray()
    try:
        while len(body) < length and (chunk := stream.read(min(_CHUNK, length - len(body)))):
            share.take_here(len(chunk))
            body += chunk
    except OSError as error:
        raise malformed() from error
    if len(body) > limit:
        raise too_long(limit)
    if not chunked and len(body) < length:
        raise malformed()
    return bytes(body)


def _problem(error: AmparoError, start_response: StartResponse) -> Iterable[bytes]:
    body = json.dumps(problem_of(error)).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *headers_of(error).items()]
    start_response(f"{error.status} {HTTPStatus(error.status).phrase}", headers)
    return [body]
