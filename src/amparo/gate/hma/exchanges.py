"""``/c/exchanges``, ``/c/signal_type``, ``/c/content_type``: where fingerprints come from, and what kinds there are.

A gate follows the hub of its partner card, and sources; each is an exchange that fills the bank of its name. Sources are made,
switched and ended here as by ``amparo source``; the hub is not, for the card settles it and withdrawals come by its feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import InvalidInput, NotFound, Rejected
from amparo.gate.access import Role
from amparo.gate.checker import FEED_BANK
from amparo.gate.hma.matching import newest_of, size_of
from amparo.gate.hma.wire import PHOTO, VIDEO, Context, json_body, message, ratio_in, route, signal_ratio, text_in
from amparo.gate.local_banks import SIGNAL_TYPES
from amparo.gate.sources import CREDENTIALS, SourceKind, SourceRecord

API: Final = "amparo"
FILES: Final = "files"
"""In the gate's data folder: where files lie that may be followed by HTTP."""
_KINDS: Final = {
    "stop_ncii": SourceKind.STOPNCII,
    "ncmec": SourceKind.NCMEC,
    "csv": SourceKind.CSV,
    "local_file": SourceKind.THREATEXCHANGE,
}
"""As HMA names those that it has too."""


def routes(context: Context) -> list[Route]:
    api, exchange = "/c/exchanges/api/{api}", "/c/exchange/{exchange}"
    return [
        route(context, "/c/exchanges/apis", "GET", Role.ADMIN, apis),
        route(context, f"{api}/schema", "GET", Role.ADMIN, api_schema),
        route(context, api, "GET", Role.ADMIN, show_api),
        route(context, api, "POST", Role.ADMIN, change_api),
        route(context, "/c/exchanges", "GET", Role.ADMIN, exchanges),
        route(context, "/c/exchanges", "POST", Role.ADMIN, create_exchange),
        route(context, f"{exchange}/status", "GET", Role.ADMIN, exchange_status),
        route(context, exchange, "GET", Role.ADMIN, show_exchange),
        route(context, exchange, "PUT", Role.ADMIN, change_exchange),
        route(context, exchange, "DELETE", Role.ADMIN, delete_exchange),
        route(context, "/c/signal_type", "GET", Role.CURATE, signal_types),
        route(context, "/c/signal_type/index", "GET", Role.CURATE, signal_index),
        route(context, "/c/signal_type/{signal}", "PUT", Role.ADMIN, change_signal_type),
        route(context, "/c/content_type", "GET", Role.CURATE, content_types),
    ]


async def apis(_context: Context, _request: Request) -> Response:
    return JSONResponse([API, *_KINDS])


async def show_api(context: Context, request: Request) -> Response:
    api = _checked_api(request.path_params["api"])
    if api == API:
        return JSONResponse({"supports_authentification": True, "has_set_authentification": True})
    kind = _KINDS[api]
    known = await run_sync(context.gate.sources.has_credentials, kind)
    return JSONResponse({"supports_authentification": bool(CREDENTIALS[kind]), "has_set_authentification": known})


async def change_api(context: Context, request: Request) -> Response:
    api = _checked_api(request.path_params["api"])
    told = (await json_body(request)).get("credential_json")
    if told is not None and api == API:
        raise Rejected("card_settles_that", "The key of this exchange is in the gate's partner card")
    if told is not None:
        kind = _KINDS[api]
        await run_sync(context.gate.sources.set_credentials, kind, _credentials_in(told, kind))
    return await show_api(context, request)


async def api_schema(_context: Context, request: Request) -> Response:
    api = _checked_api(request.path_params["api"])
    if api == API:
        config = [
            _field("hub_url", "Where the hub answers."),
            _field("hub_key", "The hub's Ed25519 public key, 64 hexadecimal digits."),
            _field("partner", "Our identifier at the hub."),
            _field("name", "What the hub calls us."),
        ]
        credentials = [_field("key", "Our bearer secret.")]
    else:
        in_file = not CREDENTIALS[_KINDS[api]]
        told = f"A file's name in the folder {FILES} of the gate's data." if in_file else "Its server, with https://."
        config = [_field("address", told)]
        credentials = [_field(name, "Given out by the source's owner.") for name in CREDENTIALS[_KINDS[api]]]
    return JSONResponse({"config_schema": {"fields": config}, "credentials_schema": {"fields": credentials}})


async def exchanges(context: Context, _request: Request) -> Response:
    return JSONResponse([FEED_BANK, *(source.name for source in context.gate.sources.sources())])


async def create_exchange(context: Context, request: Request) -> Response:
    content = await json_body(request)
    bank = text_in(content, "bank")
    if bank is None:
        raise InvalidInput("field_invalid", "Field `bank` is required")
    api = text_in(content, "api")
    if api is None:
        raise InvalidInput("field_invalid", "Field `api_type` is required")
    if _checked_api(api) == API:
        raise Rejected(
            "card_settles_that", "A gate follows the hub of its partner card; run another gate for another hub"
        )
    address = _address_in(content.get("api_json"), context, _KINDS[api])
    source = SourceRecord(bank, _KINDS[api], address)
    await run_sync(partial(context.gate.sources.add, source, with_waiting=True))
    return message("Created successfully", 201)


async def show_exchange(context: Context, request: Request) -> Response:
    return JSONResponse(_exchange_json(context, _source_named(context, request)))


async def change_exchange(context: Context, request: Request) -> Response:
    source = _source_named(context, request)
    enabled = (await json_body(request)).get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise InvalidInput("field_invalid", "Field `enabled` must be true or false")
    if source is None and enabled is False:
        # Withdrawals come by the feed: a gate that stopped listening would go on matching what a person took back.
        raise Rejected("feed_needed", "The feed cannot be stopped, for it brings withdrawals; disable the bank instead")
    if source is not None and enabled is not None:
        await run_sync(context.gate.sources.enable, source.name, enabled)
    return JSONResponse(_exchange_json(context, _source_named(context, request)))


async def delete_exchange(context: Context, request: Request) -> Response:
    source = _source_named(context, request)
    if source is None:
        raise Rejected("card_settles_that", "A gate leaves its hub by being stopped, and its data folder deleted")
    await run_sync(context.gate.sources.remove, source.name)
    return message("Exchange deleted")


async def exchange_status(context: Context, request: Request) -> Response:
    source = _source_named(context, request)
    if source is not None:
        return JSONResponse(_status_of(context, source))
    status, standing = context.gate.status(), context.gate.replica.standing()
    issued = standing.issued_at if standing is not None else None
    return JSONResponse(
        {
            "checkpoint_ts": None if issued is None else int(issued.timestamp()),
            "fetched_items": status.entries,
            "last_fetch_complete_ts": _seconds(status.synced_at),
            "last_fetch_succeeded": status.problem is None and issued is not None,
            "running_fetch_start_ts": None,
            "up_to_date": issued is not None and status.cursor >= status.head and status.problem is None,
        }
    )


def _status_of(context: Context, source: SourceRecord) -> dict[str, Any]:
    pulled = context.gate.sources.status_of(source.name)
    well = pulled.problem is None and pulled.pulled_at is not None
    return {
        "checkpoint_ts": _checkpoint_seconds(source),
        "fetched_items": context.gate.local.count_in(source.name),
        "last_fetch_complete_ts": None if pulled.pulled_at is None else int(pulled.pulled_at.timestamp()),
        "last_fetch_succeeded": well,
        "running_fetch_start_ts": None if pulled.began_at is None else int(pulled.began_at.timestamp()),
        "up_to_date": well and source.enabled,
    }


def _checkpoint_seconds(source: SourceRecord) -> int | None:
    """Unix seconds, where this format's checkpoint is a time."""
    if source.checkpoint is None:
        return None
    if source.kind is SourceKind.STOPNCII:
        return int(source.checkpoint)
    if source.kind is not SourceKind.NCMEC:
        return None
    from amparo.exchange.ncmec import from_moment  # as in ``sources.puller``: not at every start

    return int(from_moment(source.checkpoint).timestamp())


async def signal_types(context: Context, _request: Request) -> Response:
    return JSONResponse([{"name": kind, "enabled_ratio": signal_ratio(context, kind)} for kind in SIGNAL_TYPES])


async def content_types(_context: Context, _request: Request) -> Response:
    return JSONResponse([{"name": kind, "enabled": True} for kind in (PHOTO, VIDEO)])


async def change_signal_type(context: Context, request: Request) -> Response:
    kind = request.path_params["signal"]
    if kind not in SIGNAL_TYPES:
        raise NotFound("signal_type_unknown", f"No such signal type '{kind[:60]}'")
    ratio = ratio_in(await json_body(request))
    if ratio is None:
        raise InvalidInput("field_invalid", "Field `enabled_ratio` is required")
    await run_sync(context.gate.local.set_ratio, f"signal {kind}", ratio)
    return JSONResponse({"name": kind, "enabled_ratio": ratio})


async def signal_index(context: Context, request: Request) -> Response:
    wanted = request.query_params.get("signal_type")
    if wanted is not None and wanted not in SIGNAL_TYPES:
        raise InvalidInput("signal_type_unknown", f"No such signal type '{wanted[:60]}'")
    told: dict[str, Any] = {}
    for kind in SIGNAL_TYPES if wanted is None else (wanted,):
        size, newest = size_of(context, kind), newest_of(context, kind)
        # There is no second copy to be out of date: what is on disk is matched.
        told[kind] = {
            "db_size": size,
            "index_size": size,
            "index_out_of_date": False,
            "newest_db_item": newest,
            "index_built_to": newest,
        }
    return JSONResponse(told)


def _checked_api(name: str) -> str:
    if name != API and name not in _KINDS:
        raise InvalidInput("exchange_api_unknown", f"no such Exchange API '{name[:60]}'")
    return name


def _source_named(context: Context, request: Request) -> SourceRecord | None:
    """The source of the path, None for the hub. Raises NotFound ``exchange_unknown``."""
    name = request.path_params["exchange"]
    source = context.gate.sources.source(name)
    if source is None and name != FEED_BANK:
        raise NotFound("exchange_unknown", f"Exchange '{name[:255]}' not found")
    return source


def _exchange_json(context: Context, source: SourceRecord | None) -> dict[str, Any]:
    if source is not None:
        api = next(name for name, kind in _KINDS.items() if kind is source.kind)
        return {"name": source.name, "api": api, "enabled": source.enabled, "address": source.address}
    card = context.gate.card
    return {
        "name": FEED_BANK,
        "api": API,
        "enabled": True,
        "hub_url": card.hub_url,
        "hub_key": card.hub_key,
        "partner": card.partner,
    }


def _fields_of(told: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", told) if isinstance(told, dict) else {}


def _credentials_in(told: object, kind: SourceKind) -> dict[str, str]:
    """Exactly what a source of this format asks for. Raises InvalidInput ``credentials_invalid``."""
    asked = CREDENTIALS[kind]
    if not asked:
        raise InvalidInput("credentials_invalid", "This exchange asks for no credentials")
    given = _fields_of(told)
    if set(given) != set(asked) or not all(isinstance(value, str) and value for value in given.values()):
        raise InvalidInput("credentials_invalid", f"Field `credential_json` must have the texts {', '.join(asked)}")
    return {name: str(value) for name, value in given.items()}


def _address_in(told: object, context: Context, kind: SourceKind) -> str:
    """What ``amparo source add`` takes too, and of files only those that an operator has laid into one folder: a key for HTTP
    is no right to read the gate's machine. Raises InvalidInput ``field_invalid``."""
    given = _fields_of(told)
    address = given.get("address")
    if not isinstance(address, str) or not address or set(given) != {"address"}:
        raise InvalidInput("field_invalid", "Field `api_json` must have a text `address`, and nothing else")
    if CREDENTIALS[kind]:
        return address
    if address in (".", "..") or any(letter in address for letter in "/\\\0"):
        raise InvalidInput("field_invalid", f"A file's name, without a path; it lies in the gate's folder {FILES}")
    return str(context.gate.folder / FILES / address)


def _field(name: str, told: str) -> dict[str, Any]:
    return {"name": name, "type": "str", "required": True, "default": None, "help": told, "choices": None}


def _seconds(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())
