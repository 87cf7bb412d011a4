"""Pairs of cases that look alike, against comparing everything with everything."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.ids import CaseId, EntryId
from amparo.hub.resemblance import NEAREST, Resemblance
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, Pdq
from tests.hub.hubs import fingerprints, near

Held = dict[EntryId, tuple[CaseId, bytes]]
BASE = fingerprints(2)


def entry(number: int) -> EntryId:
    return EntryId(f"{number:032x}")


def case(number: int) -> CaseId:
    return CaseId(f"c{number:031x}")


def every_pair(held: Held) -> set[tuple[CaseId, CaseId]]:
    return {
        (min(held[a][0], held[b][0]), max(held[a][0], held[b][0]))
        for a, b in combinations(held, 2)
        if held[a][0] != held[b][0] and Pdq(held[a][1], 80).distance(Pdq(held[b][1], 80)) <= PDQ_MATCH_RADIUS
    }


# What an entry holds follows from its number: it never changes while the entry lives.
HOLDINGS = st.sets(st.integers(0, 11)).map(
    lambda numbers: {entry(one): (case(one % 6), near(BASE[one % 2], (one * 7) % 40).value) for one in sorted(numbers)}
)


@settings(max_examples=60, deadline=None)  # the index compiles on its first use
@given(st.lists(HOLDINGS, max_size=5))
def test_through_every_change_the_pairs_are_those_of_comparing_all_with_all(changes: list[Held]) -> None:
    found = Resemblance()
    for held in changes:
        found.follow(held)
        assert found.pairs().keys() == every_pair(held)


def test_pairs_count_what_two_cases_have_in_common_and_not_its_versions() -> None:
    found, (one, other) = Resemblance(), BASE
    found.follow(
        {
            **{entry(bits): (case(1), near(one, bits).value) for bits in range(3)},
            entry(5): (case(2), one.value),
            entry(6): (case(1), other.value),
            entry(7): (case(2), other.value),
        }
    )
    assert found.pairs() == {(case(1), case(2)): 2}


def test_a_flood_of_one_picture_hangs_together_by_a_few_pairs_each_even_when_the_first_leave() -> None:
    found, flood = Resemblance(), {entry(number): (case(number), BASE[0].value) for number in range(60)}
    for held in (flood, {name: of for name, of in flood.items() if name >= entry(20)}):
        found.follow(held)
        pairs = found.pairs()
        assert len(pairs) <= NEAREST * len(held)
        reached = {next(of for of, _ in held.values())}
        while more := {of for pair in pairs if set(pair) & reached for of in pair} - reached:
            reached |= more
        assert reached == {of for of, _ in held.values()}
