import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from amparo.bank import Action, Match, Policy, decide
from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId

radii = st.integers(-1, 50)
match_lists = st.lists(
    st.builds(Match, st.integers(0, 9).map(lambda n: EntryId(f"{n:032x}")), st.integers(0, 60)), max_size=8
)


@given(radii, radii, match_lists, st.integers(0, 100))
def test_the_nearest_match_decides(block: int, review: int, matches: list[Match], quality: int) -> None:
    assume(review >= block)
    policy = Policy(block_within=block, review_within=review)
    verdict = decide(matches, quality, policy)
    nearest = min((match.distance for match in matches), default=None)
    if quality < 50 or nearest is None or nearest > review:
        assert (verdict.action, verdict.matches) == (Action.ALLOW, ())
        return
    assert verdict.action is (Action.BLOCK if nearest <= block else Action.REVIEW)
    assert sorted(verdict.matches, key=lambda m: (m.distance, m.entry)) == list(verdict.matches)
    assert sorted(m.distance for m in verdict.matches) == sorted(m.distance for m in matches if m.distance <= review)


@pytest.mark.parametrize(("block", "review"), [(31, 30), (51, 51), (-2, 31), (0, -1)])
def test_a_policy_that_makes_no_sense_is_refused(block: int, review: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        Policy(block_within=block, review_within=review)
    assert caught.value.code == "policy_invalid"


def test_never_means_never_not_even_at_distance_zero() -> None:
    assert decide([Match(EntryId("e"), 0)], 100, Policy(-1, -1)).action is Action.ALLOW
    assert decide([Match(EntryId("e"), 0)], 100, Policy(-1, 31)).action is Action.REVIEW
