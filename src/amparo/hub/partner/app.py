"""The partners' application, with a bearer key: the feed, sightings, opinions, questions about uploads and reviews of them.

Formats: spec/feed.md.
"""

from typing import Annotated, Final, Literal

import anyio
from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput
from amparo.core.ids import ReviewId
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.exchange.native import decode_opinions, decode_reports, tracing
from amparo.exchange.native.page import MAXIMUM_CHANGES
from amparo.hub.commands import feedback, partners, quotas, reviews
from amparo.hub.context import Hub
from amparo.hub.formats.answers import routing_response
from amparo.store import PartnerRecord

LONGEST_WAIT: Final = 25.0
_LOOK_EVERY: Final = 1.0
_VERIFIED_AT_ONCE: Final = 2


def create_app(hub: Hub) -> FastAPI:
    """The partners' surface of ``hub``."""
    app = FastAPI(title="Amparo hub, partner interface", version="1", docs_url=None, redoc_url=None)
    verifying = anyio.CapacityLimiter(_VERIFIED_AT_ONCE)

    def partner_of(request: Request) -> PartnerRecord:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return partners.authenticate(hub, secret if scheme.lower() == "bearer" else "")

    @app.get("/feed")
    async def feed(
        partner: Annotated[PartnerRecord, Depends(partner_of)],
        nonce: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAXIMUM_CHANGES)] = 1000,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
        version: Annotated[Literal["1", "2"], Query(alias="format")] = "1",
    ) -> Response:
        """One signed page of what changed behind ``after``; waits up to ``wait`` seconds for something to tell.

        format 2 holds traces of ordinary photos too.
        """
        quotas.take_fetch(hub, partner)
        await run_in_threadpool(partners.acknowledge, hub, partner.id, after)
        end = monotonic() + wait
        while not hub.bell.closed and (left := end - monotonic()) > 0:
            if await run_in_threadpool(partners.feed_head, hub) > after:
                break
            # The bell rings for changes of this process; the look-out also finds those of the command line.
            await hub.bell.wait(min(left, _LOOK_EVERY))
        traces = version == "2"
        page = await run_in_threadpool(partners.feed_page, hub, partner.id, after, limit, nonce, traces=traces)
        return Response(page, media_type="application/json")

    @app.post("/sightings")
    async def sightings(partner: Annotated[PartnerRecord, Depends(partner_of)], request: Request) -> Response:
        """Sightings of this partner's entries. When this answers, they are on disk."""
        reports = decode_reports(await request.body())
        told = await run_in_threadpool(partners.tell_sightings, hub, partner, reports)
        return JSONResponse({"accepted": list(told.accepted), "unknown": list(told.unknown)})

    @app.post("/opinions")
    async def opinions(partner: Annotated[PartnerRecord, Depends(partner_of)], request: Request) -> Response:
        """Opinions of this partner's people on its entries. When this answers, they are on disk."""
        told = decode_opinions(await request.body())
        judged = await run_in_threadpool(feedback.judge_entries, hub, partner, told)
        return JSONResponse({"accepted": list(judged.accepted), "unknown": list(judged.unknown)})

    @app.post("/verify")
    async def verify(partner: Annotated[PartnerRecord, Depends(partner_of)], request: Request) -> Response:
        """Is this upload an altered version of one of these photos? First where it lies, then, with its tiles, the answer."""
        question = await run_in_threadpool(tracing.decode_question, await request.body())
        if question.photos[0][1] is None:
            aligned = await run_sync(reviews.align_upload, hub, partner, question, limiter=verifying)
            return Response(tracing.encode_aligned(aligned), media_type="application/json")
        answer = await run_sync(reviews.judge_upload, hub, partner, question, limiter=verifying)
        return Response(tracing.encode_answer(answer), media_type="application/json")

    @app.post("/reviews")
    async def hold(partner: Annotated[PartnerRecord, Depends(partner_of)], request: Request) -> Response:
        """A partner with whole records holds an upload. When this answers, its review is on disk."""
        finding = tracing.decode_finding(await request.body())
        answer = await run_in_threadpool(reviews.hold_upload, hub, partner, finding)
        return Response(tracing.encode_answer(answer), media_type="application/json")

    @app.post("/reviews/{review}")
    async def decide(review: str, partner: Annotated[PartnerRecord, Depends(partner_of)], request: Request) -> Response:
        """What a reviewer of the partner says of an upload that it holds. When this answers, the decision is on disk."""
        confirmed = tracing.decode_decision(await request.body())
        stopped = await run_in_threadpool(reviews.decide, hub, partner, ReviewId(review), confirmed=confirmed)
        return JSONResponse({"stopped_everywhere": stopped})

    async def problem(_request: Request, error: Exception) -> Response:
        if not isinstance(error, AmparoError):
            error = InvalidInput("question_invalid", "A parameter is missing or out of range.")
        return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)

    app.add_exception_handler(AmparoError, problem)
    app.add_exception_handler(HTTPException, routing_response)
    app.add_exception_handler(RequestValidationError, problem)
    return app
