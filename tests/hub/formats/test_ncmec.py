"""NCMEC's wire format, spoken with the real, unmodified threatexchange library.

Its addresses are the members of an enum and cannot be configured from the ``tx`` command line; in a program, anything with
the enum's one attribute will do. What stands there is the only thing changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from amparo.bank import EntryState, Opinion
from amparo.gate.card import PartnerCard
from amparo.hub.commands import overview, person
from amparo.hub.commands.ncmec import REASONS
from tests.hub.formats.serving import MANY, Served, Tx, fill, library, serving
from tests.hub.hubs import fingerprints, near


class MovedClock:
    """The hub's and the library's clock, moved ahead instead of waiting; the library leaves out the last five seconds."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.library_ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def time(self) -> float:
        return (self.now() + self.library_ahead).timestamp()

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The library writes local time as UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    moved = MovedClock()
    for module in ("exchanges.impl.ncmec_api", "exchanges.clients.ncmec.hash_api"):
        monkeypatch.setattr(library(module), "time", moved)
    return moved


@pytest.fixture
def served(tmp_path: Path, clock: MovedClock) -> Generator[Served]:
    with serving(tmp_path / "hub", clock=clock) as running:
        yield running


def environment(served: Served) -> Any:
    return SimpleNamespace(value=f"{served.url}/ncmec")


def client(served: Served, card: PartnerCard) -> Any:
    return library("exchanges.clients.ncmec.hash_api").NCMECHashAPI(card.partner, card.key, environment(served))


class Platform:
    """A platform's program around the library: fetches, keeps, builds an index."""

    def __init__(self, served: Served, card: PartnerCard) -> None:
        impl = library("exchanges.impl.ncmec_api")
        collab = impl.NCMECCollabConfig(name="hub", environment=environment(served))
        self.exchange = impl.NCMECSignalExchangeAPI.for_collab(collab, impl.NCMECCredentials(card.partner, card.key))
        self.pdq = library("signal_type.pdq.signal").PdqSignal
        self.state: dict[str, Any] = {}
        self.checkpoint: Any = None

    def fetch(self) -> None:
        for delta in self.exchange.fetch_iter([self.pdq], self.checkpoint):
            self.exchange.naive_fetch_merge(self.state, delta.updates)
            self.checkpoint = delta.checkpoint

    def matches(self, value: str) -> bool:
        signals = self.exchange.naive_convert_to_signal_type([self.pdq], self.exchange.collab, self.state)
        index = self.pdq.get_index_cls().build(signals.get(self.pdq, {}).items())
        return bool(len(index) and index.query(value))


@pytest.mark.parametrize("library_ahead", [-60, 0, 60])
def test_a_platform_fetches_matches_sees_additions_and_forgets_what_was_withdrawn(
    served: Served, clock: MovedClock, library_ahead: int
) -> None:
    """Also where its clock is a minute wrong."""
    clock.library_ahead = timedelta(seconds=library_ahead)
    kept, withdrawn, added = fingerprints(3)
    code = served.protect([kept, withdrawn, *fingerprints(5, seed=9)])
    platform = Platform(served, served.join("P"))
    clock.advance(70)
    platform.fetch()
    assert platform.matches(near(kept, 9).hex)
    assert platform.matches(withdrawn.hex)
    assert not platform.matches(added.hex)
    served.protect([added])
    person.withdraw_picture(served.hub, code, served.entry(withdrawn).entry.id)
    assert person.view_case(served.hub, code).pictures[1].waiting == ("P",)
    clock.advance(70)
    platform.fetch()
    assert platform.matches(added.hex)
    assert platform.matches(kept.hex)
    assert not platform.matches(withdrawn.hex)
    clock.advance(70)
    platform.fetch()
    assert person.view_case(served.hub, code).pictures[1].confirmed == ("P",)
    (line,) = overview.overview(served.hub).partners
    assert (line.interface, line.keeps_withdrawn) == ("ncmec", False)


def test_the_client_pages_through_many_entries(served: Served) -> None:
    values = fingerprints(3456)
    fill(served.hub, values)
    pages = list(client(served, served.join("P")).get_entries_iter())
    assert [len(page.updates) for page in pages] == [1000, 1000, 1000, 456]
    told = [update.fingerprints["pdq"] for page in pages for update in page.updates]
    assert told == [value.hex for value in values]
    assert pages[0].get_next_info().max == 3456


def test_a_sweep_second_by_second_is_told_everything_once(served: Served, clock: MovedClock) -> None:
    """Where much has happened, the library asks for ranges of a second: each must not repeat the minutes before it."""
    fill(served.hub, fingerprints(1500))
    clock.advance(20)
    platform = Platform(served, served.join("P"))
    told = [len(delta.updates) for delta in platform.exchange.fetch_iter([platform.pdq], None)]
    assert sum(told) == 1500


def test_a_platform_that_lost_its_last_fetch_is_told_it_again(served: Served, clock: MovedClock) -> None:
    """Also where its clock is ahead, so that its checkpoint lies behind what it had not been told yet."""
    clock.library_ahead = timedelta(seconds=60)
    (added,) = fingerprints(1)
    served.protect(fingerprints(5, seed=9))
    platform = Platform(served, served.join("P"))
    clock.advance(70)
    platform.fetch()
    before = dict(platform.state), platform.checkpoint
    clock.advance(10)
    served.protect([added])
    clock.advance(70)
    for _ in range(2):
        platform.fetch()
        assert platform.matches(added.hex)
        platform.state, platform.checkpoint = dict(before[0]), before[1]


# ``tx`` with another address behind one of its environments: nothing else of it is changed.
TX_ELSEWHERE = """
import sys
from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEnvironment
address = NCMECEnvironment.Industry._value_ = sys.argv.pop(1)
NCMECEnvironment._value2member_map_[address] = NCMECEnvironment.Industry
from threatexchange.cli.main import main
sys.exit(main())
"""


def test_the_command_line_pages_through_a_large_bank_and_stops_matching_what_is_withdrawn(tmp_path: Path) -> None:
    kept, withdrawn, *others = fingerprints(MANY + 2)
    # Behind instead of waiting: the library leaves out the last five seconds, and ``tx`` has a clock of its own.
    clock = MovedClock()
    clock.advance(-10)
    with serving(tmp_path / "hub", clock=clock) as served:
        code = served.protect([kept, withdrawn])
        fill(served.hub, others)
        card = served.join("P")
        program = (sys.executable, "-c", TX_ELSEWHERE, f"{served.url}/ncmec")
        (tmp_path / "tx").mkdir()
        tx = Tx(tmp_path / "tx", {"TX_NCMEC_CREDENTIALS": f"{card.partner}:{card.key}"}, program)
        tx.follow("ncmec", environment=program[-1])
        tx("fetch", "--skip-index-rebuild")
        told = set(tx("dataset", "-P", "-S", "-s", "pdq").split())
        assert told >= {value.hex for value in (kept, withdrawn, *others)}
        person.withdraw_picture(served.hub, code, served.entry(withdrawn).entry.id)
        tx("fetch", "--skip-index-rebuild")
        told = set(tx("dataset", "-P", "-S", "-s", "pdq").split())
        assert withdrawn.hex not in told
        assert told >= {value.hex for value in (kept, *others)}


def test_the_client_learns_who_it_is_and_of_nobody_else(served: Served) -> None:
    served.join("Secret")
    api = client(served, served.join("P & <Q>"))
    assert api.status().esp_name == "P & <Q>"
    assert {member.esp_name for member in api.members()} == {"P & <Q>", "Amparo"}
    assert api.feedback_reasons(library("exchanges.clients.ncmec.hash_api").FingerprintType.pdq) == REASONS


def test_votes_of_the_client_arrive_on_the_entry_and_two_rejections_hold_it(served: Served) -> None:
    (value,) = fingerprints(1)
    served.protect([value])
    hash_api = library("exchanges.clients.ncmec.hash_api")
    for number, name in enumerate(("P", "Q")):
        card = served.join(name)
        api = client(served, card)
        (update,) = api.get_entries().updates
        api.submit_upvote(update.member_id, update.id, hash_api.FingerprintType.pdq)
        with served.hub.store.read() as transaction:
            arrived = {o.partner: o.opinion for o in transaction.opinions(served.entry(value).entry.id)}
        assert arrived[card.partner] is Opinion.CONFIRM
        down = hash_api.FeedbackType.downvote
        api.submit_feedback(update.member_id, update.id, hash_api.FingerprintType.pdq, down)
        held = served.entry(value).entry.state is EntryState.HELD
        assert held == (number == 1)
        if not held:
            (told,) = api.get_entries().updates[0].feedback["PDQ"]
            assert (told.feedback_type, told.member.esp_name) == (down, name)


def test_a_clock_of_another_zone_is_told_instead_of_losing_hours(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    card = served.join("P")
    with pytest.raises(library("exchanges.clients.ncmec.hash_api").requests.HTTPError):
        client(served, card).get_entries()
    ask = {"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    answer = httpx.get(f"{served.url}/ncmec/v2/entries", params=ask, auth=(card.partner, card.key))
    assert (answer.status_code, answer.json()["code"]) == (422, "clock_of_another_zone")


BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feedbackSubmission><affirmative>&c;</affirmative></feedbackSubmission>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<feedbackSubmission><affirmative>&a;</affirmative></feedbackSubmission>"""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "feedback_malformed"),
        (OUTSIDE, "feedback_malformed"),
        (b"", "feedback_malformed"),
        (b"<feedbackSubmission/>", "feedback_malformed"),
        (b"<feedbackSubmission><maybe/></feedbackSubmission>", "feedback_malformed"),
        (b"<feedbackSubmission><negative/></feedbackSubmission>", "reason_unknown"),
        (b"<feedbackSubmission><affirmative/></feedbackSubmission>", "entry_unknown"),
        (b"<a>" * 2000 + b"</a>" * 100, "body_too_long"),
    ],
)
def test_hostile_votes_get_a_typed_answer(served: Served, body: bytes, code: str) -> None:
    card = served.join("P")
    address = f"{served.url}/ncmec/v2/entries/1/{'0' * 32}/PDQ/feedback"
    kind = {"Content-Type": "application/xml; charset=utf-8"}
    answer = httpx.put(address, content=body, headers=kind, auth=(card.partner, card.key))
    assert answer.json()["code"] == code


@pytest.mark.parametrize(
    "path", ["/", "/partner/v1/opinions", "/ncmec/v2/entries", "/ncmec/v2/entries/1/x/PDQ/feedback"]
)
def test_xml_comes_in_at_no_other_door(served: Served, path: str) -> None:
    for method in ("PUT", "POST"):
        answer = httpx.request(method, served.url + path, content=b"<a/>", headers={"Content-Type": "application/xml"})
        assert answer.json()["code"] == "body_type_refused"


@pytest.mark.parametrize("credentials", [None, ("", ""), ("ID", "x"), ("x", "KEY"), ("ID", "KEY OF Q")])
def test_both_credentials_must_be_the_partners(served: Served, credentials: tuple[str, str] | None) -> None:
    card, other = served.join("P"), served.join("Q")
    known = {"KEY": card.key, "ID": card.partner, "KEY OF Q": other.key}
    auth = None if credentials is None else (known.get(credentials[0], ""), known.get(credentials[1], ""))
    answer = httpx.get(f"{served.url}/ncmec/v2/status", auth=auth)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
