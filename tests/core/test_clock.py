from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.clock import SteppedClock, SystemClock, from_text, to_text

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])).filter(
    lambda moment: 1 < moment.year < 9999
)


@given(moments)
def test_a_moment_comes_back_from_its_text(moment: datetime) -> None:
    assert from_text(to_text(moment)) == moment


@given(st.lists(moments, min_size=2, max_size=5))
def test_texts_sort_as_moments_do(several: list[datetime]) -> None:
    assert sorted(map(to_text, several)) == [to_text(moment) for moment in sorted(several)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2026-1-01T00:00:00.000000Z",
        "2026-01-01 00:00:00.000000Z",
        "2026-01-01T00:00:00.000000+00:00",
        "2026-01-01T00:00:00.000000z",
        "2026-13-01T00:00:00.000000Z",
        "2026-02-30T00:00:00.000000Z",
        "2026-01-01T24:00:01.000000Z",
        "٢٠٢٦-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000000Z\n",
    ],
)
def test_a_moment_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the message is the standard library's
        from_text(text)


def test_a_stepped_clock_moves_only_when_it_is_moved() -> None:
    clock = SteppedClock()
    start = clock.now()
    assert clock.now() == start
    clock.advance(timedelta(seconds=-3))
    assert clock.now() == start - timedelta(seconds=3)
    assert SystemClock().now().tzinfo is UTC
