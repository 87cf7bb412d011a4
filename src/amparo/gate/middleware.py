"""ASGI middleware: every picture and video in an upload is shown to the gate before the platform's handler sees it.

An upload is a multipart form, of the plain kind that every site's parser reads alike (``amparo.gate.strict_form``; others
are refused), or a body that is the file itself. Pictures written as text (in JSON, say), and videos that come in pieces or
over ``body_limit``, are the platform's own to show to ``Gate.check`` and ``Gate.check_video``.

One line: ``app.add_middleware(GateMiddleware, gate=Gate.from_url(...), paths=("/upload",))``. A blocked upload is
answered by ``refuse``; one for review goes through with ``request.state.amparo`` saying so. A picture that only a browser
can still show (cut short, too large, of a rare kind) cannot be recognised and goes through for review.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amparo.bank import Action
from amparo.core.errors import AmparoError
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.gate.body_budget import BodyBudget
from amparo.gate.checker import DEFAULT_PLACE
from amparo.gate.client import VIDEO_SECONDS, Gate
from amparo.gate.screening import BODY_LIMIT, SECONDS, Screening, refusal
from amparo.gate.uploads import PACE, BodyPace, read_body

Refuse = Callable[[Request], Awaitable[Response]]
Explain = Callable[[Request, AmparoError], Awaitable[Response]]


async def refuse_with_problem(_request: Request) -> Response:
    """The default refusal: a problem document."""
    return _problem(refusal())


async def explain_with_problem(_request: Request, error: AmparoError) -> Response:
    """The default answer to an upload that could not be screened: a problem document."""
    return _problem(error)


class GateMiddleware:
    """See ``Screening`` for the arguments and the counts.

    refuse: answers what is blocked. explain: answers what could not be screened: not an upload that anybody could read, or
    no gate that answers (``error.status``, ``error.public``). pace: how slowly an upload may arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        paths: Sequence[str],
        *,
        place: str = DEFAULT_PLACE,
        fail_open: bool = False,
        seconds: float = SECONDS,
        video_seconds: float = VIDEO_SECONDS,
        refuse: Refuse = refuse_with_problem,
        explain: Explain = explain_with_problem,
        body_limit: int = BODY_LIMIT,
        budget: BodyBudget | None = None,
        pace: BodyPace = PACE,
    ) -> None:
        self._app = app
        self._pace = pace
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._screening.concerns(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        # Until the site has answered: its handler reads what we hold.
        with self._screening.budget.share() as share:
            try:
                body = await read_body(request, self._screening.body_limit, self._pace, share=share)
                kinds, encodings = (request.headers.getlist(f"content-{name}") for name in ("type", "encoding"))
                answer = await run_in_threadpool(self._screening.screen, body, kinds, encodings)
            except AmparoError as error:
                explained = await self._explain(request, error)
                await explained(scope, receive, send)
                return
            if answer.action is Action.BLOCK:
                refused = await self._refuse(request)
                await refused(scope, receive, send)
                return
            scope.setdefault("state", {})["amparo"] = answer
            await self._app(scope, _replay(body, receive), send)


def _problem(error: AmparoError) -> Response:
    return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
