from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amparo.bank import Entry, EntryState
from amparo.bank.entry import admit, expire, hold, release, withdraw
from amparo.core.errors import AmparoError, Conflict, Rejected
from amparo.core.ids import CaseId, EntryId
from amparo.signal.fingerprint import Pdq

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=10)


def fresh() -> Entry:
    return admit(EntryId("e" * 32), CaseId("c" * 32), Pdq(bytes(32), 50), START, END)


class EntryLife(RuleBasedStateMachine):
    """The entry beside a table of what is allowed, written down a second time."""

    ALLOWED: ClassVar = {
        ("active", "hold"): "held",
        ("held", "release"): "active",
        ("active", "withdraw"): "withdrawn",
        ("held", "withdraw"): "withdrawn",
        ("active", "expire"): "expired",
        ("held", "expire"): "expired",
    }

    def __init__(self) -> None:
        super().__init__()
        self.entry = fresh()
        self.now = START
        self.seen = ["active"]

    @rule(days=st.integers(0, 6))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(step=st.sampled_from(["hold", "release", "withdraw", "expire"]))
    def step(self, step: str) -> None:
        state = self.entry.state.value
        wanted = self.ALLOWED.get((state, step))
        if step == "expire" and self.now < END:
            wanted = None
        before = self.entry
        try:
            match step:
                case "hold":
                    self.entry = hold(self.entry)
                case "release":
                    self.entry = release(self.entry)
                case "withdraw":
                    self.entry = withdraw(self.entry)
                case _:
                    self.entry = expire(self.entry, self.now)
        except Conflict as error:
            assert wanted is None
            assert self.entry is before
            assert error.code in ("entry_final", "entry_not_active", "entry_not_held", "entry_not_due")  # noqa: PT017  # whether it raises is what the model decides
        else:
            assert self.entry.state.value == wanted
            self.seen.append(self.entry.state.value)

    @invariant()
    def an_end_is_final_and_nothing_but_the_state_changes(self) -> None:
        assert not set(self.seen[:-1]) & {"withdrawn", "expired"}
        first = fresh()
        assert (self.entry.id, self.entry.case, self.entry.added_at, self.entry.expires_at) == (
            first.id,
            first.case,
            first.added_at,
            first.expires_at,
        )


TestEntryLife = EntryLife.TestCase
TestEntryLife.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)


def test_a_picture_with_too_little_detail_is_not_banked() -> None:
    with pytest.raises(Rejected) as caught:
        admit(EntryId("e"), CaseId("c"), Pdq(bytes(32), 49), START, END)
    assert caught.value.code == "quality_too_low"


def test_an_entry_expires_at_its_end_and_not_a_moment_before() -> None:
    with pytest.raises(AmparoError) as caught:
        expire(fresh(), END - timedelta(microseconds=1))
    assert caught.value.code == "entry_not_due"
    assert expire(fresh(), END).state is EntryState.EXPIRED
