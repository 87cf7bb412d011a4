"""``/c/banks``, ``/c/bank/...``: banks, and what is in them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import InvalidInput, NotFound, Rejected
from amparo.gate.access import Role
from amparo.gate.checker import FEED_BANK, FEED_CONTENT
from amparo.gate.entries_here import Here, can_end
from amparo.gate.hma.hashing import form_of, signals_of_form, signals_of_url
from amparo.gate.hma.wire import (
    Context,
    bank_json,
    bank_named,
    check_signal_type,
    feed_bank,
    flag,
    json_body,
    message,
    own_bank_named,
    ratio_in,
    route,
    text_in,
)
from amparo.gate.local_banks import PDQ, About, Content
from amparo.gate.replica import Origin
from amparo.gate.strict_json import read_json

_METADATA: Final = frozenset({"content_id", "content_uri", "json"})


def routes(context: Context) -> list[Route]:
    bank, content = "/c/bank/{bank}", "/c/bank/{bank}/content/{content}"
    return [
        route(context, "/c/banks", "GET", Role.CURATE, banks),
        route(context, "/c/banks", "POST", Role.ADMIN, create_bank),
        route(context, bank, "GET", Role.CURATE, show_bank),
        route(context, bank, "PUT", Role.ADMIN, change_bank),
        route(context, bank, "DELETE", Role.ADMIN, delete_bank),
        route(context, f"{bank}/content", "POST", Role.CURATE, add_content),
        route(context, f"{bank}/signal", "POST", Role.CURATE, add_signal),
        route(context, content, "GET", Role.CURATE, show_content),
        route(context, content, "PUT", Role.CURATE, change_content),
        route(context, content, "DELETE", Role.CURATE, delete_content),
    ]


async def banks(context: Context, _request: Request) -> Response:
    return JSONResponse([bank_json(bank) for bank in (feed_bank(context), *context.gate.local.banks())])


async def create_bank(context: Context, request: Request) -> Response:
    content = await json_body(request)
    name = text_in(content, "name")
    if name is None:
        raise InvalidInput("field_invalid", "Field `name` is required")
    if name == FEED_BANK:
        return message("Bank already exists", 403)
    ratio = ratio_in(content)
    made = await run_sync(context.gate.local.create_bank, name, 1.0 if ratio is None else ratio)
    return JSONResponse(bank_json(made), 201)


async def show_bank(context: Context, request: Request) -> Response:
    return JSONResponse(bank_json(bank_named(context, request)))


async def change_bank(context: Context, request: Request) -> Response:
    bank = bank_named(context, request)
    content = await json_body(request)
    name, ratio = text_in(content, "name"), ratio_in(content)
    if bank.name != FEED_BANK:
        if name == FEED_BANK:
            return message("Bank already exists", 403)
        if name not in (None, bank.name) and context.gate.sources.source(bank.name) is not None:
            raise Rejected("bank_of_a_source", "A bank that follows a source keeps its name")
        change = partial(context.gate.local.change_bank, bank.name, new_name=name, enabled_ratio=ratio)
        changed = await run_sync(change)
        return JSONResponse(bank_json(changed))
    if name not in (None, FEED_BANK):
        raise Rejected("bank_of_the_hub", "The hub's bank keeps its name")
    if ratio is not None:
        await run_sync(context.gate.checker.set_feed_ratio, ratio)
    return JSONResponse(bank_json(feed_bank(context)))


async def delete_bank(context: Context, request: Request) -> Response:
    name = request.path_params["bank"]
    if name == FEED_BANK:
        raise Rejected(
            "bank_of_the_hub", "The hub's bank cannot be deleted; set its enabled_ratio to 0 to match without it"
        )
    if context.gate.sources.source(name) is not None:
        raise Rejected("bank_of_a_source", "This bank goes with its source: amparo source remove")
    await run_sync(context.gate.local.delete_bank, name)
    return message("Done")


async def add_content(context: Context, request: Request) -> Response:
    bank = own_bank_named(context, request)
    if request.query_params.get("url"):
        signals = await signals_of_url(context, request)
        told = (
            await json_body(request) if request.headers.get("content-type", "").startswith("application/json") else {}
        )
    else:
        async with form_of(context, request) as form:
            signals = await signals_of_form(context, request, form)
            told = cast("dict[str, Any]", form.fields)
    if "" in signals.values():
        raise InvalidInput("quality_too_low", "This picture has too little detail to be banked")
    return await _added(context, bank.name, signals, _about({**request.query_params, **told}))


async def add_signal(context: Context, request: Request) -> Response:
    bank = own_bank_named(context, request)
    told = await json_body(request)
    about = _about({name: value for name, value in told.items() if name in ("note", "metadata")})
    signals = {name: value for name, value in told.items() if name not in ("note", "metadata")}
    return await _added(
        context, bank.name, {check_signal_type(context, kind): value for kind, value in signals.items()}, about
    )


async def show_content(context: Context, request: Request) -> Response:
    bank, number = bank_named(context, request), _number(request)
    content = (
        _feed_content(context, number) if bank.name == FEED_BANK else context.gate.local.content(bank.name, number)
    )
    told = _config(content)
    if flag(request, "include_signals"):
        told["signals"] = _signals(context, content)
    if flag(request, "include_metadata"):
        metadata = content.about.metadata
        told["metadata"] = {
            "collab": bank.name if _is_followed(context, bank.name) else None,
            **{name: metadata.get(name) for name in ("content_id", "content_uri", "json")},
        }
    if content.about.note is not None:
        told["note"] = content.about.note
    return JSONResponse(told)


async def change_content(context: Context, request: Request) -> Response:
    bank, number = bank_named(context, request), _number(request)
    told = await json_body(request)
    until = told.get("disable_until_ts")
    if until is not None and (not isinstance(until, int) or isinstance(until, bool) or until < 0):
        raise InvalidInput("field_invalid", "Field `disable_until_ts` must be 0, 1 or a time in Unix seconds")
    if until is not None and until > 1 and not can_end(until, context.gate.clock.now()):
        raise InvalidInput("field_invalid", "Field `disable_until_ts` must lie in the next five years")
    note = text_in(told, "note")
    if note is not None:
        own_bank_named(context, request)
    if bank.name == FEED_BANK:
        changed = await run_sync(_change_of_feed, context, number, until)
    else:
        change = partial(context.gate.local.change_content, bank.name, number, disable_until=until, note=note)
        changed = await run_sync(change)
    about = changed.about
    told = {"collab_metadata": {}, "user_metadata": dict(about.metadata), "note": about.note}
    return JSONResponse({**_config(changed), **told})


async def delete_content(context: Context, request: Request) -> Response:
    bank = own_bank_named(context, request)
    gone = await run_sync(context.gate.local.delete_content, bank.name, _number(request))
    return JSONResponse({"deleted": int(gone)})


def _change_of_feed(context: Context, number: int, until: int | None) -> Content:
    """Switch an entry of the hub off or on, for this gate."""
    entry = _origin(context, number).entry
    if until == 0:
        context.gate.switch_on(entry)
    elif until is not None:
        context.gate.switch_off(entry, 0 if until == 1 else until)
    return _feed_content(context, number)


def _is_followed(context: Context, bank: str) -> bool:
    return bank == FEED_BANK or context.gate.sources.source(bank) is not None


async def _added(context: Context, bank: str, signals: dict[str, Any], about: About) -> Response:
    content = await run_sync(context.gate.local.add_content, bank, signals, about)
    return JSONResponse({"id": content, "signals": context.gate.local.signals_of(content)})


def _config(content: Content) -> dict[str, Any]:
    return {
        "id": content.id,
        "disable_until_ts": content.disable_until,
        "original_media_uri": content.about.media_uri,
        "bank": bank_json(content.bank),
    }


def _origin(context: Context, number: int) -> Origin:
    origin = context.gate.replica.origins_of([number - FEED_CONTENT]).get(number - FEED_CONTENT)
    if origin is None:
        raise NotFound("content_unknown", "content not found")
    return origin


def _feed_content(context: Context, number: int) -> Content:
    origin = _origin(context, number)
    decided = context.gate.entries_here.of(origin.entry)
    off = 0
    if decided is not None and decided.at(context.gate.clock.now().timestamp()) is Here.OFF:
        off = decided.until or 1
    about = About(
        metadata={"content_id": origin.entry, "json": {"since": origin.since, "expires_at": origin.expires_at}}
    )
    return Content(number, feed_bank(context), off, origin.since, about)


def _signals(context: Context, content: Content) -> dict[str, str]:
    if content.bank.name != FEED_BANK:
        return context.gate.local.signals_of(content.id)
    value = context.gate.replica.value_of(content.id - FEED_CONTENT)
    return {} if value is None else {PDQ: value.hex()}


def _number(request: Request) -> int:
    text = request.path_params["content"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotFound("content_unknown", "content not found")
    return int(text)


def _about(told: dict[str, Any]) -> About:
    """Note, metadata and media uri from a form, a query or a JSON body. Raises InvalidInput ``about_invalid``."""
    metadata = told.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = read_json(metadata)
        except InvalidInput as error:
            raise InvalidInput("about_invalid", "metadata should be a json object") from error
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise InvalidInput("about_invalid", "metadata should be a json object")
    metadata = cast("dict[str, Any]", metadata)
    unexpected = set(metadata) - _METADATA
    if unexpected:
        raise InvalidInput(
            "about_invalid", f"metadata contains unexpected keys; known are {', '.join(sorted(_METADATA))}"
        )
    uri = metadata.get("content_uri")
    if not isinstance(metadata.get("content_id", ""), str) or not isinstance(metadata.get("json", {}), dict):
        raise InvalidInput("about_invalid", "content_id must be a string and json an object")
    if uri is not None and not (isinstance(uri, str) and _is_uri(uri)):
        raise InvalidInput("about_invalid", "content_uri must be a uri")
    return About(text_in(told, "note"), uri, metadata)


def _is_uri(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False
