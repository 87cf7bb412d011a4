"""Makes the golden vectors of the native feed: ``python spec/vectors/feed/generate.py``. Everything is seeded.

``accepted.json``: requests with the exact bytes of a page that must be accepted, and what is in it.
``refused.json``: answers that must be refused, each with the verification step that must fail.
A test of the suite makes both again and compares them with the files.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from amparo.bank import TombstoneReason
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import to_text
from amparo.core.ids import EntryId, PartnerId
from amparo.core.keys import SigningKey
from amparo.exchange.native import Addition, FeedPage, Tombstone, encode_page
from amparo.exchange.native.page import FORMAT, MAXIMUM_BYTES
from amparo.signal.fingerprint import Pdq

HERE = Path(__file__).parent
KEY = SigningKey(bytes(range(32)))
STRANGER = SigningKey(bytes(range(32, 64)))
ISSUED = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)


def _ids(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # vectors, not secrets


def _identifier(chance: random.Random) -> str:
    return chance.randbytes(16).hex()


def _pages() -> dict[str, FeedPage]:
    chance = _ids(7)
    partner, nonce = PartnerId(_identifier(chance)), _identifier(chance)
    entries = [EntryId(_identifier(chance)) for _ in range(4)]
    case = _identifier(chance)
    added = [
        Addition(n, entry, case, Pdq(chance.randbytes(32), quality), ISSUED + timedelta(days=730))
        for n, (entry, quality) in enumerate(zip(entries, (50, 77, 99, 100), strict=True), start=1)
    ]
    gone = [
        Tombstone(5, entries[0], TombstoneReason.WITHDRAWN),
        Tombstone(6, entries[1], TombstoneReason.EXPIRED),
        Tombstone(7, entries[2], TombstoneReason.HELD),
    ]
    hub = KEY.public.hub_id
    first = FeedPage(hub, partner, 0, 4, 9, nonce, ISSUED, tuple(added))
    return {
        "additions, more to come": first,
        "every kind of tombstone": replace(first, after=4, cursor=7, changes=tuple(gone)),
        "steps left out": replace(first, after=4, cursor=9, changes=(gone[1],)),
        "additions and tombstones": replace(first, cursor=9, changes=(*added[:2], *gone)),
        "nothing new": replace(first, after=9, cursor=9, changes=()),
        "an empty feed": replace(first, cursor=0, head=0, changes=()),
    }


def _expectation(page: FeedPage) -> dict[str, Any]:
    return {
        "hub_key": KEY.public.hex,
        "partner": page.partner,
        "after": page.after,
        "nonce": page.nonce,
        "head": 0,
        "issued_at": None,
        "now": to_text(ISSUED),
    }


def accepted() -> list[dict[str, Any]]:
    pages = _pages()
    first = pages["additions, more to come"]
    cases: list[tuple[str, FeedPage, dict[str, Any]]] = [(name, page, {}) for name, page in pages.items()]
    ahead = {"now": to_text(ISSUED - timedelta(days=1))}
    cases.append(("a hub whose clock is a day ahead", first, ahead))
    once = {"issued_at": to_text(ISSUED + timedelta(days=1, microseconds=1))}
    cases.append(("both clocks were far ahead once", first, once))
    return [
        {
            "name": name,
            "expected": {**_expectation(page), **expected},
            "answer": encode_page(page, KEY).decode(),
            "cursor": page.cursor,
            "head": page.head,
            "changes": len(page.changes),
        }
        for name, page, expected in cases
    ]


def refused() -> list[dict[str, Any]]:
    pages = _pages()
    page = pages["additions, more to come"]
    answer = encode_page(page, KEY).decode()
    first, second, *others = page.changes
    cases: list[tuple[str, str, str, dict[str, Any]]] = []

    def refuse(step: str, name: str, text: str, **expected: Any) -> None:
        cases.append((step, name, text, expected))

    # 1. parse
    refuse("parse", "nothing", "")
    refuse("parse", "cut off", answer[:-1])
    refuse("parse", "cut in the middle", answer[: len(answer) // 2])
    refuse("parse", "white space behind", answer + "\n")
    refuse("parse", "white space inside", answer.replace('"page":', '"page": ', 1))
    refuse("parse", "a signature in capitals", answer[:-130] + answer[-130:].upper())
    refuse("parse", "a signature that is too short", answer[:-4] + '"}')
    refuse("parse", "another format", answer.replace("amparo-feed/1", "amparo-feed/2"))
    refuse("parse", "an unknown member", answer.replace('{"page":', '{"more":1,"page":', 1))
    refuse("parse", "a member that comes twice", answer.replace('"after":0', '"after":0,"after":0', 1))
    refuse("parse", "an unknown member of the page", _signed({**_inner(answer), "zone": "es"}))
    refuse("parse", "a missing member", _signed({k: v for k, v in _inner(answer).items() if k != "head"}))
    refuse("parse", "a negative cursor", _signed({**_inner(answer), "cursor": -1}))
    refuse("parse", "a cursor that is a truth", _signed({**_inner(answer), "cursor": True}))
    refuse("parse", "a cursor with a fraction", _signed({**_inner(answer), "cursor": 4.5}))
    refuse("parse", "a time without microseconds", _signed({**_inner(answer), "issued_at": "2026-03-01T12:30:15Z"}))
    refuse("parse", "an identifier in capitals", _signed({**_inner(answer), "nonce": page.nonce.upper()}))
    refuse("parse", "an unknown kind", _signed(_with_change(answer, kind="delete")))
    refuse("parse", "an unknown signal type", _signed(_with_change(answer, signal_type="md5")))
    refuse("parse", "a fingerprint of 63 digits", _signed(_with_change(answer, value="0" * 63)))
    refuse("parse", "a quality of 101", _signed(_with_change(answer, quality=101)))
    refuse("parse", "an unknown reason", _signed(_with_tombstone(pages["every kind of tombstone"], reason="sold")))
    refuse("parse", "changes that are no list", _signed({**_inner(answer), "changes": {}}))
    # 2. hub
    refuse("hub", "a page of another hub", encode_page(replace(page, hub=STRANGER.public.hub_id), STRANGER).decode())
    # 3. signature
    refuse("signature", "our hub's name, another's key", encode_page(page, STRANGER).decode())
    refuse("signature", "a fingerprint that was changed", answer.replace('"quality":50', '"quality":51', 1))
    refuse("signature", "a change that was cut out", _unsigned(replace(page, changes=page.changes[1:]), answer))
    refuse("signature", "changes in another order", _unsigned(replace(page, changes=(second, first, *others)), answer))
    refuse(
        "signature",
        "a signature of another page",
        answer[:-130] + encode_page(pages["nothing new"], KEY).decode()[-130:],
    )
    refuse("signature", "another context", _signed(_inner(answer), context="amparo-feed/2"))
    refuse("signature", "no context", _signed(_inner(answer), context=None))
    # 4. partner
    stranger = PartnerId("f" * 32)
    refuse("partner", "a page of another partner", encode_page(replace(page, partner=stranger), KEY).decode())
    # 5. nonce
    refuse("nonce", "an old answer, played again", encode_page(replace(page, nonce="0" * 32), KEY).decode())
    # 6. order
    swapped = (replace(second, sequence=1), replace(first, sequence=3), *others)
    for name, wrong in {
        "begins elsewhere": replace(page, after=1, changes=page.changes[1:]),
        "sequences that do not rise": replace(page, changes=swapped),
        "a sequence twice": replace(page, changes=(first, replace(second, sequence=1))),
        "a sequence that we have": replace(page, changes=(replace(first, sequence=0), *page.changes[1:])),
        "a sequence beyond the cursor": replace(page, cursor=3),
        "a cursor beyond the head": replace(page, cursor=10),
        "more is promised and nothing comes": replace(page, cursor=0, changes=()),
    }.items():
        refuse("order", name, encode_page(wrong, KEY).decode())
    back = replace(pages["nothing new"], cursor=8, head=8)
    refuse("order", "a cursor that goes back", encode_page(back, KEY).decode(), after=9)
    # 7. time
    refuse("time", "a feed that is shorter than it was", answer, head=10)
    refuse(
        "time",
        "a clock that went back by more than two minutes",
        answer,
        issued_at=to_text(ISSUED + timedelta(minutes=2, microseconds=1)),
    )
    refuse(
        "time",
        "a clock that is ahead by more than a day",
        answer,
        now=to_text(ISSUED - timedelta(days=1, microseconds=1)),
    )
    return [
        {"name": name, "step": step, "expected": {**_expectation(page), **expected}, "answer": text}
        for step, name, text, expected in cases
    ]


def _inner(answer: str) -> dict[str, Any]:
    return json.loads(answer)["page"]


def _with_change(answer: str, **members: Any) -> dict[str, Any]:
    inner = _inner(answer)
    inner["changes"][0] |= members
    return inner


def _with_tombstone(page: FeedPage, **members: Any) -> dict[str, Any]:
    return _with_change(encode_page(page, KEY).decode(), **members)


def _signed(inner: dict[str, Any], context: str | None = FORMAT) -> str:
    """An envelope that is signed by the right key, whatever is in it."""
    content = canonical_bytes(inner)
    # Without a context: the bare bytes, as a careless implementation would sign them.
    bare = KEY._key.sign(content)  # pyright: ignore[reportPrivateUsage]
    signature = bare if context is None else KEY.sign(context, content)
    return '{"page":' + content.decode() + ',"signature":"' + signature.hex() + '"}'


def _unsigned(page: FeedPage, answer: str) -> str:
    """The bytes of ``page`` under the signature of ``answer``."""
    return encode_page(page, KEY).decode()[:-130] + answer[-130:]


def too_long() -> bytes:
    """An answer over the limit is refused at ``parse``; it is made and not stored."""
    return b'{"page":"' + b"a" * MAXIMUM_BYTES + b'"}'


def text_of(vectors: list[dict[str, Any]]) -> str:
    return json.dumps(vectors, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    (HERE / "accepted.json").write_text(text_of(accepted()), encoding="utf-8")
    (HERE / "refused.json").write_text(text_of(refused()), encoding="utf-8")


if __name__ == "__main__":
    main()
