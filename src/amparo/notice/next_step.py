"""What can be done next about a notice: proposals in order, for a person to choose from. None is ever taken by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from amparo.notice.award import Award
from amparo.notice.help_lines import HelpLine
from amparo.notice.jurisdiction import UNION
from amparo.notice.letter import has_letter
from amparo.notice.machine import NoticeState, Phase
from amparo.notice.pack import Addressee, RulePacks

PATIENCE: Final = timedelta(days=7)
LONG_SILENCE: Final = timedelta(days=28)
"""The desk's own rhythm where no legal clock runs: after the first it asks again, after the second it looks elsewhere. Neither
is a deadline of anybody's, and no text says so."""

_NOTICE: Final = "eu-dsa-16"
_COMPLAINT: Final = "eu-dsa-20"


class StepKind(StrEnum):
    PROVE_RECEIPT = "prove_receipt"
    ASK_AGAIN = "ask_again"
    COMPLAINT = "complaint"
    TRUSTED_FLAGGER = "trusted_flagger"
    REGULATOR = "regulator"
    HELP_LINE = "help_line"


@dataclass(frozen=True, slots=True)
class NextStep:
    """pack: the rule of a new notice or guidance. line: a help line's id. Each "" where the step has none."""

    kind: StepKind
    pack: str = ""
    line: str = ""


def next_steps(
    state: NoticeState,
    now: datetime,
    packs: RulePacks,
    countries: Collection[str],
    lines: Sequence[HelpLine],
    awards: Sequence[Award] = (),
    patience: timedelta = PATIENCE,
    long_silence: timedelta = LONG_SILENCE,
) -> tuple[NextStep, ...]:
    """Proposals, the nearest first; empty while there is only to wait.

    Receipt is to be proved until it is, whatever came back: a machine's reply proves none by itself, and starts no clock.
    countries: ISO 3166-1 codes that the case touches. A step whose rule is not in force or switched off is not proposed.
    """
    if state.notice is None:
        return ()
    steps: list[NextStep] = []
    # By the stored instants and not by what was told of them: a clock may have run ahead for a while.
    overdue = state.sent is not None and state.running is not None and now >= state.running.end
    if state.waiting_since is not None and state.receipt is None:
        steps.append(NextStep(StepKind.PROVE_RECEIPT))
    if overdue or _silent_for(state, now, patience):
        steps.append(NextStep(StepKind.ASK_AGAIN))
    if state.phase is not Phase.REFUSED and not overdue and not _silent_for(state, now, long_silence):
        return tuple(steps)
    if state.notice.pack == _NOTICE and state.phase is Phase.REFUSED and has_letter(packs.get(_COMPLAINT)):
        steps.append(NextStep(StepKind.COMPLAINT, _COMPLAINT))
    if packs.get(state.notice.pack).jurisdiction == UNION and packs.get(_NOTICE).may_render:
        # Priority is the flagger's (DSA Art. 22): ours, where we hold the award, or a line's that can be asked to send it.
        steps += [NextStep(StepKind.TRUSTED_FLAGGER, _NOTICE, award.line) for award in awards]
    steps += [
        NextStep(StepKind.REGULATOR, pack.id)
        for pack in packs
        if pack.addressee is Addressee.REGULATOR
        and pack.may_render
        and pack.jurisdiction in countries
        and pack.id != state.notice.pack
    ]
    return (*steps, *(NextStep(StepKind.HELP_LINE, line=line.id) for line in lines if line.country in countries))


def _silent_for(state: NoticeState, now: datetime, patience: timedelta) -> bool:
    """Whether their next word is awaited for so long, and no legal clock runs that would say how long that may last."""
    since = state.waiting_since
    return since is not None and state.running is None and now - since >= patience
