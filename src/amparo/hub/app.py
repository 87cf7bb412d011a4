"""The hub's only wiring: which surface answers where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from amparo.core.errors import AmparoError
from amparo.core.logs import get_logger
from amparo.hub.commands.housekeeping import keep_house
from amparo.hub.commands.incidents import look_for_ties
from amparo.hub.context import Hub
from amparo.hub.desk.app import create_app as create_desk
from amparo.hub.desk.session import Sessions
from amparo.hub.formats.ncmec import create_app as create_ncmec
from amparo.hub.formats.stopncii import create_app as create_stopncii
from amparo.hub.guard import Guard
from amparo.hub.jobs.worker import Worker
from amparo.hub.partner.app import create_app as create_partner
from amparo.hub.person.app import create_app as create_person
from amparo.hub.warm_up import WarmUp

log: Final = get_logger("amparo.hub")

STATIC: Final = Path(__file__).parent / "static"
_HOUSEKEEPING_EVERY: Final = 30.0


def public_app(hub: Hub) -> ASGIApp:
    """What the world reaches: the person's pages and the partners' interface. Keeps house and does its jobs while it runs."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        keeping = asyncio.create_task(_again_and_again(_keep_house, hub))
        worker, warming = Worker(hub), WarmUp(hub)
        warming.start()
        worker.start()
        try:
            yield
        finally:
            hub.bell.close()
            await run_in_threadpool(worker.stop)
            await run_in_threadpool(warming.stop)
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    return _guarded(
        [
            Route("/status/live", _live),
            Mount("/partner/v1", create_partner(hub)),
            Mount("/stopncii", create_stopncii(hub)),
            Mount("/ncmec", create_ncmec(hub)),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount("/", create_person(hub)),
        ],
        lifespan,
    )


def desk_app(hub: Hub, sessions: Sessions | None = None) -> ASGIApp:
    """What only the people who run the hub reach, on an address of its own. Looks for ties between cases while it runs."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        looking = asyncio.create_task(_again_and_again(look_for_ties, hub))
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    return _guarded(
        [
            Route("/status/live", _live),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount("/", create_desk(hub, sessions)),
        ],
        lifespan,
    )


def _guarded(routes: list[Route | Mount], lifespan: object = None) -> ASGIApp:
    app = Starlette(routes=routes, lifespan=lifespan)  # pyright: ignore[reportArgumentType]  # None or ours above
    app.add_middleware(Guard)
    return app


async def _live(_request: Request) -> Response:
    return PlainTextResponse("I-AM-ALIVE")


def _keep_house(hub: Hub) -> None:
    ended = keep_house(hub)
    if ended:
        log.info("entries_expired", count=ended)


async def _again_and_again(work: Callable[[Hub], object], hub: Hub) -> None:
    while True:
        try:
            await run_in_threadpool(work, hub)
        except AmparoError as error:
            # The next round tries again; a full disk must not end the pages.
            log.warning("housekeeping_failed", code=error.code, detail=error.detail)
        except Exception as error:  # noqa: BLE001  # nobody would see that this task had ended
            log.error("housekeeping_failed", code="housekeeping_broken", detail=type(error).__name__)
        await asyncio.sleep(_HOUSEKEEPING_EVERY)
