"""vPDQ's rule, against the pseudocode of its README written out plainly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq
from amparo.signal.video_format import VideoFrame
from amparo.signal.video_match import COPY, EXCERPT, Shares, VideoRule, matches, shares


def frame(bits: int, quality: int = 100, number: int = 0) -> VideoFrame:
    return VideoFrame(number, Pdq(bits.to_bytes(32), quality), float(number))


def oracle(query: list[VideoFrame], bank: list[VideoFrame], radius: int, quality: int) -> tuple[float, float]:
    asked = {one.fingerprint.value: one for one in query if one.fingerprint.quality >= quality}.values()
    held = {one.fingerprint.value: one for one in bank if one.fingerprint.quality >= quality}.values()
    if not asked or not held:
        return 0.0, 0.0
    found = sum(any(q.fingerprint.distance(c.fingerprint) <= radius for c in held) for q in asked)
    covered = sum(any(q.fingerprint.distance(c.fingerprint) <= radius for q in asked) for c in held)
    return 100 * found / len(asked), 100 * covered / len(held)


# Few bits set, so that distances fall on both sides of the radius and repetitions happen.
few_bits = st.lists(st.sampled_from([0, 1, 63, 64, 128, 200, 255]), max_size=7).map(
    lambda places: sum(1 << place for place in set(places))
)
videos = st.lists(st.builds(frame, few_bits, st.sampled_from([0, 49, 50, 100])), max_size=12)


@given(videos, videos, st.integers(0, 8), st.sampled_from([0, 50, 100]))
def test_shares_are_those_of_the_plain_rule(
    query: list[VideoFrame], bank: list[VideoFrame], radius: int, quality: int
) -> None:
    found = shares(query, bank, VideoRule(radius=radius, minimum_quality=quality))
    assert found == Shares(*oracle(query, bank, radius, quality))


@given(videos, videos)
def test_the_rule_is_the_same_seen_from_the_other_side(query: list[VideoFrame], bank: list[VideoFrame]) -> None:
    there, back = shares(query, bank), shares(bank, query)
    assert (there.query, there.bank) == (back.bank, back.query)


def test_more_query_frames_than_one_block_are_all_compared() -> None:
    query = [frame((1 << 255) >> place) for place in range(256)] + [frame(((1 << 64) - 1) << 100)]
    bank = [frame(((1 << 64) - 1) << 100)]
    found = shares(query, bank, VideoRule(radius=0))
    assert found == Shares(100 / 257, 100.0)


def test_a_distance_equal_to_the_radius_matches_and_one_more_does_not() -> None:
    assert shares([frame((1 << 31) - 1)], [frame(0)]) == Shares(100.0, 100.0)
    assert shares([frame((1 << 32) - 1)], [frame(0)]) == Shares(0.0, 0.0)


def _block_of(number: int) -> int:
    """Fingerprints far from each other: 64 bits of one of four quarters, rotated halves for more."""
    return ((1 << 64) - 1) << (64 * (number % 4))


def test_a_padded_copy_matches_and_an_excerpt_needs_the_other_rule() -> None:
    banked = [frame(_block_of(number)) for number in range(4)]
    foreign = [frame(_block_of(0) | _block_of(1)), frame(_block_of(2) | _block_of(3))]
    assert matches(banked + foreign, banked, COPY)
    assert not matches(banked[:1], banked, COPY)
    assert matches(banked[:1], banked, EXCERPT)
    assert not matches(banked[:1] + foreign, banked, EXCERPT)


def test_poor_frames_do_not_count_and_nothing_never_matches() -> None:
    poor = [frame(0, quality=49)]
    assert shares(poor, poor) == Shares(0.0, 0.0)
    anything = VideoRule(bank_percent=0.0, query_percent=0.0)
    assert not matches(poor, poor, anything)
    assert not matches([], [frame(0)], anything)
    assert not matches([frame((1 << 200) - 1)], [frame(0)], anything)


@pytest.mark.parametrize(
    "changed",
    [{"bank_percent": -1}, {"query_percent": 101}, {"radius": -1}, {"radius": 257}, {"minimum_quality": 101}],
)
def test_a_rule_out_of_range_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        VideoRule(**changed)
    assert caught.value.code == "video_rule_invalid"
