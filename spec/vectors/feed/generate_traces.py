"""Makes the golden vectors of ``amparo-feed/2``: ``python spec/vectors/feed/generate_traces.py``. Everything is seeded.

``traces.json``: pages with traces that must be accepted, and pages that must be refused at ``parse``, all of them signed by
the right key. A test of the suite makes it again and compares.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from amparo.bank import TombstoneReason
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import to_text
from amparo.core.ids import EntryId, PartnerId
from amparo.core.keys import SigningKey
from amparo.exchange.native import Addition, FeedPage, Tombstone, TraceAddition, encode_page
from amparo.exchange.native.base64url import to_base64url
from amparo.exchange.native.page import FORMAT_WITH_TRACES
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import TraceRecord, codec

HERE = Path(__file__).parent
KEY = SigningKey(bytes(range(32)))
ISSUED = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
_KEYPOINTS = 32


def _page() -> FeedPage:
    chance = random.Random(11)  # noqa: S311  # vectors, not secrets
    rows = sorted(chance.randbytes(16) for _ in range(_KEYPOINTS))
    ids = [chance.randbytes(16).hex() for _ in range(7)]
    order = list(range(128))
    chance.shuffle(order)
    expires = ISSUED + timedelta(days=730)
    return FeedPage(
        KEY.public.hub_id,
        PartnerId(ids[0]),
        0,
        9,
        9,
        ids[1],
        ISSUED,
        (
            Addition(1, EntryId(ids[2]), ids[3], Pdq(chance.randbytes(32), 90), expires),
            TraceAddition(2, EntryId(ids[4]), b"".join(rows), expires),
            TraceAddition(3, EntryId(ids[5]), b"", expires, _record(rows)),
            Tombstone(5, EntryId(ids[4]), TombstoneReason.WITHDRAWN),
        ),
        bytes(order),
    )


def _record(rows: list[bytes]) -> bytes:
    """A made-up record: the format alone matters here."""
    zero = np.zeros(_KEYPOINTS, np.uint8)
    descriptors = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 16)
    signs, energies = np.zeros((256, 8), np.int8), np.zeros(256, np.uint8)
    return codec.encode(TraceRecord(Pdq(bytes(32), 90), 384, 512, zero, zero, zero, zero, descriptors, signs, energies))


def vectors() -> dict[str, Any]:
    page = _page()
    expected = {
        "hub_key": KEY.public.hex,
        "partner": page.partner,
        "after": 0,
        "nonce": page.nonce,
        "head": 0,
        "issued_at": None,
        "now": to_text(ISSUED),
    }
    pages = {
        "traces, a record and others": page,
        "an order and nothing new": replace(page, after=0, cursor=9, changes=()),
    }
    accepted = [
        {"name": name, "answer": encode_page(one, KEY).decode(), "changes": len(one.changes)}
        for name, one in pages.items()
    ]
    inner = json.loads(encode_page(page, KEY))["page"]
    order = page.trace_order or b""
    rows = inner["changes"][1]["descriptors"]
    refused = {
        "an order with a bit twice": {**inner, "trace_order": (order[:1] + order[:-1]).hex()},
        "an order that is too short": {**inner, "trace_order": order[:-1].hex()},
        "an order in capitals": {**inner, "trace_order": order.hex().upper()},
        "no order": {k: v for k, v in inner.items() if k != "trace_order"},
        "an order in the format without traces": {**inner, "format": "amparo-feed/1"},
        "a trace in the format without traces": {
            k: v for k, v in {**inner, "format": "amparo-feed/1"}.items() if k != "trace_order"
        },
        "descriptors with padding": _with(inner, 1, descriptors=rows + "="),
        "descriptors in the other alphabet": _with(inner, 1, descriptors="+" + rows[1:]),
        "31 descriptors": _with(inner, 1, descriptors=_rows(page, 31)),
        "half a descriptor": _with(inner, 1, descriptors=to_base64url(_bytes(page)[:-8])),
        "257 descriptors": _with(inner, 1, descriptors=to_base64url(b"".join(n.to_bytes(16) for n in range(257)))),
        "descriptors that do not rise": _with(inner, 1, descriptors=to_base64url(_bytes(page)[::-1])),
        "a descriptor twice": _with(inner, 1, descriptors=to_base64url(_bytes(page)[:16] * 2 + _bytes(page)[32:])),
        "a trace with positions beside it": _with(inner, 1, columns="AAAA"),
        "a trace with its case": _with(inner, 1, case="0" * 32),
        "a record that is none": _with(inner, 2, record="AAAA"),
        "a record that is cut": _with(inner, 2, record=inner["changes"][2]["record"][:-4]),
        "a record called a trace": _with(inner, 2, signal_type="trace"),
    }
    return {
        "expected": expected,
        "accepted": accepted,
        "refused": [{"name": name, "answer": _signed(content)} for name, content in refused.items()],
    }


def _bytes(page: FeedPage) -> bytes:
    change = page.changes[1]
    assert isinstance(change, TraceAddition)
    return change.descriptors


def _rows(page: FeedPage, count: int) -> str:
    return to_base64url(_bytes(page)[: 16 * count])


def _with(inner: dict[str, Any], place: int, **members: Any) -> dict[str, Any]:
    changes = [{**change, **members} if at == place else change for at, change in enumerate(inner["changes"])]
    return {**inner, "changes": changes}


def _signed(inner: dict[str, Any]) -> str:
    content = canonical_bytes(inner)
    signature = KEY.sign(str(inner.get("format", FORMAT_WITH_TRACES)), content)
    return '{"page":' + content.decode() + ',"signature":"' + signature.hex() + '"}'


def text_of(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "traces.json").write_text(text_of(vectors()), encoding="utf-8")
