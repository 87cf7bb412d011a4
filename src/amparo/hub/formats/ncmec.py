"""NCMEC hash sharing v2's wire format, under ``/v2``: status, members, entries, feedback reasons, feedback.

HTTP Basic (RFC 7617): the user is the partner's id, the password its key. Speaking the format implies no tie to NCMEC.
"""

from __future__ import annotations

from base64 import b64decode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import AmparoError, InvalidInput, NotFound, Unauthenticated
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.exchange.ncmec import (
    decode_feedback,
    encode_members,
    encode_page,
    encode_reasons,
    encode_status,
    from_moment,
)
from amparo.hub.commands import ncmec
from amparo.hub.context import Hub
from amparo.hub.formats.answers import routing_response
from amparo.store import PartnerRecord

_XML = "application/xml"


def create_app(hub: Hub) -> Starlette:
    """The surface of ``hub`` for clients of NCMEC's format."""

    ends = ncmec.Ends()

    async def partner_of(request: Request) -> PartnerRecord:
        user, password = _credentials(request)
        return await run_in_threadpool(ncmec.authenticate, hub, user, password)

    async def status(request: Request) -> Response:
        partner = await partner_of(request)
        return Response(encode_status(ncmec.THE_PARTNER, partner.name), media_type=_XML)

    async def members(request: Request) -> Response:
        partner = await partner_of(request)
        return Response(encode_members(ncmec.members(hub, partner)), media_type=_XML)

    async def reasons(request: Request) -> Response:
        await partner_of(request)
        return Response(encode_reasons(ncmec.REASONS if _is_pdq(request) else {}), media_type=_XML)

    async def entries(request: Request) -> Response:
        partner = await partner_of(request)
        page = await run_in_threadpool(ncmec.entries_page, hub, partner, _question(request), ends)
        return Response(encode_page(page, ncmec.members(hub, partner)), media_type=_XML)

    async def feedback(request: Request) -> Response:
        partner = await partner_of(request)
        vote, given = decode_feedback(await request.body())
        if not _is_pdq(request):
            raise NotFound("entry_unknown", "This entry has a PDQ fingerprint only.")
        member, entry = int(request.path_params["member"]), str(request.path_params["entry"])
        await run_in_threadpool(ncmec.take_feedback, hub, partner, member, entry, vote, given)
        return Response(encode_status(ncmec.THE_PARTNER, partner.name), media_type=_XML)

    return Starlette(
        routes=[
            Route("/v2/status", status),
            Route("/v2/members", members),
            Route("/v2/feedback/{kind}/reasons", reasons),
            Route("/v2/entries", entries),
            Route("/v2/entries/{member:int}/{entry}/{kind}/feedback", feedback, methods=["PUT"]),
        ],
        exception_handlers={AmparoError: _problem, HTTPException: routing_response},
    )


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    try:
        user, colon, password = b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        user = colon = password = ""
    if scheme.lower() != "basic" or not colon:
        raise Unauthenticated("partner_key_wrong", "This hub does not know the credentials that were shown.")
    return user, password


def _question(request: Request) -> ncmec.Question:
    given = request.query_params
    return ncmec.Question(
        start=from_moment(given.get("from", "1970-01-01T00:00:00Z")),
        end=from_moment(given.get("to", "")),
        after=_number(given.get("start")),
        last=_number(given.get("max")),
        size=_number(given.get("size")) or ncmec.MAXIMUM_PAGE,
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise InvalidInput("feed_question_invalid", "start, size or max is not a number.")
    return int(text)


def _is_pdq(request: Request) -> bool:
    return str(request.path_params["kind"]).upper() == "PDQ"


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AmparoError)
    headers = headers_of(error)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="amparo"'
    return JSONResponse(problem_of(error), error.status, headers, MEDIA_TYPE)
