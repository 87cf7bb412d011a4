"""Ordinary photos at the hub: through the person's pages, past poisoned records, into the feed in two formats."""

from __future__ import annotations

import json
import secrets
import struct
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from amparo.bank import EntryState, TombstoneReason
from amparo.bank.famous import FAMOUS_FILE
from amparo.case.code import CaseCode, parse
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError
from amparo.exchange.native import Addition, Tombstone, TraceAddition, decode_page
from amparo.exchange.native.base64url import to_base64url
from amparo.hub.app import public_app
from amparo.hub.commands import feedback, housekeeping, partners, person, trace
from amparo.hub.context import Hub, HubSettings
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import TraceRecord, codec
from amparo.signal.trace.permutation import permuted
from tests import altered
from tests.asgi import Asked
from tests.hub.hubs import NONCE, fingerprints, open_hub, pseudonym, told

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@cache
def record(seed: int) -> TraceRecord:
    return altered.record(seed)


def written(one: TraceRecord) -> tuple[str, str]:
    return "trace", to_base64url(codec.encode(one))


@pytest.fixture
def public(hub: Hub) -> Asked:
    return Asked(public_app(hub), "http://hub.test")


def save(public: Asked, *fields: tuple[str, str]) -> Any:
    return public.post("/save", content=urlencode([("lang", "en"), *fields]), headers=FORM)


def page(public: Asked, **fields: str) -> str:
    answer = public.post("/", content=urlencode({"lang": "en", **fields}), headers=FORM)
    assert answer.status_code == 200, answer.text
    return answer.text


def register(hub: Hub, *records: TraceRecord) -> CaseCode:
    return trace.register(hub, secrets.token_bytes(16), "en", records)


def held(hub: Hub, code: CaseCode) -> bool:
    return person.view_case(hub, code).photos[0].state is EntryState.HELD


def test_photos_are_kept_shown_and_removed_through_the_pages(public: Asked, hub: Hub) -> None:
    assert "ordinary" in page(public, do="ordinary")
    request = ("request", secrets.token_hex(16))
    code = save(public, request, written(record(1)), written(record(2))).json()["code"]
    assert save(public, request, written(record(1)), written(record(2))).json()["code"] == code
    assert save(public, ("code", code), written(record(2))).json()["code"] == code
    shown = page(public, do="open", code=code)
    assert shown.count("Kept since") == 2
    assert "Ordinary photo 2" in shown
    entry = person.view_case(hub, parse(code)).photos[0].photo.entry
    assert "Remove ordinary photo 1?" in page(public, do="ask-remove-photo", code=code, entry=entry)
    shown = page(public, do="remove-photo", code=code, entry=entry)
    assert (shown.count("Removed on"), shown.count("Kept since")) == (1, 1)


def spoilt(name: str) -> list[tuple[str, str]]:
    raw = codec.encode(record(1))
    one = raw[:-16] + raw[-32:-16]
    far = bytearray(raw)
    far[42 + 2 + 576] = 0xFF
    everything = [("trace", "A" * 20)]
    return {
        "no base64": [("trace", "ab$$")],
        "padding": [("trace", to_base64url(raw) + "=")],
        "empty": [("trace", "")],
        "not a trace": everything,
        "too long": [("trace", to_base64url(raw + bytes(2000)))],
        "cut": [("trace", to_base64url(raw[:-1]))],
        "another version": [("trace", to_base64url(raw[:4] + b"\x02" + raw[5:]))],
        "repeated descriptor": [("trace", to_base64url(one))],
        "outside": [("trace", to_base64url(bytes(far)))],
        "no keypoints": [("trace", to_base64url(raw[:42] + struct.pack(">H", 0) + raw[44 : 44 + 576]))],
        "eleven": [written(record(1))] * 11,
        "mixed": [written(record(1)), ("fingerprint", "0" * 64 + ":90")],
    }[name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no base64", "trace_invalid"),
        ("padding", "trace_invalid"),
        ("empty", "trace_invalid"),
        ("not a trace", "trace_invalid"),
        ("too long", "trace_invalid"),
        ("cut", "trace_invalid"),
        ("another version", "trace_version"),
        ("repeated descriptor", "trace_invalid"),
        ("outside", "trace_invalid"),
        ("no keypoints", "trace_invalid"),
        ("eleven", "photos_many"),
        ("mixed", "save_mixed"),
    ],
)
def test_a_poisoned_record_is_a_typed_error_and_nothing_is_kept(public: Asked, hub: Hub, name: str, code: str) -> None:
    good = [] if name in ("eleven", "mixed") else [written(record(2))]
    answer = save(public, ("request", secrets.token_hex(16)), *good, *spoilt(name))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    with hub.store.read() as transaction:
        assert (transaction.count_cases(), transaction.head()) == (0, 0)


def test_the_feed_tells_descriptors_in_the_partners_own_order_and_nothing_else(hub: Hub) -> None:
    register(hub, record(1))
    shown: list[TraceAddition] = []
    for name in ("Demo", "Other"):
        partner = partners.add_partner(hub, name).partner
        read = decode_page(partners.feed_page(hub, partner, 0, 100, NONCE, traces=True))[0]
        (addition,) = read.changes
        assert isinstance(addition, TraceAddition)
        assert addition.record == b""
        assert read.trace_order is not None
        rows = permuted(record(1).descriptors, tuple(read.trace_order))
        expected = sorted(row.tobytes() for row in rows)
        assert addition.descriptors == b"".join(expected)
        shown.append(addition)
        assert told(hub, partner) == ()
    assert shown[0].descriptors != shown[1].descriptors
    assert shown[0].entry != shown[1].entry


def test_whole_records_go_to_partners_that_are_trusted_with_them_only(hub: Hub) -> None:
    register(hub, record(1))
    partner = partners.add_partner(hub, "Trusted", whole_records=True).partner
    (addition,) = decode_page(partners.feed_page(hub, partner, 0, 100, NONCE, traces=True))[0].changes
    assert isinstance(addition, TraceAddition)
    assert codec.decode(addition.record) == record(1)


def test_a_page_is_cut_before_it_grows_too_long_and_goes_on_behind(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partners, "_PAGE_BYTES", 20_000)
    register(hub, *(record(seed) for seed in range(1, 6)))
    person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(2))
    partner = partners.add_partner(hub, "Demo").partner
    after, kinds = 0, list[type]()
    while True:
        read = decode_page(partners.feed_page(hub, partner, after, 100, NONCE, traces=True))[0]
        assert read.changes
        kinds += [type(change) for change in read.changes]
        after = read.cursor
        if not read.more:
            break
    assert kinds == [TraceAddition] * 5 + [Addition] * 2


def test_an_ordinary_photos_own_fingerprint_never_enters_the_bank(hub: Hub) -> None:
    register(hub, record(1))
    partner = partners.add_partner(hub, "Demo").partner
    assert told(hub, partner) == ()
    with hub.store.read() as transaction:
        assert transaction.entries_tagged([hub.vault.value_tag(record(1).pdq.value)]) == []


def test_a_removed_photo_leaves_a_tombstone_and_no_trace(hub: Hub) -> None:
    code = register(hub, record(1))
    partner = partners.add_partner(hub, "Demo").partner
    entry = person.view_case(hub, code).photos[0].photo.entry
    trace.remove(hub, code, entry)
    changes = decode_page(partners.feed_page(hub, partner, 0, 100, NONCE, traces=True))[0].changes
    assert [(type(c), c.entry) for c in changes] == [(Tombstone, pseudonym(hub, partner, entry))]
    with hub.store.read() as transaction:
        stored = transaction.entry(entry)
    assert stored is not None
    assert (stored.sealed, stored.tag) == (b"", b"")


def test_photos_expire_with_their_retention(hub: Hub, clock: SteppedClock) -> None:
    register(hub, record(1))
    partner = partners.add_partner(hub, "Demo").partner
    clock.advance(hub.settings.retention + timedelta(seconds=1))
    housekeeping.expire_entries(hub)
    (change,) = decode_page(partners.feed_page(hub, partner, 0, 100, NONCE, traces=True))[0].changes
    assert isinstance(change, Tombstone)
    assert change.reason is TombstoneReason.EXPIRED


def test_a_famous_photo_waits_for_a_caseworker(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    line = f"{record(1).pdq.hex}   90  famous.jpg\n"
    (folder / FAMOUS_FILE).write_text(f"# Everybody has these.\n\n{line}")
    hub, _ = open_hub(folder, HubSettings(canaries=0))
    code = register(hub, record(1), record(2))
    partner = partners.add_partner(hub, "Demo").partner
    assert [one.state is EntryState.HELD for one in person.view_case(hub, code).photos] == [True, False]

    def shown() -> int:
        changes = decode_page(partners.feed_page(hub, partner, 0, 100, NONCE, traces=True))[0].changes
        return len({change.entry for change in changes})

    assert shown() == 1
    feedback.release(hub, person.view_case(hub, code).photos[0].photo.entry)
    assert shown() == 2
    assert [one.state is EntryState.HELD for one in person.view_case(hub, code).photos] == [False, False]
    hub.close()


def test_a_famous_list_with_a_line_that_is_none_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / FAMOUS_FILE).write_text("\nnot a fingerprint\n")
    with pytest.raises(AmparoError) as caught:
        open_hub(tmp_path)
    assert caught.value.code == "famous_list_invalid"
    assert "Line 2" in caught.value.public


def test_a_photo_that_many_cases_have_waits_for_a_caseworker(hub: Hub) -> None:
    codes = [register(hub, record(1)) for _ in range(4)]
    assert [held(hub, code) for code in codes] == [False, False, False, True]
    # One of them removes it: there is room again. Her own registering twice counts once.
    trace.remove(hub, codes[0], person.view_case(hub, codes[0]).photos[0].photo.entry)
    assert not held(hub, register(hub, record(1)))


def test_a_flood_of_copies_by_one_case_waits_too(hub: Hub) -> None:
    copies = [altered.trace.register(altered.photo(1, quality)) for quality in range(50, 95, 5)]
    code = register(hub, *copies[:5])
    trace.register_more(hub, code, copies[5:])
    assert [one.state is EntryState.HELD for one in person.view_case(hub, code).photos] == [False] * 8 + [True]


def test_near_copies_of_a_photo_count_as_the_photo(hub: Hub) -> None:
    for quality in (95, 75, 50):
        register(hub, altered.trace.register(altered.photo(1, quality)))
    assert held(hub, register(hub, record(1)))


def forged(one: TraceRecord, seed: int, bits: int = 0) -> TraceRecord:
    """The record with another PDQ, and so many bits turned in each descriptor."""
    random = np.random.default_rng(seed)
    each = np.unpackbits(one.descriptors, axis=1)
    for row in each:
        row[random.choice(128, bits, replace=False)] ^= 1
    rows = np.packbits(each, axis=1)
    ascending = sorted(range(len(rows)), key=lambda at: rows[at].tobytes())
    return replace(one, pdq=Pdq(random.bytes(32), 90), descriptors=rows[ascending])


def test_a_flood_of_copies_with_forged_fingerprints_waits_too(hub: Hub) -> None:
    flood = [forged(record(1), seed, bits=2) for seed in range(1, 25)]
    code = register(hub, *flood[:10])
    trace.register_more(hub, code, flood[10:20])
    trace.register_more(hub, code, flood[20:])
    states = [one.state for one in person.view_case(hub, code).photos]
    assert states == [EntryState.ACTIVE] * 8 + [EntryState.HELD] * 16


def test_copies_with_forged_fingerprints_in_many_cases_count_as_the_photo(hub: Hub) -> None:
    codes = [register(hub, forged(record(1), seed)) for seed in range(4)]
    assert [held(hub, code) for code in codes] == [False, False, False, True]


def test_the_same_descriptors_are_the_same_photo_of_a_case_whatever_else_the_record_says(hub: Hub) -> None:
    code = register(hub, *(forged(record(1), seed) for seed in range(5)))
    trace.register_more(hub, code, [forged(record(1), 9), record(2)])
    assert len(person.view_case(hub, code).photos) == 2


def test_what_counts_as_the_same_photo_is_known_after_a_restart_too(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path / "hub")
    for seed in range(3):
        register(hub, forged(record(1), seed))
    hub.close()
    hub, _ = open_hub(tmp_path / "hub")
    code = register(hub, forged(record(1), 3))
    assert held(hub, code)
    assert not held(hub, register(hub, record(2)))
    hub.close()


def test_a_sighting_of_a_photos_entry_is_none(hub: Hub) -> None:
    code = register(hub, record(1))
    card = partners.add_partner(hub, "Demo")
    entry = person.view_case(hub, code).photos[0].photo.entry
    report = {
        "id": "0" * 32, "entry": pseudonym(hub, card.partner, entry), "seen_at": "2026-03-01T12:00:00.000000Z",
        "distance": 0, "action": "block", "place": "x",
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {card.key}"}
    answer = Asked(public_app(hub), "http://hub.test").post(
        "/partner/v1/sightings", content=json.dumps({"sightings": [report]}), headers=headers
    )
    assert answer.json() == {"accepted": [], "unknown": ["0" * 32]}


@pytest.mark.parametrize("path", ["/partner/v1/verify", "/partner/v1/reviews", f"/partner/v1/reviews/{'0' * 32}"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b"\xff", b'{"query":1}', b'{"decision":"maybe"}', b"[" * 9000]
)
def test_a_malformed_question_is_a_typed_error(hub: Hub, path: str, body: bytes) -> None:
    card = partners.add_partner(hub, "Demo")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {card.key}"}
    answer = Asked(public_app(hub), "http://hub.test").post(path, content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("trace_question_malformed", "decision_malformed")
    without = Asked(public_app(hub), "http://hub.test").post(
        path, content=body, headers={"Content-Type": "application/json"}
    )
    assert without.status_code == 401


def test_a_forged_record_that_breaks_the_rules_cannot_even_be_made() -> None:
    same = np.repeat(record(1).descriptors[:1], 256, axis=0)
    with pytest.raises(AmparoError) as caught:
        replace(record(1), descriptors=same)
    assert caught.value.code == "trace_invalid"
