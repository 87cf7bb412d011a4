"""``/h/``: a picture or a video in, its fingerprints out."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import InvalidInput
from amparo.gate.access import Role
from amparo.gate.hma.wire import PHOTO, VIDEO, Context, check_signal_type, names, required, route, signal_ratio
from amparo.gate.local_banks import PDQ, VIDEO_MD5
from amparo.gate.uploads import SentForm, parse_form, read_body
from amparo.signal.fingerprint import PDQ_MINIMUM_QUALITY
from amparo.signal.limits import DEFAULT as LIMITS

FORM_BYTES = LIMITS.max_bytes + 100_000
_TYPE_OF = {PHOTO: PDQ, VIDEO: VIDEO_MD5}


def routes(context: Context) -> list[Route]:
    return [
        route(context, "/h/hash", "GET", Role.HASH, hash_url),
        route(context, "/h/hash", "POST", Role.HASH, hash_upload),
    ]


async def hash_url(context: Context, request: Request) -> Response:
    required(request, "url")
    return JSONResponse(await signals_of_url(context, request))


async def hash_upload(context: Context, request: Request) -> Response:
    async with form_of(context, request) as form:
        return JSONResponse(await signals_of_form(context, request, form))


@asynccontextmanager
async def form_of(context: Context, request: Request) -> AsyncGenerator[SentForm]:
    """The multipart form of a request, which counts as a body in hand until the block ends.

    Raises InvalidInput ``upload_missing`` where it is none, and what ``read_body`` and ``parse_form`` raise.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput("upload_missing", "Missing multipart/form-data file upload")
    with context.load.bodies.share() as share:
        yield await parse_form(await read_body(request, FORM_BYTES, share=share), request.headers)


async def signals_of_form(context: Context, request: Request, form: SentForm) -> dict[str, str]:
    """The fingerprints of the one file; its field says whether it is a photo or a video."""
    if len(form.files) > 1:
        raise InvalidInput("upload_many", "Only one file allowed per request")
    for file in form.files:
        return await _signals(context, request, file.field, file.content)
    raise InvalidInput("upload_missing", "Missing multipart/form-data file upload")


async def signals_of_url(context: Context, request: Request) -> dict[str, str]:
    """The fingerprints of what lies at ``url``, as far as the operator lets it be fetched."""
    url, kind = required(request, "url"), request.query_params.get("content_type")
    # Held until its fingerprints are known: what was fetched and waits for that is in memory too.
    async with context.load.fetches:
        fetched = await run_sync(context.fetcher.fetch, url)
        if kind is None:
            kind = {"image": PHOTO, "video": VIDEO}.get(fetched.kind.partition("/")[0].lower())
        if kind is None:
            raise InvalidInput(
                "content_type_unknown",
                "unsupported url ContentType; if you know the expected type, provide it with the content_type query param",
            )
        return await _signals(context, request, kind, fetched.content)


async def _signals(context: Context, request: Request, content_type: str, content: bytes) -> dict[str, str]:
    signal = _TYPE_OF.get(content_type)
    if signal is None:
        raise InvalidInput("content_type_unknown", f"no such content_type: '{content_type[:60]}'")
    wanted = names(request, "types")
    if wanted is None:
        kinds = [signal] if signal_ratio(context, signal) > 0 else []
    else:
        if not wanted:
            raise InvalidInput("signal_type_unknown", "empty signal type selection")
        kinds = [check_signal_type(context, kind) for kind in sorted(wanted)]
        if any(kind != signal for kind in kinds):
            raise InvalidInput("signal_type_unknown", f"signal type doesn't exist or is disabled for '{content_type}'")
    if signal == VIDEO_MD5:
        # HMA's fingerprint of a video is that of the file; its frames are looked up by POST /v1/video.
        return {kind: hashlib.md5(content, usedforsecurity=False).hexdigest() for kind in kinds}
    decode = context.gate.checker.fingerprint_of
    fingerprint = await run_sync(decode, content, limiter=context.load.pictures)
    return dict.fromkeys(kinds, fingerprint.hex if fingerprint.quality >= PDQ_MINIMUM_QUALITY else "")
