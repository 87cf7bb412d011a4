"""StopNCII's wire format: ``GET /FetchHashes``, ``POST /SubmitFeedback``, ``POST /SubmitHashes``.

Header ``x-functions-key`` is the partner's key, header ``Ocp-Apim-Subscription-Key`` its id.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import AmparoError, InvalidInput
from amparo.exchange.stopncii import decode_feedbacks, decode_submission, encode_page
from amparo.hub.commands import stopncii
from amparo.hub.context import Hub
from amparo.hub.formats.answers import problem_response, routing_response
from amparo.store import PartnerRecord


def create_app(hub: Hub) -> Starlette:
    """The surface of ``hub`` for clients of StopNCII's format."""

    def partner_of(request: Request) -> tuple[PartnerRecord, str]:
        secret = request.headers.get("x-functions-key", "")
        subscription = request.headers.get("ocp-apim-subscription-key", "")
        return stopncii.authenticate(hub, secret, subscription), secret

    async def fetch(request: Request) -> Response:
        partner, secret = await run_in_threadpool(partner_of, request)
        start = _number(request, "startTimestamp", stopncii.FROM_THE_BEGINNING)
        size = _number(request, "pageSize", stopncii.MAXIMUM_PAGE)
        token = request.query_params.get("nextPageToken", "")
        page = await run_in_threadpool(stopncii.fetch_page, hub, partner, secret, start, size, token)
        return Response(encode_page(page), media_type="application/json")

    async def feedback(request: Request) -> Response:
        partner, _ = await run_in_threadpool(partner_of, request)
        told = decode_feedbacks(await request.body())
        await run_in_threadpool(stopncii.take_feedback, hub, partner, told)
        return JSONResponse({"count": len(told)})

    async def submit(request: Request) -> Response:
        partner, _ = await run_in_threadpool(partner_of, request)
        told = decode_submission(await request.body())
        return await run_in_threadpool(stopncii.refuse_submission, hub, partner, told)

    return Starlette(
        routes=[
            Route("/FetchHashes", fetch),
            Route("/SubmitFeedback", feedback, methods=["POST"]),
            Route("/SubmitHashes", submit, methods=["POST"]),
        ],
        exception_handlers={AmparoError: problem_response, HTTPException: routing_response},
    )


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, str(otherwise))
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise InvalidInput("feed_question_invalid", f"{name} is not a number.")
    return int(text)
