"""HMA's JSON: how its errors, banks and contents are spelled, and how its requests are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected
from amparo.core.problem import headers_of
from amparo.gate.access import Access, Role
from amparo.gate.checker import FEED_BANK
from amparo.gate.faults import fault_of
from amparo.gate.fetch_url import Fetcher
from amparo.gate.load import Load
from amparo.gate.local_banks import SIGNAL_TYPES, Bank
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime
from amparo.gate.strict_json import is_text, read_json
from amparo.gate.uploads import read_body

PHOTO: Final = "photo"
VIDEO: Final = "video"
JSON_BYTES: Final = 100_000
_TOO_LONG: Final = 413
_TOO_SLOW: Final = 408
_VALIDATION: Final = 422


class Missing(InvalidInput):
    """A request that HMA answers with its list of validation errors."""

    def __init__(self, field: str, given: object = None) -> None:
        kind, text = ("missing", "Field required") if given is None else ("value_error", "Value error")
        super().__init__("field_invalid", text)
        self.listed: list[dict[str, Any]] = [
            {
                "type": kind,
                "loc": [field],
                "msg": text,
                "input": {} if given is None else given,
                "url": f"https://errors.pydantic.dev/2/v/{kind}",
            }
        ]


@dataclass(frozen=True, slots=True)
class Context:
    """What HMA's routes work on."""

    gate: GateRuntime
    access: Access
    fetcher: Fetcher
    metrics: Metrics
    load: Load


Handler = Callable[[Context, Request], Awaitable[Response]]


def route(context: Context, path: str, method: str, role: Role | None, handler: Handler) -> Route:
    """A route that lets only ``role`` in (None: everyone) and tells errors in HMA's way."""

    async def answered(request: Request) -> Response:
        try:
            if role is not None:
                context.access.admit(request.headers.get("authorization", ""), role)
            return await handler(context, request)
        except Missing as error:
            context.metrics.refused(error.code)
            return JSONResponse(error.listed, _VALIDATION)
        except AmparoError as error:
            context.metrics.refused(error.code)
            return message(error.public, status_of(error), headers_of(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told in HMA's shape
            fault = fault_of(error, f"{method} {path}")
            context.metrics.refused(fault.code)
            return message(fault.public, fault.status)

    return Route(path, answered, methods=[method], name=f"{method} {path}")


def message(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"message": text}, status, headers)


def status_of(error: AmparoError) -> int:
    """HMA's status for an error of ours."""
    if error.code == "body_too_long" or error.code.endswith("_too_many_bytes"):
        return _TOO_LONG
    if error.code == "body_too_slow":
        return _TOO_SLOW
    if isinstance(error, InvalidInput):
        return 400
    return 403 if isinstance(error, Conflict) else error.status


def required(request: Request, name: str) -> str:
    """A query parameter. Raises Missing."""
    value = request.query_params.get(name)
    if not value:
        raise Missing(name)
    return value


def flag(request: Request, name: str) -> bool:
    """A query parameter that is true or false, false when it is not there. Raises Missing."""
    text = request.query_params.get(name, "false")
    if text.lower() not in ("true", "false", "1", "0"):
        raise Missing(name, text)
    return text.lower() in ("true", "1")


def names(request: Request, name: str) -> frozenset[str] | None:
    """A comma-separated query parameter; None when it is not there."""
    text = request.query_params.get(name)
    if text is None:
        return None
    return frozenset(part.strip() for part in text.split(",") if part.strip())


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises InvalidInput ``json_invalid``."""
    raw = await read_body(request, JSON_BYTES)
    try:
        content = read_json(raw)
    except InvalidInput as error:
        raise InvalidInput("json_invalid", "this endpoint expects a json object payload") from error
    if not isinstance(content, dict):
        raise InvalidInput("json_invalid", "this endpoint expects a json object payload")
    return cast("dict[str, Any]", content)


def ratio_in(content: dict[str, Any]) -> float | None:
    """``enabled_ratio``, or ``enabled`` as 1 or 0; None when neither is there. Raises InvalidInput ``ratio_invalid``."""
    if "enabled_ratio" in content:
        value = content["enabled_ratio"]
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        raise InvalidInput("ratio_invalid", "Field `enabled_ratio` must be a number between 0 and 1")
    if "enabled" in content:
        value = content["enabled"]
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return float(value.lower() == "true")
        raise InvalidInput("ratio_invalid", "Field `enabled` must be true or false")
    return None


def text_in(content: dict[str, Any], name: str) -> str | None:
    """A text member; None when it is not there. Raises InvalidInput ``field_invalid``."""
    value = content.get(name)
    if value is not None and not (isinstance(value, str) and is_text(value)):
        raise InvalidInput("field_invalid", f"Field `{name}` must be a string")
    return value


def bank_json(bank: Bank) -> dict[str, Any]:
    return {"name": bank.name, "matching_enabled_ratio": bank.enabled_ratio}


def feed_bank(context: Context) -> Bank:
    """The hub's bank as HMA would list it."""
    return Bank(FEED_BANK, context.gate.checker.feed_ratio)


def bank_named(context: Context, request: Request) -> Bank:
    """The bank of the path. Raises NotFound ``bank_unknown``."""
    name = request.path_params["bank"]
    if name == FEED_BANK:
        return feed_bank(context)
    try:
        return context.gate.local.bank(name)
    except NotFound as error:
        raise NotFound("bank_unknown", f"bank '{name[:255]}' not found") from error


def own_bank_named(context: Context, request: Request) -> Bank:
    """The same, refusing those that are followed. Raises Rejected ``bank_of_the_hub`` or ``bank_of_a_source``."""
    bank = bank_named(context, request)
    if bank.name == FEED_BANK:
        raise Rejected("bank_of_the_hub", "This bank follows the hub's feed; only the hub can change what is in it")
    if context.gate.sources.source(bank.name) is not None:
        raise Rejected("bank_of_a_source", "This bank follows a source; only the source can change what is in it")
    return bank


def check_signal_type(context: Context, kind: str) -> str:
    """Raises InvalidInput ``signal_type_unknown`` or ``signal_type_disabled``."""
    if kind not in SIGNAL_TYPES:
        raise InvalidInput("signal_type_unknown", f"No such SignalType '{kind[:60]}'")
    if not signal_ratio(context, kind) > 0:
        raise InvalidInput("signal_type_disabled", f"SignalType '{kind}' is not enabled")
    return kind


def signal_ratio(context: Context, kind: str) -> float:
    return context.gate.local.ratio_of(f"signal {kind}")
