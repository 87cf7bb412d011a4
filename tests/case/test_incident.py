"""Which cases are suggested together, and which never are."""

from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.case.incident import COMMON, ENOUGH, LARGEST, OF_KIND, Ground, Shared, Suggestion, Tie, suggested, ties
from amparo.case.people import LINKING
from amparo.core.ids import CaseId, IncidentId

CASES = [CaseId(f"{number:032x}") for number in range(8)]
A, B, C, D = CASES[:4]
GROUP, OTHER = IncidentId("a" * 32), IncidentId("b" * 32)


def share(ground: Ground, *cases: CaseId, common: bool = False) -> Shared:
    return Shared(dict.fromkeys(cases, ground), common)


def groups(found: list[Suggestion]) -> list[tuple[CaseId, ...]]:
    return [one.cases for one in found]


@pytest.mark.parametrize("ground", [ground for ground in Ground if ground is not Ground.SENDER])
def test_one_rare_thing_in_common_is_enough(ground: Ground) -> None:
    (tie,) = ties([share(ground, B, A)])
    assert (tie.first, tie.second, tie.grounds) == (A, B, (ground,))


def test_a_given_name_alone_is_not_enough_and_with_a_place_it_is() -> None:
    assert ties([share(Ground.SENDER, A, B)]) == []
    (tie,) = ties([share(Ground.SENDER, A, B), share(Ground.PLACE, A, B)])
    assert tie.grounds == (Ground.PLACE, Ground.SENDER)


def test_what_is_common_ties_nobody_and_adds_a_little_to_other_grounds() -> None:
    everywhere = [share(ground, *CASES, common=True) for ground in Ground for _ in range(50)]
    assert ties(everywhere) == []
    (alone,), (with_more,) = ties([share(Ground.LINK, A, B)]), ties([*everywhere[:2], share(Ground.LINK, A, B)])
    assert alone.weight < with_more.weight < 2 * alone.weight
    assert with_more.grounds == (Ground.PICTURE, Ground.PICTURE, Ground.LINK)


def test_a_term_counts_by_the_weightier_of_the_two_fields_it_was_typed_into() -> None:
    (tie,) = ties([Shared({A: Ground.SENDER, B: Ground.HANDLE})])
    assert tie.grounds == (Ground.HANDLE,)


def test_every_kind_of_words_by_which_cases_are_found_has_its_ground() -> None:
    assert OF_KIND.keys() == LINKING
    assert len(set(OF_KIND.values())) == len(OF_KIND)


def test_ties_run_together_into_one_group() -> None:
    found = ties([share(Ground.PICTURE, A, B), share(Ground.HANDLE, B, C)])
    assert groups(suggested(found, (), {})) == [(A, B, C)]


def test_two_that_were_found_apart_are_in_no_group_together_and_the_stronger_tie_wins() -> None:
    found = ties([share(Ground.PICTURE, A, B), share(Ground.HANDLE, B, C)])
    assert groups(suggested(found, {(A, C)}, {})) == [(A, B)]
    assert groups(suggested(found, {(A, B)}, {})) == [(B, C)]


def test_what_is_confirmed_is_suggested_no_more_and_a_newcomer_is() -> None:
    found = ties([share(Ground.PICTURE, A, B)])
    assert suggested(found, (), {A: GROUP, B: GROUP}) == []
    (one,) = suggested(ties([share(Ground.PICTURE, A, B, C)]), (), {A: GROUP, B: GROUP})
    assert (one.cases, one.incidents) == ((A, B, C), (GROUP,))
    assert [(tie.first, tie.second) for tie in one.ties] == [(A, C), (B, C)]


def test_two_incidents_with_something_in_common_are_suggested_as_one() -> None:
    (one,) = suggested(ties([share(Ground.LINK, A, C)]), (), {A: GROUP, B: GROUP, C: OTHER, D: OTHER})
    assert (one.cases, one.incidents) == ((A, C), (GROUP, OTHER))


def test_somebody_apart_from_one_of_an_incident_is_not_suggested_for_it() -> None:
    found = ties([share(Ground.LINK, A, C)])
    assert suggested(found, {(B, C)}, {A: GROUP, B: GROUP}) == []


@st.composite
def one_shared(draw: st.DrawFn) -> Shared:
    cases = draw(st.sets(st.sampled_from(CASES), min_size=1, max_size=5))
    return share(draw(st.sampled_from(list(Ground))), *cases, common=draw(st.booleans()))


SHARED = st.lists(one_shared(), max_size=8)
PAIRS = st.sets(st.sampled_from(list(combinations(CASES, 2))), max_size=8)
LINKED = st.dictionaries(st.sampled_from(CASES), st.sampled_from([GROUP, OTHER]))


@given(SHARED, PAIRS, LINKED)
def test_no_group_breaks_what_people_said(
    shared: list[Shared], apart: set[tuple[CaseId, CaseId]], linked: dict[CaseId, IncidentId]
) -> None:
    found = suggested(ties(shared), apart, linked)
    assert len({case for one in found for case in one.cases}) == sum(len(one.cases) for one in found)
    for one in found:
        together = {case for case, incident in linked.items() if incident in one.incidents} | set(one.cases)
        for first, second in apart:
            same = first in linked and linked[first] == linked.get(second)
            assert same or not {first, second} <= together
        assert all(not (t.first in linked and linked[t.first] == linked.get(t.second)) for t in one.ties)


@given(SHARED, PAIRS, LINKED)
def test_every_group_hangs_together_by_its_ties_and_incidents(
    shared: list[Shared], apart: set[tuple[CaseId, CaseId]], linked: dict[CaseId, IncidentId]
) -> None:
    for one in suggested(ties(shared), apart, linked):
        reached = {one.cases[0]}
        while grown := {
            case for tie in one.ties if {tie.first, tie.second} & reached for case in (tie.first, tie.second)
        } | {c for c in one.cases if any(c in linked and linked[c] == linked.get(r) for r in reached)}:
            if grown <= reached:
                break
            reached |= grown
        assert reached == set(one.cases)
        assert all(tie.weight >= ENOUGH for tie in one.ties)


@given(SHARED, PAIRS, LINKED, st.randoms())
def test_the_order_in_which_things_come_changes_nothing(
    shared: list[Shared],
    apart: set[tuple[CaseId, CaseId]],
    linked: dict[CaseId, IncidentId],
    random: Random,
) -> None:
    mixed = list(shared)
    random.shuffle(mixed)
    one, other = ties(shared), ties(mixed)
    assert one == other
    assert suggested(one, apart, linked) == suggested(list(reversed(other)), apart, linked)


@given(SHARED)
def test_a_tie_needs_something_rare(shared: list[Shared]) -> None:
    rare = {pair for one in shared if not one.common for pair in combinations(sorted(one.cases), 2)}
    assert {(tie.first, tie.second) for tie in ties(shared)} <= rare


def test_many_cases_that_name_one_common_term_stay_strangers() -> None:
    crowd = [CaseId(f"{number:032x}") for number in range(COMMON + 1)]
    assert suggested(ties([share(Ground.PLACE, *crowd, common=len(crowd) > COMMON)]), (), {}) == []


def test_chance_ties_do_not_chain_more_strangers_together_than_people_can_look_at() -> None:
    chain = [CaseId(f"{number:032x}") for number in range(LARGEST + 5)]
    found = ties([share(Ground.PLACE, *pair) for pair in pairwise(chain)])
    sizes = [len(one.cases) for one in suggested(found, (), {})]
    assert sum(sizes) <= len(chain)
    assert max(sizes) == LARGEST
    confirmed = dict.fromkeys(chain[:LARGEST], GROUP)
    (one,) = suggested(found, (), confirmed)
    assert set(chain[LARGEST:]) < set(one.cases), "once they are confirmed, the others are suggested for them"


def test_a_tie_is_a_plain_value() -> None:
    assert Tie(A, B, (Ground.LINK,), 60) == ties([share(Ground.LINK, A, B)])[0]
