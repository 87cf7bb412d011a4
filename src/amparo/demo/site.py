"""The demo site: a gallery, an upload form, and one line of ours: ``GateMiddleware``.

What a platform's engineer reads first. The upload handler knows nothing of fingerprints: it asks whether a person should look
first. ``/review`` is where such a person decides; a real platform has people, and a log-in, for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from amparo.bank import Action
from amparo.core.errors import AmparoError, InvalidInput, NotFound
from amparo.core.problem import headers_of
from amparo.demo.shelf import Shelf, Waiting
from amparo.gate import Answer, Gate, GateMiddleware
from amparo.signal import decode

_TEMPLATES: Final = Path(__file__).parent / "templates"
_POLICY: Final = "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'"
_STYLE: Final = Path(__file__).parent / "site.css"
_SAID: Final = {
    "published": "Published.",
    "held": "Thank you. Your picture is waiting for a person to look at it.",
    "confirmed": "Confirmed. Its copies are stopped from now on.",
    "dismissed": "Dismissed. The picture is published.",
}


def create_app(folder: Path, gate: Gate, name: str = "Demo") -> Starlette:
    """The site, keeping its photos in ``folder``."""
    shelf = Shelf(folder)
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(default=True), undefined=StrictUndefined
    )

    def page(message: str = "", status: int = 200, template: str = "site.html") -> HTMLResponse:
        shown = {"photos": shelf.published(), "waiting": shelf.waiting(), "message": message, "name": name}
        html = pages.get_template(template).render(**shown)
        return HTMLResponse(html, status, {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})

    def said(request: Request) -> str:
        return _SAID.get(request.query_params.get("said", ""), "")

    async def gallery(request: Request) -> Response:
        return page(said(request))

    async def refused(_request: Request) -> Response:
        return page("This picture cannot be published here. If you think that is a mistake, write to us.", 403)

    async def unscreened(_request: Request, error: AmparoError) -> Response:
        if isinstance(error, InvalidInput):
            return page(error.public, error.status)
        answer = page("Pictures cannot be published at this moment. Try again in a few minutes.", 503)
        answer.headers.update(headers_of(error))
        return answer

    async def upload(request: Request) -> Response:
        async with request.form(max_files=1) as form:
            file = form.get("photo")
            content = await file.read() if isinstance(file, UploadFile) else b""
        try:
            await run_in_threadpool(decode.luma, content)
        except InvalidInput as error:
            return page(error.public, 422)
        answer: Answer = request.state.amparo
        if answer.action is Action.REVIEW:
            review = "" if answer.trace is None else answer.trace.review or ""
            await run_in_threadpool(shelf.hold, content, review)
            return RedirectResponse("/?said=held", 303)
        await run_in_threadpool(shelf.publish, content)
        return RedirectResponse("/?said=published", 303)

    async def queue(request: Request) -> Response:
        return page(said(request), template="review.html")

    async def decide(request: Request) -> Response:
        async with request.form() as form:
            photo, confirmed = str(form.get("photo")), form.get("decision") == "confirm"
        try:
            await run_in_threadpool(decided, shelf.one_waiting(photo), confirmed)
        except AmparoError as error:
            return page(error.public, error.status, "review.html")
        return RedirectResponse(f"/review?said={'confirmed' if confirmed else 'dismissed'}", 303)

    def decided(waiting: Waiting, confirmed: bool) -> None:
        try:
            if waiting.review:
                gate.decide(waiting.review, confirmed=confirmed)
        except NotFound:
            # The person has taken the photo back that this was held for: nothing speaks against it any more.
            confirmed = False
        if confirmed:
            shelf.discard(waiting)
        else:
            shelf.release(waiting)

    def photo(*, held: bool) -> Route:
        async def sent(request: Request) -> Response:
            try:
                stored = shelf.file(request.path_params["photo"], held=held)
            except NotFound:
                return PlainTextResponse("Not found", 404)
            return FileResponse(stored, media_type=_media_type(stored), headers={"X-Content-Type-Options": "nosniff"})

        return Route("/held/{photo}" if held else "/photos/{photo}", sent)

    async def style(_request: Request) -> Response:
        return FileResponse(_STYLE, media_type="text/css")

    async def live(_request: Request) -> Response:
        return PlainTextResponse("I-AM-ALIVE")

    app = Starlette(
        routes=[
            Route("/", gallery),
            Route("/upload", upload, methods=["POST"]),
            Route("/review", queue),
            Route("/review", decide, methods=["POST"]),
            photo(held=False),
            photo(held=True),
            Route("/site.css", style),
            Route("/status/live", live),
        ]
    )
    app.add_middleware(
        GateMiddleware, gate=gate, paths=("/upload",), place="photo upload", refuse=refused, explain=unscreened
    )
    return app


def _media_type(stored: Path) -> str:
    with stored.open("rb") as file:
        start = file.read(12)
    if start.startswith(b"\x89PNG"):
        return "image/png"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if start.startswith(b"GIF8") else "image/jpeg"
