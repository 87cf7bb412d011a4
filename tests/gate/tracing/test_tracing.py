"""Register an ordinary photo at a real hub, upload altered versions of it to a real gate, let reviewers decide."""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from amparo.bank import Action, Policy
from amparo.case.code import CaseCode
from amparo.case.outcome import Outcome
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError
from amparo.core.ids import ReviewId
from amparo.gate.client import Gate
from amparo.gate.runtime import GateRuntime
from amparo.gate.tracing.settings import TraceSettings
from amparo.hub import pace
from amparo.hub.app import public_app
from amparo.hub.commands import partners, person, trace
from amparo.hub.context import Hub, HubSettings
from amparo.signal import pdq
from amparo.signal import trace as signal_trace
from amparo.signal.trace import Relation
from tests.altered import altered, file_of, photo, record
from tests.gate.serving import served
from tests.gate.tracing.patience import PATIENT
from tests.hub.hubs import open_hub
from tests.pictures import photo_like
from tests.walk.running import free_ports


@dataclass
class House:
    """A hub that answers on loopback, and gates that have not been started: each syncs when a test says so."""

    hub: Hub
    clock: SteppedClock
    folder: Path
    stack: ExitStack

    def gate(
        self,
        name: str,
        *,
        whole: bool = False,
        policy: Policy | None = None,
        dry_run: bool = False,
        tracing: TraceSettings = PATIENT,
    ) -> GateRuntime:
        card = partners.add_partner(self.hub, name, whole_records=whole)
        gate = GateRuntime(card, self.folder / name, self.clock, policy, dry_run=dry_run, tracing=tracing)
        self.stack.callback(gate.stop)
        return gate

    def register(self, *seeds: int) -> CaseCode:
        return trace.register(self.hub, secrets.token_bytes(16), "es", [record(seed) for seed in seeds])


@pytest.fixture
def house(tmp_path: Path) -> Generator[House]:
    (port,) = free_ports(1)
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url=f"http://127.0.0.1:{port}", canaries=0))
    with served(public_app(hub), port, hub.bell.close), ExitStack() as stack:
        yield House(hub, clock, tmp_path, stack)
    hub.close()


def sync(gate: GateRuntime) -> None:
    while gate.follower.sync_once().more:
        pass


def test_an_altered_upload_is_held_confirmed_and_then_stopped_everywhere_by_its_fingerprint(house: House) -> None:
    code = house.register(1)
    gate, other = house.gate("Demo"), house.gate("Other")
    sync(gate)
    answer = gate.checker.check_picture(altered(1), "photo upload")
    assert answer.action is Action.REVIEW
    assert answer.trace is not None
    assert answer.trace.relation is Relation.ALTERED
    assert answer.trace.review is not None
    view = person.view_case(house.hub, code)
    (derivative,) = view.photos[0].derivatives
    assert derivative.outcome is Outcome.WAITING
    assert (derivative.held.partner_name, derivative.held.place) == ("Demo", "photo upload")
    assert 20 <= derivative.held.percent <= 50

    assert Gate.embedded(gate).decide(answer.trace.review, confirmed=True)
    for one in (gate, other):
        sync(one)
        stopped = one.checker.check_fingerprint(pdq.fingerprint(altered(1)))
        assert stopped.action is Action.BLOCK
    view = person.view_case(house.hub, code)
    assert view.photos[0].derivatives[0].outcome is Outcome.CONFIRMED
    assert [one.picture.derived_from for one in view.pictures] == [view.photos[0].photo.entry]


def test_an_unaltered_repost_passes_before_and_after_a_confirmation(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    answer = gate.checker.check_picture(photo(1, quality=60))
    assert answer.action is Action.ALLOW
    assert answer.trace is not None
    assert answer.trace.relation is Relation.COPY
    review = gate.checker.check_picture(altered(1)).trace
    assert review is not None
    assert review.review is not None
    gate.tracer.decide(review.review, confirmed=True)
    sync(gate)
    assert gate.checker.check_picture(photo(1, quality=60)).action is Action.ALLOW
    assert person.view_case(house.hub, code).case.sightings == ()


def test_an_unrelated_upload_is_not_even_sent_on(house: House) -> None:
    house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    assert gate.checker.check_picture(photo(77)).trace is None
    assert gate.status().traces == {"looked_at": 1}


@pytest.mark.parametrize(("high", "wide"), [(40, 40), (80, 900), (900, 80)])
def test_icons_and_banners_pass_as_they_did_before_a_photo_was_registered(house: House, high: int, wide: int) -> None:
    house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    small = file_of(photo_like(high, wide, 5))
    assert gate.checker.check_picture(small).action is Action.ALLOW
    assert gate.status().traces == {"too_small": 1}


def test_an_operator_chooses_what_is_sent_on(house: House) -> None:
    house.register(1)
    gate = house.gate("Quiet", tracing=TraceSettings(level=1e6))
    sync(gate)
    assert gate.checker.check_picture(altered(1)).action is Action.ALLOW
    assert gate.status().traces == {"looked_at": 1}
    assert gate.status().trace_level == 1e6


def test_only_unrelated_uploads_set_the_level(house: House) -> None:
    house.register(1)
    gate = house.gate("Own", tracing=TraceSettings(share=0.5, seconds=60))
    sync(gate)
    for upload in (altered(1), photo(1, quality=60), photo(77)):
        gate.checker.check_picture(upload)
    gate.stop()
    kept = json.loads((gate.folder / "trace-scores.json").read_bytes())
    assert len(kept) == 1
    assert kept[0] < 1


def test_without_registered_photos_nothing_is_computed(house: House) -> None:
    gate = house.gate("Demo")
    sync(gate)
    assert gate.checker.check_picture(photo(1)).action is Action.ALLOW
    assert gate.status().traces == {}


def test_a_removed_photo_is_not_recognised_after_one_sync(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    held = gate.checker.check_picture(altered(1)).trace
    assert held is not None
    assert held.review is not None
    photo_entry = person.view_case(house.hub, code).photos[0].photo.entry
    trace.remove(house.hub, code, photo_entry)
    trace.remove(house.hub, code, photo_entry)
    # Before the sync the gate still asks, and the hub knows nothing any more.
    assert gate.checker.check_picture(altered(1)).action is Action.ALLOW
    sync(gate)
    assert gate.status().registered_photos == 0
    assert gate.checker.check_picture(altered(1)).trace is None
    with pytest.raises(AmparoError) as caught:
        gate.tracer.decide(held.review, confirmed=True)
    assert caught.value.code == "review_unknown"


def test_withdrawing_everything_ends_the_photos_too(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    person.withdraw_case(house.hub, code)
    sync(gate)
    assert gate.status().registered_photos == 0


def test_a_gate_comes_back_after_a_restart_with_what_it_held(house: House) -> None:
    house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    gate.stop()
    again = GateRuntime(gate.card, gate.folder, house.clock, tracing=PATIENT)
    house.stack.callback(again.stop)
    assert again.checker.check_picture(altered(1)).action is Action.REVIEW


def test_a_dismissed_upload_passes_from_then_on_and_is_held_nowhere_again(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    first = gate.checker.check_picture(altered(1)).trace
    assert first is not None
    assert first.review is not None
    assert gate.checker.check_picture(altered(1)).trace == first
    assert not gate.tracer.decide(first.review, confirmed=False)
    assert not gate.tracer.decide(first.review, confirmed=False)
    assert gate.checker.check_picture(altered(1)).action is Action.ALLOW
    with pytest.raises(AmparoError) as caught:
        gate.tracer.decide(first.review, confirmed=True)
    assert caught.value.code == "review_decided"
    view = person.view_case(house.hub, code)
    assert [one.outcome for one in view.photos[0].derivatives] == [Outcome.DISMISSED]
    assert view.pictures == ()


def test_a_partner_cannot_decide_on_another_partners_upload(house: House) -> None:
    house.register(1)
    gate, other = house.gate("Demo"), house.gate("Other")
    sync(gate)
    held = gate.checker.check_picture(altered(1)).trace
    assert held is not None
    assert held.review is not None
    for review in (held.review, ReviewId("0" * 32), ReviewId("../feed")):
        with pytest.raises(AmparoError) as caught:
            other.tracer.decide(review, confirmed=True)
        assert caught.value.code == "review_unknown"


def test_a_derivative_too_near_the_photo_does_not_block_the_photo(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Demo")
    sync(gate)
    near = altered(1, share=0.08)
    assert pdq.fingerprint(near).distance(pdq.fingerprint(photo(1))) <= 40
    held = gate.checker.check_picture(near).trace
    assert held is not None
    assert held.review is not None
    assert not gate.tracer.decide(held.review, confirmed=True)
    sync(gate)
    assert gate.checker.check_picture(photo(1, quality=60)).action is Action.ALLOW
    # The very upload that was confirmed is stopped where the hub can be asked.
    assert gate.checker.check_picture(near).action is Action.BLOCK
    assert person.view_case(house.hub, code).pictures == ()


def test_nobody_gets_a_fake_passed_by_registering_it_as_an_ordinary_photo(house: House) -> None:
    house.register(1)
    fake = signal_trace.register(altered(1))
    trace.register(house.hub, secrets.token_bytes(16), "es", [fake])
    gate = house.gate("Demo")
    sync(gate)
    assert gate.checker.check_picture(altered(1)).action is Action.REVIEW


def test_what_becomes_of_altered_uploads_is_the_platforms_choice(house: House) -> None:
    house.register(1)
    block = house.gate("Strict", policy=Policy(altered=Action.BLOCK))
    allow = house.gate("Mild", policy=Policy(altered=Action.ALLOW))
    dry = house.gate("Dry", dry_run=True)
    for gate in (block, allow, dry):
        sync(gate)
    assert block.checker.check_picture(altered(1)).action is Action.BLOCK
    mild = allow.checker.check_picture(altered(1))
    assert mild.action is Action.ALLOW
    assert mild.trace is not None
    assert mild.trace.review is None
    tried = dry.checker.check_picture(altered(1))
    assert (tried.action, tried.would) == (Action.ALLOW, Action.REVIEW)
    assert dry.checker.tally.report().by_action["review"] == 1


def test_a_gate_with_whole_records_judges_by_itself_and_its_reviewers_confirm(house: House) -> None:
    code = house.register(1)
    gate = house.gate("Trusted", whole=True)
    sync(gate)
    answer = gate.checker.check_picture(altered(1))
    assert answer.action is Action.REVIEW
    assert answer.trace is not None
    assert answer.trace.review is not None
    assert gate.tracer.decide(answer.trace.review, confirmed=True)
    assert len(person.view_case(house.hub, code).pictures) == 1


def test_an_upload_passes_and_is_counted_while_the_hub_is_down(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url=f"http://127.0.0.1:{port}", canaries=0))
    trace.register(hub, secrets.token_bytes(16), "es", [record(1)])
    gate = GateRuntime(partners.add_partner(hub, "Demo"), tmp_path / "gate", clock, tracing=PATIENT)
    with served(public_app(hub), port, hub.bell.close):
        sync(gate)
    for _ in range(2):
        assert gate.checker.check_picture(altered(1)).action is Action.ALLOW
    assert gate.status().traces == {"looked_at": 2, "sent_on": 2, "unverified": 2}
    gate.stop()
    hub.close()


def test_a_partner_that_asks_too_fast_is_slowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # However long the machine takes for the first upload, nothing is filled up before the second.
    monkeypatch.setattr(pace, "monotonic", lambda: 0.0)
    (port,) = free_ports(1)
    settings = HubSettings(url=f"http://127.0.0.1:{port}", canaries=0, verifications=3)
    hub, clock = open_hub(tmp_path / "hub", settings)
    trace.register(hub, secrets.token_bytes(16), "es", [record(1)])
    gate = GateRuntime(partners.add_partner(hub, "Demo"), tmp_path / "gate", clock, tracing=PATIENT)
    with served(public_app(hub), port, hub.bell.close):
        sync(gate)
        assert gate.checker.check_picture(altered(1)).action is Action.REVIEW
        assert gate.checker.check_picture(altered(1, filling=9001)).action is Action.ALLOW
        assert gate.status().traces["unverified"] == 1
    gate.stop()
    hub.close()
