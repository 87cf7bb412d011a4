"""How a notice's clock stands, in one word that can be counted: of all notices at once, without opening any."""

from __future__ import annotations

from enum import StrEnum

from amparo.notice.machine import NoticeState, Phase


class ClockStanding(StrEnum):
    """NONE: the rule has no clock, it has not started, or the notice was given up. OVER: it ran out, and nothing has stopped it
    since. LATE: what stopped it came after its end."""

    NONE = "none"
    RUNNING = "running"
    OVER = "over"
    MET = "met"
    LATE = "late"


def clock_standing(state: NoticeState) -> ClockStanding:
    """As recorded: a clock that ran out a moment ago is RUNNING until the event of its end."""
    if state.span is None or state.phase is Phase.ABANDONED:
        return ClockStanding.NONE
    if state.running is not None:
        return ClockStanding.RUNNING if state.ran_out_at is None else ClockStanding.OVER
    return ClockStanding.LATE if state.met_late else ClockStanding.MET
