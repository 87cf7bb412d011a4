"""Folding many events at once says what folding them one by one says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.case.events import CaseOpened, CopySighted, Event, PictureProtected, PictureWithdrawn, WitnessTold
from amparo.case.machine import Case, evolve, fold
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId

AT = datetime(2026, 1, 1, tzinfo=UTC)
ENTRIES = st.sampled_from([EntryId("a"), EntryId("b")])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        CopySighted,
        st.just(AT),
        st.integers(0, 99).map(lambda number: SightingId(str(number))),
        ENTRIES,
        st.just(PartnerId("p")),
        st.just("Plaza"),
        st.integers(0, 9).map(lambda days: AT + timedelta(days=days)),
        st.just(""),
        st.booleans(),
    ),
    st.builds(PictureProtected, st.just(AT), ENTRIES, st.integers(0, 100)),
    st.builds(PictureWithdrawn, st.just(AT), ENTRIES),
    st.builds(WitnessTold, st.just(AT), ENTRIES),
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_a_history_folds_as_its_events_one_by_one(events: list[Event]) -> None:
    history: list[Event] = [CaseOpened(AT, "es"), *events]
    state = Case(CaseId("c"))
    for event in history:
        state = evolve(state, event)
    assert fold(CaseId("c"), iter(history)) == state
