"""One page of the native feed and its bytes.

::

    {"page": {
        "format": "amparo-feed/1", "hub": 32 hex, "partner": 32 hex,
        "after": int, "cursor": int, "head": int, "nonce": 32 hex, "issued_at": time,
        "changes": [
          {"kind": "add", "sequence": int, "entry": 32 hex, "case": 32 hex, "signal_type": "pdq",
           "value": 64 hex, "quality": int, "expires_at": time},
          {"kind": "tombstone", "sequence": int, "entry": 32 hex, "reason": "withdrawn" | "expired" | "held"}]},
     "signature": 128 hex}

``amparo-feed/2`` is the same page with a member ``"trace_order": 256 hex`` and two more kinds of change::

    {"kind": "add", "sequence": int, "entry": 32 hex, "signal_type": "trace", "descriptors": base64url, "expires_at": time}
    {"kind": "add", "sequence": int, "entry": 32 hex, "signal_type": "trace-record", "record": base64url, "expires_at": time}

``trace_order`` is the order in which this hub gives this partner the 128 bits of a descriptor (``signal.trace.permutation``).
``descriptors`` are 32 to 256 of 16 bytes in that order, strictly ascending, with no position, direction, size or tile;
``record`` is a whole record of spec/trace.md, for partners whom the operator trusts with it.

The envelope has one spelling only: the RFC 8785 bytes of this object. The signature is Ed25519 over those of ``page``
under the format's name as context. Unknown members are refused: whoever widens the format gives it a new name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, cast

from amparo.bank import TombstoneReason
from amparo.core.canonical import Json, canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import AmparoError, VerificationFailed
from amparo.core.ids import EntryId, HubId, PartnerId, is_id
from amparo.core.keys import SIGNATURE_BYTES, SigningKey
from amparo.exchange.native.base64url import from_base64url, to_base64url
from amparo.signal.fingerprint import Pdq, SignalType
from amparo.signal.trace import codec
from amparo.signal.trace.permutation import BITS
from amparo.signal.trace.record import DESCRIPTOR_BYTES, FEWEST_KEYPOINTS, MOST_KEYPOINTS

FORMAT: Final = "amparo-feed/1"
FORMAT_WITH_TRACES: Final = "amparo-feed/2"
TRACE_RECORD: Final = "trace-record"
MAXIMUM_CHANGES: Final = 5000
MAXIMUM_BYTES: Final = 4_000_000
_PAGE_MEMBERS: Final = {"format", "hub", "partner", "after", "cursor", "head", "nonce", "issued_at", "changes"}
_ADD_MEMBERS: Final = {"kind", "sequence", "entry", "case", "signal_type", "value", "quality", "expires_at"}
_TRACE_MEMBERS: Final = {"kind", "sequence", "entry", "signal_type", "descriptors", "expires_at"}
_RECORD_MEMBERS: Final = {"kind", "sequence", "entry", "signal_type", "record", "expires_at"}
_TOMBSTONE_MEMBERS: Final = {"kind", "sequence", "entry", "reason"}


@dataclass(frozen=True, slots=True)
class Addition:
    """``entry`` and ``case`` are this partner's pseudonyms."""

    sequence: int
    entry: EntryId
    case: str
    fingerprint: Pdq
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TraceAddition:
    """A registered ordinary photo. descriptors: rows of 16 bytes, in this partner's order of bits; empty where ``record``
    holds the whole record, unpermuted."""

    sequence: int
    entry: EntryId
    descriptors: bytes
    expires_at: datetime
    record: bytes = b""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The entry must stop matching; a partner that never held it ignores this."""

    sequence: int
    entry: EntryId
    reason: TombstoneReason


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Everything that changed in (after, cursor]; ``head`` is the feed's last sequence at ``issued_at``.

    trace_order: 128 bytes on a page of ``amparo-feed/2``, None on one of ``amparo-feed/1``, which has no traces.
    """

    hub: HubId
    partner: PartnerId
    after: int
    cursor: int
    head: int
    nonce: str
    issued_at: datetime
    changes: tuple[Addition | TraceAddition | Tombstone, ...]
    trace_order: bytes | None = None

    @property
    def format(self) -> str:
        return FORMAT if self.trace_order is None else FORMAT_WITH_TRACES

    @property
    def more(self) -> bool:
        """Whether the feed goes on behind this page."""
        return self.cursor < self.head


def encode_page(page: FeedPage, key: SigningKey) -> bytes:
    """The signed envelope."""
    content = canonical_bytes(_page_json(page))
    return _envelope(content, key.sign(page.format, content))


def decode_page(envelope: bytes) -> tuple[FeedPage, bytes, bytes]:
    """The page, the bytes that were signed, the signature; nothing is verified yet.

    Raises VerificationFailed ``page_malformed`` (step ``parse``) for anything but the format above.
    """
    if len(envelope) > MAXIMUM_BYTES:
        raise _malformed(f"{len(envelope)} bytes")
    try:
        outer = cast("dict[str, Any]", json.loads(envelope))
        _exactly(outer, {"page", "signature"})
        content = cast("dict[str, Any]", outer["page"])
        signature = bytes.fromhex(outer["signature"])
        page, signed = _page_of(content), canonical_bytes(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _malformed(str(error)) from error
    except AmparoError as error:
        raise _malformed(error.code) from error
    # JSON and hexadecimal digits have many spellings, and parsers disagree about members that come twice.
    if len(signature) != SIGNATURE_BYTES or _envelope(signed, signature) != envelope:
        raise _malformed("not canonical")
    return page, signed, signature


def _envelope(signed: bytes, signature: bytes) -> bytes:
    return b'{"page":' + signed + b',"signature":"' + signature.hex().encode() + b'"}'


def _page_json(page: FeedPage) -> Json:
    order: Mapping[str, Json] = {} if page.trace_order is None else {"trace_order": page.trace_order.hex()}
    return {
        **order,
        "format": page.format,
        "hub": page.hub,
        "partner": page.partner,
        "after": page.after,
        "cursor": page.cursor,
        "head": page.head,
        "nonce": page.nonce,
        "issued_at": to_text(page.issued_at),
        "changes": [_change_json(change) for change in page.changes],
    }


def _change_json(change: Addition | TraceAddition | Tombstone) -> Mapping[str, Json]:
    if isinstance(change, TraceAddition):
        kind, member, value = SignalType.TRACE.value, "descriptors", change.descriptors
        if change.record:
            kind, member, value = TRACE_RECORD, "record", change.record
        return {
            "kind": "add",
            "sequence": change.sequence,
            "entry": change.entry,
            "signal_type": kind,
            member: to_base64url(value),
            "expires_at": to_text(change.expires_at),
        }
    if isinstance(change, Tombstone):
        return {
            "kind": "tombstone",
            "sequence": change.sequence,
            "entry": change.entry,
            "reason": change.reason.value,
        }
    return {
        "kind": "add",
        "sequence": change.sequence,
        "entry": change.entry,
        "case": change.case,
        "signal_type": SignalType.PDQ.value,
        "value": change.fingerprint.hex,
        "quality": change.fingerprint.quality,
        "expires_at": to_text(change.expires_at),
    }


def _page_of(content: dict[str, Any]) -> FeedPage:
    order = None
    if content["format"] == FORMAT_WITH_TRACES:
        _exactly(content, _PAGE_MEMBERS | {"trace_order"})
        order = _order_of(content["trace_order"])
    elif content["format"] == FORMAT:
        _exactly(content, _PAGE_MEMBERS)
    else:
        raise ValueError("another format")
    changes = cast("list[dict[str, Any]]", content["changes"])
    if not isinstance(content["changes"], list) or len(changes) > MAXIMUM_CHANGES:
        raise ValueError("no list of changes, or too many")
    return FeedPage(
        hub=HubId(_identifier(content["hub"])),
        partner=PartnerId(_identifier(content["partner"])),
        after=_count(content["after"]),
        cursor=_count(content["cursor"]),
        head=_count(content["head"]),
        nonce=_identifier(content["nonce"]),
        issued_at=from_text(content["issued_at"]),
        changes=tuple(_change_of(change, traces=order is not None) for change in changes),
        trace_order=order,
    )


def _change_of(content: dict[str, Any], *, traces: bool) -> Addition | TraceAddition | Tombstone:
    if content["kind"] == "tombstone":
        _exactly(content, _TOMBSTONE_MEMBERS)
        entry = EntryId(_identifier(content["entry"]))
        return Tombstone(_count(content["sequence"]), entry, TombstoneReason(content["reason"]))
    if traces and content["kind"] == "add" and content["signal_type"] in (SignalType.TRACE, TRACE_RECORD):
        return _trace_of(content)
    _exactly(content, _ADD_MEMBERS)
    if content["kind"] != "add" or content["signal_type"] != SignalType.PDQ:
        raise ValueError("unknown kind of change")
    return Addition(
        sequence=_count(content["sequence"]),
        entry=EntryId(_identifier(content["entry"])),
        case=_identifier(content["case"]),
        fingerprint=Pdq.from_hex(content["value"], _count(content["quality"])),
        expires_at=from_text(content["expires_at"]),
    )


def _trace_of(content: dict[str, Any]) -> TraceAddition:
    sequence, entry = _count(content["sequence"]), EntryId(_identifier(content["entry"]))
    if content["signal_type"] == TRACE_RECORD:
        _exactly(content, _RECORD_MEMBERS)
        record = from_base64url(content["record"])
        codec.decode(record)
        return TraceAddition(sequence, entry, b"", from_text(content["expires_at"]), record)
    _exactly(content, _TRACE_MEMBERS)
    pooled = from_base64url(content["descriptors"])
    rows = [pooled[at : at + DESCRIPTOR_BYTES] for at in range(0, len(pooled), DESCRIPTOR_BYTES)]
    if not FEWEST_KEYPOINTS <= len(rows) <= MOST_KEYPOINTS or len(pooled) % DESCRIPTOR_BYTES:
        raise ValueError("too few or too many descriptors")
    if any(one >= two for one, two in pairwise(rows)):
        raise ValueError("descriptors out of order")
    return TraceAddition(sequence, entry, pooled, from_text(content["expires_at"]))


def _order_of(value: object) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * BITS:
        raise ValueError("not an order of bits")
    order = bytes.fromhex(value)
    if sorted(order) != list(range(BITS)) or order.hex() != value:
        raise ValueError("not an order of bits")
    return order


def _exactly(content: dict[str, Any], members: set[str]) -> None:
    if set(content) != members:
        raise ValueError("missing or unknown members")


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not an identifier")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError("not a count")
    return value


def _malformed(detail: str) -> VerificationFailed:
    return VerificationFailed(
        "page_malformed", "The hub's answer is not a page of the native feed.", step="parse", detail=detail
    )
