from dataclasses import replace
from datetime import date, timedelta

import pytest

from amparo.notice import machine
from amparo.notice.award import Award
from amparo.notice.clock import WARN_AT
from amparo.notice.help_lines import help_lines
from amparo.notice.machine import Answer, NoticeState, Proof
from amparo.notice.next_step import LONG_SILENCE, PATIENCE, NextStep, StepKind, next_steps
from amparo.notice.pack import RulePacks
from tests.notice.lives import HOUR, answered, apply, approved, drafted, received, sent
from tests.notice.samples import ID, PACKS, START

SPAIN = ("ES",)
OWN = Award("Example Association", "Example Coordinator", date(2026, 2, 3))
LINES = replace(OWN, line="es-017")


def steps(
    state: NoticeState,
    days: int = 0,
    countries: tuple[str, ...] = (),
    awards: tuple[Award, ...] = (),
    packs: RulePacks = PACKS,
) -> list[tuple[StepKind, str]]:
    found = next_steps(state, START + timedelta(days=days), packs, countries, help_lines(), awards)
    return [(step.kind, step.pack or step.line) for step in found]


def expired(name: str = "us-take-it-down") -> NoticeState:
    state = received(name)
    return apply(state, machine.tick(state, START + timedelta(days=40), WARN_AT))


def refused(name: str = "eu-dsa-16") -> NoticeState:
    return answered(received(name), Answer.REFUSED, START + HOUR)


@pytest.mark.parametrize("state", [NoticeState(ID), drafted(), approved(), received()])
def test_while_there_is_only_to_wait_nothing_is_proposed(state: NoticeState) -> None:
    assert steps(state, 0, SPAIN, (OWN,)) == []


def test_what_is_sent_needs_proof_of_receipt() -> None:
    assert steps(sent(), 0, SPAIN) == [(StepKind.PROVE_RECEIPT, "")]
    days = PATIENCE.days + 1
    assert steps(sent(), days, SPAIN) == [(StepKind.PROVE_RECEIPT, ""), (StepKind.ASK_AGAIN, "")]


@pytest.mark.parametrize("name", ["us-take-it-down", "eu-dsa-16", "eu-gdpr-17"])
def test_a_reply_before_receipt_is_proved_leaves_that_to_be_proved(name: str) -> None:
    state = answered(sent(name), Answer.ANSWERED, START + HOUR)
    assert steps(state, 0) == [(StepKind.PROVE_RECEIPT, "")]
    proved = apply(state, machine.prove_receipt(state, START + HOUR, "worker", START + HOUR, Proof.DELIVERY_REPORT, ""))
    assert steps(proved, 0) == []
    assert (proved.running is not None) == (proved.clock is not None), "their clock runs, whatever was replied"


@pytest.mark.parametrize("state", [sent("eu-dsa-16"), received("eu-dsa-16")], ids=["sent", "received"])
def test_a_platform_that_stays_silent_leads_elsewhere(state: NoticeState) -> None:
    before = steps(state, LONG_SILENCE.days - 1, SPAIN, (OWN, LINES))
    assert {kind for kind, _ in before} <= {StepKind.PROVE_RECEIPT, StepKind.ASK_AGAIN}
    found = steps(state, 60, SPAIN, (OWN, LINES))
    for step in (
        (StepKind.ASK_AGAIN, ""),
        (StepKind.TRUSTED_FLAGGER, "eu-dsa-16"),
        (StepKind.REGULATOR, "es-aepd-priority"),
    ):
        assert step in found
    assert (StepKind.HELP_LINE, "es-017") in found
    assert ((StepKind.PROVE_RECEIPT, "") in found) == (state.receipt is None)


def test_while_a_legal_clock_runs_no_rhythm_of_ours_leads_elsewhere() -> None:
    assert steps(received("eu-gdpr-17"), LONG_SILENCE.days + 1, SPAIN, (OWN,)) == []


def test_a_clock_that_ran_out_proposes_asking_again_regulator_and_lines() -> None:
    found = steps(expired(), 40, SPAIN, (OWN,))
    assert found[:2] == [(StepKind.ASK_AGAIN, ""), (StepKind.REGULATOR, "es-aepd-priority")]
    assert {line for kind, line in found[2:] if kind is StepKind.HELP_LINE} == {
        line.id for line in help_lines() if line.country == "ES"
    }
    assert len(found) == 2 + len([line for line in help_lines() if line.country == "ES"])


def test_a_refusal_under_article_16_proposes_the_complaint_first() -> None:
    assert steps(refused())[0] == (StepKind.COMPLAINT, "eu-dsa-20")
    assert (StepKind.COMPLAINT, "eu-dsa-20") not in steps(refused("us-take-it-down"))
    assert (StepKind.COMPLAINT, "eu-dsa-20") not in steps(received("eu-dsa-16"), 100), "there is no decision yet"


def test_a_trusted_flagger_is_proposed_only_with_an_award_and_only_in_the_union() -> None:
    assert steps(refused()) == [(StepKind.COMPLAINT, "eu-dsa-20")]
    found = next_steps(refused(), START, PACKS, (), (), (OWN, LINES))
    assert found[1:] == (
        NextStep(StepKind.TRUSTED_FLAGGER, "eu-dsa-16", ""),
        NextStep(StepKind.TRUSTED_FLAGGER, "eu-dsa-16", "es-017"),
    )
    assert steps(expired(), 40, (), (OWN, LINES)) == [(StepKind.ASK_AGAIN, "")]


def test_each_country_has_its_own_regulator() -> None:
    assert (StepKind.REGULATOR, "au-esafety-referral") in steps(refused(), 0, ("AU",))
    assert (StepKind.REGULATOR, "es-aepd-priority") not in steps(refused(), 0, ("AU",))
    assert not [step for step in steps(refused(), 0, ("FR",)) if step[0] is StepKind.REGULATOR]


def test_a_regulator_that_refused_is_not_proposed_again() -> None:
    assert (StepKind.REGULATOR, "es-aepd-priority") not in steps(refused("es-aepd-priority"), 0, SPAIN)


def test_a_rule_that_is_switched_off_is_not_proposed() -> None:
    off = RulePacks(replace(pack, enabled=False) if pack.id != "eu-gdpr-17" else pack for pack in PACKS)
    assert [kind for kind, _ in steps(refused(), 0, SPAIN, (OWN,), off) if kind is not StepKind.HELP_LINE] == []


def test_where_no_clock_runs_the_desk_asks_again_in_its_own_rhythm() -> None:
    state = received("eu-dsa-16")
    assert steps(state, PATIENCE.days - 1) == []
    assert steps(state, PATIENCE.days) == [(StepKind.ASK_AGAIN, "")]


def test_after_a_late_answer_or_a_removal_nothing_is_pressed_further() -> None:
    assert steps(answered(expired(), Answer.REMOVED, START + timedelta(days=41)), 41, SPAIN, (OWN,)) == []
    undecided = answered(expired("eu-gdpr-17"), Answer.ANSWERED, START + timedelta(days=41))
    assert (StepKind.REGULATOR, "es-aepd-priority") in steps(undecided, 41, SPAIN, (OWN,)), "nothing is decided by that"
    gone = apply(expired(), machine.abandon(expired(), START, "worker", "asked"))
    assert steps(gone, 100, SPAIN, (OWN,)) == []


def test_a_window_that_closed_before_sending_proposes_nothing_by_itself() -> None:
    state = drafted("eu-dsa-20")
    closed = apply(state, machine.tick(state, START + timedelta(days=365), WARN_AT))
    assert closed.ran_out_at is not None
    assert steps(closed, 365, SPAIN, (OWN,)) == []
