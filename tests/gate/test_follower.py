"""The gate's follower against a real hub behind a real server, and against answers that no hub of ours would give."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amparo.bank import Action
from amparo.case.code import CaseCode
from amparo.core.clock import SteppedClock
from amparo.core.errors import (
    AmparoError,
    Conflict,
    IntegrityViolation,
    Rejected,
    Unauthenticated,
    Unavailable,
    VerificationFailed,
)
from amparo.core.ids import PartnerId, SightingId, random_id
from amparo.core.keys import SigningKey, bearer_digest
from amparo.exchange.native import FeedPage, SightingReport, encode_page
from amparo.gate.card import PartnerCard
from amparo.gate.client import Gate
from amparo.gate.replica import Applied
from amparo.gate.runtime import GateRuntime
from amparo.gate.tracing.pool import TracePool
from amparo.hub.app import public_app
from amparo.hub.commands import partners, person
from amparo.hub.context import Hub, HubSettings
from amparo.signal.fingerprint import Pdq
from tests.gate.feeding import Feed, new_gate
from tests.gate.serving import served
from tests.gate.waiting import wait_until
from tests.hub.hubs import fingerprints, near, open_hub, pseudonym
from tests.walk.running import free_ports


@dataclass
class Both:
    """A hub with its future address, its partner's card, and a gate that has not yet been started."""

    hub: Hub
    clock: SteppedClock
    port: int
    card: PartnerCard
    folder: Path
    gate: GateRuntime

    def open_case(self, count: int, seed: int = 0) -> CaseCode:
        return person.open_case(self.hub, secrets.token_bytes(16), "es", fingerprints(count, seed))

    def verdict(self, fingerprint: Pdq) -> Action:
        return Gate.embedded(self.gate).look_up([fingerprint])[0].action

    def served(self) -> AbstractContextManager[str]:
        return served(public_app(self.hub), self.port, self.hub.bell.close)


@pytest.fixture
def both(tmp_path: Path) -> Generator[Both]:
    (port,) = free_ports(1)
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url=f"http://127.0.0.1:{port}", canaries=0))
    card = partners.add_partner(hub, "Demo")
    made = Both(hub, clock, port, card, tmp_path / "gate", GateRuntime(card, tmp_path / "gate", clock))
    yield made
    made.gate.stop()
    hub.close()


def test_a_gate_that_starts_before_its_hub_follows_as_soon_as_it_is_there(both: Both) -> None:
    both.open_case(1)
    (shown,) = fingerprints(1)
    both.gate.start()
    wait_until(lambda: both.gate.status().problem is not None)
    assert both.gate.status().problem == "hub_unreachable"
    assert both.verdict(shown) is Action.ALLOW
    with both.served():
        wait_until(lambda: both.gate.status().problem is None and both.gate.status().entries == 1)
        assert both.verdict(near(shown, 31)) is Action.BLOCK
        assert both.verdict(near(shown, 32)) is Action.ALLOW
    wait_until(lambda: both.gate.status().problem is not None)
    assert both.verdict(shown) is Action.BLOCK, "a hub that is down must not open the gate"
    both.open_case(1, seed=1)
    with restarted(both):
        wait_until(lambda: both.gate.status().entries == 2)
        assert both.gate.status().problem is None


def restarted(both: Both) -> AbstractContextManager[str]:
    """The hub as a new process would open it, answering at its old address."""
    # The bell of a hub that went down stays closed; a new process has a new one.
    both.hub.close()
    both.hub = Hub.open(both.folder.parent / "hub", both.hub.settings, both.clock)
    return both.served()


def test_what_is_withdrawn_stops_within_one_sync(both: Both) -> None:
    code = both.open_case(2)
    first, second = fingerprints(2)
    with both.served():
        both.gate.follower.sync_once()
        assert both.verdict(first) is both.verdict(second) is Action.BLOCK
        entry = person.view_case(both.hub, code).pictures[0].picture.entry
        person.withdraw_picture(both.hub, code, entry)
        both.gate.follower.sync_once()
        assert both.verdict(first) is Action.ALLOW
        assert both.verdict(second) is Action.BLOCK
        person.withdraw_case(both.hub, code)
        both.gate.follower.sync_once()
        assert both.verdict(second) is Action.ALLOW
        assert both.gate.replica.count() == 0


def test_news_reach_a_waiting_gate_without_a_next_look(both: Both) -> None:
    (shown,) = fingerprints(1)
    with both.served():
        both.gate.start()
        wait_until(lambda: both.gate.status().synced_at is not None)
        both.open_case(1)
        wait_until(lambda: both.verdict(shown) is Action.BLOCK, 5)


def test_a_long_feed_comes_in_pages(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.gate.follower.PAGE_SIZE", 7)
    both.open_case(30)
    with both.served():
        pages = 1
        while both.gate.follower.sync_once().more:
            pages += 1
    assert pages == 5
    assert both.gate.replica.count() == 30


def test_entries_end_at_their_hour_though_the_hub_is_silent(both: Both) -> None:
    both.open_case(1)
    (shown,) = fingerprints(1)
    with both.served():
        both.gate.follower.sync_once()
    both.clock.advance(both.hub.settings.retention)
    both.gate.start()
    wait_until(lambda: both.gate.status().entries == 0)
    assert both.verdict(shown) is Action.ALLOW


def test_sightings_wait_for_the_hub_and_for_the_gates_own_restart(both: Both) -> None:
    code = both.open_case(1)
    (shown,) = fingerprints(1)
    with both.served():
        both.gate.follower.sync_once()
    entry = person.view_case(both.hub, code).pictures[0].picture.entry
    named = pseudonym(both.hub, both.card.partner, entry)
    seen = SightingReport(SightingId(random_id()), named, both.clock.now(), 2, Action.BLOCK, "photo upload")
    both.gate.replica.note_sightings([seen])
    with pytest.raises(Unavailable):
        both.gate.follower.tell_once()
    assert both.gate.replica.count_untold() == 1
    both.gate.stop()
    both.gate = GateRuntime(both.card, both.folder, both.clock)
    assert both.verdict(shown) is Action.BLOCK, "what was held is held after a restart, before any hub has answered"
    with restarted(both):
        both.gate.start()
        wait_until(lambda: both.gate.replica.count_untold() == 0)
        (told,) = person.view_case(both.hub, code).pictures[0].sightings
    assert (told.sighting, told.place) == (seen.id, "photo upload")


def test_many_sightings_with_long_places_are_all_told(both: Both) -> None:
    both.open_case(1)
    place = "\N{CJK UNIFIED IDEOGRAPH-20000}" * 80
    strange = pseudonym(both.hub, both.card.partner, random_id())  # pyright: ignore[reportArgumentType]
    reports = [
        SightingReport(SightingId(random_id()), strange, both.clock.now(), 2, Action.REVIEW, place) for _ in range(450)
    ]
    both.gate.replica.note_sightings(reports)
    with both.served():
        told = [both.gate.follower.tell_once() for _ in range(4)]
    assert told == [200, 200, 50, 0]


def test_a_refused_key_is_named_in_the_status(both: Both) -> None:
    both.gate.stop()
    card = replace(both.card, key=both.card.key + "x")
    both.gate = GateRuntime(card, both.folder, both.clock)
    with both.served():
        with pytest.raises(Unauthenticated):
            both.gate.follower.sync_once()
        both.gate.start()
        wait_until(lambda: both.gate.status().problem == "partner_key_wrong")


def test_a_hub_restored_from_an_old_backup_is_named(both: Both) -> None:
    both.open_case(3)
    with both.served():
        both.gate.follower.sync_once()
    both.gate.stop()
    # The same hub without its newest steps.
    key = (both.folder.parent / "hub" / "hub.key").read_bytes()
    old = both.folder.parent / "old"
    old.mkdir()
    (old / "hub.key").write_bytes(key)
    both.hub.close()
    both.hub = Hub.open(old, both.hub.settings, both.clock)
    other = partners.add_partner(both.hub, "Demo")
    with both.hub.store.write() as transaction:
        record = transaction.partner(other.partner)
        assert record is not None
        restored = replace(record, id=both.card.partner, name="Before", key_digest=bearer_digest(both.card.key))
        transaction.add_partner(restored)
    both.gate = GateRuntime(both.card, both.folder, both.clock)
    with both.served(), pytest.raises(Rejected) as caught:
        both.gate.follower.sync_once()
    assert caught.value.code == "cursor_ahead"
    assert both.gate.replica.count() == 3


def test_a_second_gate_on_the_same_folder_is_refused(both: Both) -> None:
    with pytest.raises(Conflict) as caught:
        GateRuntime(both.card, both.folder, both.clock)
    assert caught.value.code == "gate_already_running"
    both.gate.stop()
    both.gate = GateRuntime(both.card, both.folder, both.clock)


def test_a_card_of_another_hub_is_refused_and_leaves_the_folder_free(both: Both) -> None:
    both.gate.stop()
    stranger = replace(both.card, hub_key=SigningKey(bytes(32)).public.hex)
    with pytest.raises(Conflict) as caught:
        GateRuntime(stranger, both.folder, both.clock)
    assert caught.value.code == "gate_of_another_hub"
    both.gate = GateRuntime(both.card, both.folder, both.clock)


@pytest.mark.parametrize("name", ["gate.sqlite", "banks.sqlite", "sources.sqlite", "decisions.sqlite"])
def test_a_start_that_fails_half_way_leaves_the_folder_free(both: Both, name: str) -> None:
    both.gate.stop()
    damaged = both.folder / name
    whole = damaged.read_bytes()
    damaged.write_bytes(b"no database " * 1000)
    for _ in range(2):
        with pytest.raises(IntegrityViolation) as caught:
            GateRuntime(both.card, both.folder, both.clock)
        assert caught.value.code.endswith("_damaged")
    damaged.write_bytes(whole)
    both.gate = GateRuntime(both.card, both.folder, both.clock)


def test_a_start_that_cannot_open_a_seal_leaves_the_folder_free(both: Both) -> None:
    both.gate.stop()
    database = sqlite3.connect(both.folder / "gate.sqlite")
    row = (b"\1" * 16, b"no seal", "2027-01-01T00:00:00.000000Z")
    database.execute("INSERT INTO trace (id, whole, sealed, expires_at) VALUES (?, 1, ?, ?)", row)
    database.commit()
    with pytest.raises(IntegrityViolation) as caught:
        GateRuntime(both.card, both.folder, both.clock)
    assert caught.value.code == "seal_broken"
    database.execute("DELETE FROM trace")
    database.commit()
    database.close()
    both.gate = GateRuntime(both.card, both.folder, both.clock)


# Answers that no hub of ours gives

Answer = Callable[[FeedPage], Response]
KEY, STRANGER = SigningKey(bytes(range(32))), SigningKey(bytes(32))


def fake_hub(answer: Answer, clock: SteppedClock) -> Starlette:
    async def feed(request: Request) -> Response:
        asked = request.query_params
        partner = PartnerId(request.headers["authorization"].removeprefix("Bearer ").partition(".")[0])
        after = int(asked["after"])
        page = FeedPage(KEY.public.hub_id, partner, after, after, after, asked["nonce"], clock.now(), ())
        return answer(page)

    return Starlette(routes=[Route("/partner/v1/feed", feed)])


def signed(page: FeedPage, key: SigningKey = KEY) -> Response:
    return Response(encode_page(page, key), media_type="application/json")


WRONG: dict[str, tuple[Answer, type[AmparoError], str]] = {
    "a bad signature": (lambda page: signed(page, STRANGER), VerificationFailed, "signature_invalid"),
    "another hub": (
        lambda page: signed(replace(page, hub=STRANGER.public.hub_id), STRANGER),
        VerificationFailed,
        "page_of_another_hub",
    ),
    "another partner": (
        lambda page: signed(replace(page, partner=PartnerId("f" * 32))),
        VerificationFailed,
        "page_of_another_partner",
    ),
    "an old answer": (lambda page: signed(replace(page, nonce="0" * 32)), VerificationFailed, "page_replayed"),
    "cut off": (
        lambda page: Response(encode_page(page, KEY)[:-9], media_type="application/json"),
        VerificationFailed,
        "page_malformed",
    ),
    "out of order": (lambda page: signed(replace(page, head=5)), VerificationFailed, "page_out_of_order"),
    "a clock that is far ahead": (
        lambda page: signed(replace(page, issued_at=page.issued_at + timedelta(days=2))),
        VerificationFailed,
        "page_from_the_future",
    ),
    "not json": (
        lambda _page: Response("<html>a portal wants a password</html>"),
        VerificationFailed,
        "page_malformed",
    ),
    "too long": (lambda _page: Response(b" " * 4_000_001), Unavailable, "hub_answer_too_long"),
    "a redirect": (
        lambda _page: Response(status_code=302, headers={"Location": "http://127.0.0.1:9/"}),
        Unavailable,
        "hub_refused",
    ),
    "a crash": (lambda _page: Response("oops", status_code=500), Unavailable, "hub_refused"),
    "a problem without an end": (
        lambda _page: Response("[" * 100_000, status_code=503, media_type="application/problem+json"),
        Unavailable,
        "hub_refused",
    ),
    "a problem that is none": (
        lambda _page: Response(json.dumps([1]), status_code=503, media_type="application/problem+json"),
        Unavailable,
        "hub_refused",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_page_that_is_not_to_be_trusted_changes_nothing_and_is_named(tmp_path: Path, name: str) -> None:
    answer, kind, code = WRONG[name]
    (port,) = free_ports(1)
    clock = SteppedClock()
    card = PartnerCard(
        f"http://127.0.0.1:{port}", KEY.public.hex, PartnerId(partner := random_id()), "Demo", f"{partner}.x"
    )
    gate = GateRuntime(card, tmp_path, clock)
    before = gate.replica.standing()
    with served(fake_hub(answer, clock), port):
        with pytest.raises(kind) as caught:
            gate.follower.sync_once()
        assert caught.value.code == code
        gate.start()
        wait_until(lambda: gate.status().problem is not None)
        assert gate.status().problem == code
        assert gate.replica.standing() == before
        gate.stop()


def test_a_feed_that_goes_back_in_time_is_refused(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    clock = SteppedClock()
    card = PartnerCard(
        f"http://127.0.0.1:{port}", KEY.public.hex, PartnerId(partner := random_id()), "Demo", f"{partner}.x"
    )
    gate = GateRuntime(card, tmp_path, clock)
    steps = iter([9, 4, 9])
    with served(fake_hub(lambda page: signed(replace(page, cursor=(n := next(steps)), head=n)), clock), port):
        gate.follower.sync_once()
        with pytest.raises(VerificationFailed) as shorter:
            gate.follower.sync_once()
        assert shorter.value.step in ("order", "time")
        clock.advance(timedelta(minutes=-3))
        with pytest.raises(VerificationFailed) as earlier:
            gate.follower.sync_once()
        assert (earlier.value.code, earlier.value.step) == ("feed_went_back", "time")
    standing = gate.replica.standing()
    assert standing is not None
    assert standing.cursor == 9
    gate.stop()


def test_following_goes_on_after_what_nobody_foresaw(
    both: Both, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("amparo.gate.follower._FIRST_PAUSE", 0.05)
    both.open_case(1)
    (shown,) = fingerprints(1)
    broken = True
    apply = both.gate.replica.apply

    def break_down(page: FeedPage) -> Applied:
        if broken:
            raise RecursionError(shown.hex)
        return apply(page)

    monkeypatch.setattr(both.gate.replica, "apply", break_down)
    with both.served(), caplog.at_level(logging.WARNING, "amparo.gate"):
        both.gate.start()
        wait_until(lambda: both.gate.follower.status.failures >= 2)
        assert both.gate.status().problem == "feed_broken"
        broken = False
        wait_until(lambda: both.gate.status().problem is None and both.verdict(shown) is Action.BLOCK)
    assert "RecursionError" in caplog.text
    assert shown.hex not in caplog.text


def test_telling_goes_on_after_what_nobody_foresaw(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.gate.follower._FIRST_PAUSE", 0.05)
    strange = pseudonym(both.hub, both.card.partner, random_id())  # pyright: ignore[reportArgumentType]
    both.gate.replica.note_sightings(
        [SightingReport(SightingId(random_id()), strange, both.clock.now(), 2, Action.BLOCK, "upload")]
    )
    broken = True
    untold = both.gate.replica.untold_sightings

    def break_down(limit: int) -> tuple[SightingReport, ...]:
        if broken:
            raise ZeroDivisionError
        return untold(limit)

    monkeypatch.setattr(both.gate.replica, "untold_sightings", break_down)
    with both.served():
        both.gate.start()
        wait_until(lambda: both.gate.status().telling_problem == "outbox_broken")
        wait_until(lambda: both.gate.status().problem is None)
        broken = False
        wait_until(lambda: both.gate.replica.count_untold() == 0 and both.gate.status().telling_problem is None)


def test_photos_that_the_pool_could_not_take_in_are_in_it_a_round_later_and_hold_up_nothing(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.open_case(1)
    (shown,) = fingerprints(1)
    broken = True
    follow = TracePool.follow

    def break_down(pool: TracePool, applied: Applied) -> None:
        if broken:
            raise MemoryError
        follow(pool, applied)

    monkeypatch.setattr(TracePool, "follow", break_down)
    with both.served():
        both.gate.start()
        wait_until(lambda: both.gate.status().problem == "feed_broken")
        wait_until(lambda: both.verdict(shown) is Action.BLOCK)
        broken = False
        wait_until(lambda: both.gate.status().problem is None)


def test_everything_that_is_due_goes_in_one_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.gate.replica._DROPPED_AT_ONCE", 3)
    clock = SteppedClock()
    gate = new_gate(tmp_path / "gate", clock=clock)
    Feed(gate).add(*fingerprints(10))
    clock.advance(timedelta(days=30))
    gate.follower.expire()
    assert (len(gate.engine), gate.replica.count()) == (0, 0)
    gate.stop()


class Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("the log is full")


def test_a_log_that_cannot_be_written_does_not_end_the_following(
    both: Both, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("amparo.gate.follower._FIRST_PAUSE", 0.05)
    logger, broken = logging.getLogger("amparo.gate"), Broken()
    logger.addHandler(broken)
    try:
        both.gate.start()
        wait_until(lambda: both.gate.status().problem == "hub_unreachable" and both.gate.follower.status.failures >= 2)
    finally:
        logger.removeHandler(broken)
    assert capsys.readouterr() == ("", "")
