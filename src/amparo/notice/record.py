"""Events of a notice as canonical JSON bytes, before they are sealed into their case. Strict both ways."""

from __future__ import annotations

import json
import types
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, NewType, Union, cast, get_args, get_origin, get_type_hints

from amparo.core.canonical import Json, canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import IntegrityViolation
from amparo.notice import machine
from amparo.notice.machine import Event

_KINDS: Final[dict[str, type[Any]]] = {
    "notice-drafted": machine.NoticeDrafted,
    "notice-revised": machine.NoticeRevised,
    "notice-approved": machine.NoticeApproved,
    "notice-sent": machine.NoticeSent,
    "delivery-failed": machine.DeliveryFailed,
    "receipt-proved": machine.ReceiptProved,
    "answer-recorded": machine.AnswerRecorded,
    "clock-warned": machine.ClockWarned,
    "clock-ran-out": machine.ClockRanOut,
    "notice-abandoned": machine.NoticeAbandoned,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def encode(event: Event) -> bytes:
    """Canonical JSON with the event's kind and every field of it and of what it holds."""
    return canonical_bytes({"kind": _NAMES[type(event)], **_members(event)})


def decode(raw: bytes) -> Event:
    """Inverse of ``encode``. Raises IntegrityViolation ``notice_event_unreadable``: what we wrote ourselves must be readable."""
    try:
        content = cast("dict[str, Any]", json.loads(raw))
        kind = _KINDS[content.pop("kind")]
        return cast("Event", _built(kind, content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityViolation("notice_event_unreadable", "A stored event of a notice could not be read.") from error


def _members(value: Any) -> dict[str, Json]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Json:
    match value:
        case datetime():
            return to_text(value)
        case date():
            return value.isoformat()
        case tuple():
            return [_plain(part) for part in cast("tuple[Any, ...]", value)]
        case str():
            return str(value)
        case _ if is_dataclass(value):
            return _members(value)
        case _:
            return value


def _built(hint: Any, value: Any) -> Any:
    """The value of this type that ``_plain`` wrote so. Raises ValueError, KeyError or TypeError for anything else."""
    if isinstance(hint, NewType):
        return _built(hint.__supertype__, value)
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (kind for kind in get_args(hint) if kind is not type(None))
        return None if value is None else _built(inner, value)
    if get_origin(hint) is tuple:
        return tuple(_built(get_args(hint)[0], part) for part in _exactly(list, value))
    if is_dataclass(hint):
        members = _exactly(dict, value)
        hints = _hints(cast("type[Any]", hint))
        if members.keys() != hints.keys():
            raise ValueError("members differ")
        return cast("type[Any]", hint)(**{name: _built(kind, members[name]) for name, kind in hints.items()})
    if hint is datetime:
        return from_text(_exactly(str, value))
    if hint is date:
        return _day(_exactly(str, value))
    if issubclass(hint, StrEnum):
        return hint(_exactly(str, value))
    return _exactly(hint, value)


def _exactly(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError("another spelling of a day")
    return day


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return {field.name: get_type_hints(kind)[field.name] for field in fields(kind)}
