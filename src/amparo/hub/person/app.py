"""The person's application. Every page lives at ``/``: what is asked travels in the body, so no address tells a story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from amparo.core.errors import AmparoError, InvalidInput
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.hub.context import Hub
from amparo.hub.guard import BODY_LIMIT
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.handlers import failed, handler_of
from amparo.hub.person.handlers.saving import save as save_pictures
from amparo.hub.person.pace_of_codes import PaceOfCodes
from amparo.hub.person.render import render
from amparo.hub.person.words import Words, choose_language

THREADS: Final = 8
"""For people's pages; partners' requests have others, so neither waits for the other."""


def create_app(hub: Hub, pace: PaceOfCodes | None = None) -> FastAPI:
    """The person's surface of ``hub``. pace: how fast codes can be tried; the usual one unless given."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    surface = Surface(hub, pace or PaceOfCodes())

    @app.get("/")
    async def start(request: Request) -> Response:
        return await surface.page(request, {})

    @app.post("/")
    async def step(request: Request) -> Response:
        return await surface.page(request, await fields_of(request))

    @app.post("/save")
    async def save(request: Request) -> Response:
        return await surface.save(request, await fields_of(request))

    @app.get("/leave")
    async def leave() -> Response:
        headers = {"Clear-Site-Data": '"cache", "cookies", "storage"', "Referrer-Policy": "no-referrer"}
        return RedirectResponse(hub.settings.exit_url, 303, headers)

    async def unread(request: Request, error: Exception) -> Response:
        # A form that could not even be read: too long, not ASCII, too many fields.
        assert isinstance(error, AmparoError)
        if request.url.path.endswith("/save"):
            return _problem(error)
        return surface.shown(surface.asked(request, {}), error)

    app.add_exception_handler(AmparoError, unread)
    return app


class Surface:
    """Answers pages in threads of its own, codes at their pace."""

    def __init__(self, hub: Hub, pace: PaceOfCodes) -> None:
        self._hub = hub
        self._pace = pace
        self._threads: CapacityLimiter | None = None

    async def page(self, request: Request, fields: Mapping[str, list[str]]) -> Response:
        question = self.asked(request, fields)
        handler = handler_of(question)
        return await self._answer(
            request,
            question,
            lambda: self.shown(question, handler(self._hub, question)),
            lambda error: self.shown(question, error),
        )

    async def save(self, request: Request, fields: Mapping[str, list[str]]) -> Response:
        question = self.asked(request, fields)
        return await self._answer(request, question, lambda: JSONResponse(save_pictures(self._hub, question)), _problem)

    def asked(self, request: Request, fields: Mapping[str, list[str]]) -> Asked:
        wanted = fields.get("lang", [""])[0]
        language = choose_language(wanted, request.headers.get("accept-language", ""))
        return Asked(fields, Words(language, self._hub.settings.time_zone))

    def shown(self, question: Asked, done: Page | AmparoError) -> Response:
        page = failed(question, done) if isinstance(done, AmparoError) else done
        headers = headers_of(done) if isinstance(done, AmparoError) else None
        return Response(render(self._hub.settings, question.words, page), page.status, headers, media_type="text/html")

    async def _answer(
        self,
        request: Request,
        question: Asked,
        work: Callable[[], Response],
        on_error: Callable[[AmparoError], Response],
    ) -> Response:
        """What the work gives, or the page of its error; at the pace of codes where there is one among the fields."""

        def answered() -> tuple[Response, bool]:
            try:
                return work(), False
            except AmparoError as error:
                return on_error(error), error.code == "case_unknown"

        async def in_thread() -> tuple[Response, bool]:
            # Made inside the event loop that uses it.
            self._threads = self._threads or CapacityLimiter(THREADS)
            return await anyio.to_thread.run_sync(answered, limiter=self._threads)

        if not question.one("code"):
            return (await in_thread())[0]
        address = request.client.host if request.client else ""
        return (await self._pace.answer(address, in_thread, lambda answer: answer[1]))[0]


async def fields_of(request: Request) -> dict[str, list[str]]:
    """The form's fields. Raises InvalidInput ``form_malformed``."""
    try:
        return parse_qs((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=BODY_LIMIT // 64)
    except ValueError as error:
        raise InvalidInput("form_malformed", "This form could not be read.") from error


def _problem(error: AmparoError) -> JSONResponse:
    return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)
