"""Clocks beside independent reckoning: what a local calendar shows just before and just after the end."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.clock import Span, months_later, next_moment, span, warning_due, zone_named
from amparo.notice.pack import ClockRule, ClockStart, MetBy, Unit

# Zones that change at midnight, by half an hour, by two hours, that skipped a day, that are 45 minutes off, and none.
ZONES = [
    "Europe/Madrid", "Atlantic/Canary", "America/New_York", "Asia/Beirut", "Africa/Cairo", "America/Havana",
    "America/Sao_Paulo", "America/Asuncion", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu", "Pacific/Apia",
    "Pacific/Chatham", "Asia/Gaza", "Africa/Casablanca", "UTC",
]  # fmt: skip
MADRID = ZoneInfo("Europe/Madrid")
HOURS_48 = ClockRule(ClockStart.PROVABLE_RECEIPT, Unit.HOURS, 48, MetBy.REMOVAL)
TINY = timedelta(microseconds=1)


def lasting(start: datetime, length: timedelta) -> Span:
    return Span(start, start + length)


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
zones = st.sampled_from(ZONES).map(ZoneInfo)
spans = st.builds(lasting, moments, st.timedeltas(timedelta(1), timedelta(400)))
shares = st.lists(st.integers(1, 99), max_size=4).map(tuple)


def months(count: int) -> ClockRule:
    return ClockRule(ClockStart.PROVABLE_RECEIPT, Unit.MONTHS, count, MetBy.DECISION)


def at(text: str, zone: ZoneInfo = MADRID) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@given(moments, zones)
@example(at("2026-03-28 12:00"), MADRID)
@example(at("2026-10-24 12:00"), MADRID)
def test_48_hours_are_48_hours_in_every_zone_and_over_every_change(start: datetime, zone: ZoneInfo) -> None:
    found = span(start.astimezone(zone), HOURS_48, zone)
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=48)
    assert found == span(start, HOURS_48, ZoneInfo("UTC"))


@given(moments, zones, st.integers(1, 24))
def test_a_month_ends_with_the_last_moment_of_the_same_numbered_or_last_day(
    start: datetime, zone: ZoneInfo, count: int
) -> None:
    end = span(start, months(count), zone).end
    first, last = start.astimezone(zone).date(), (end - TINY).astimezone(zone).date()
    after = end.astimezone(zone).date()
    year, month = first.year, first.month
    for _ in range(count):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    wanted = date(year, month, min(first.day, monthrange(year, month)[1]))
    assert last <= wanted < after, "the day is over at the end, and not a moment earlier"
    # A zone that skips a whole day (Samoa, 30 December 2011) has no last moment of that day.
    assert last == wanted or (zone.key == "Pacific/Apia" and wanted == date(2011, 12, 30))


@pytest.mark.parametrize(
    ("day", "count", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2028-01-29", 1, "2028-02-29"),
        ("2027-01-29", 1, "2027-02-28"),
        ("2028-02-29", 1, "2028-03-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2100-01-30", 1, "2100-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2026-11-30", 1, "2026-12-30"),
    ],
)
def test_months_at_their_ends_and_in_leap_years(day: str, count: int, later: str) -> None:
    assert months_later(date.fromisoformat(day), count) == date.fromisoformat(later)


def test_the_day_on_which_a_month_starts_is_the_operators_day() -> None:
    """23:30 on 31 January in UTC is already 1 February in Madrid."""
    start = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert span(start, months(1), MADRID).end == at("2026-03-02 00:00")
    assert span(start, months(1), ZoneInfo("UTC")).end == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_midnight_that_is_skipped_ends_the_day_when_the_clocks_change() -> None:
    beirut = ZoneInfo("Asia/Beirut")
    end = span(at("2025-02-28 10:00", beirut), months(1), beirut).end
    assert end == datetime(2025, 3, 28, 22, tzinfo=UTC) == at("2025-03-29 00:00", beirut)
    skipped = span(at("2024-12-29 10:00", beirut), months(3), beirut).end
    assert skipped == datetime(2025, 3, 29, 22, tzinfo=UTC)
    assert (skipped - TINY).astimezone(beirut).strftime("%d %H:%M") == "29 23:59"
    assert skipped.astimezone(beirut).strftime("%d %H:%M") == "30 01:00"


@given(spans, shares, st.lists(moments, max_size=30))
def test_warnings_come_once_each_and_in_order_however_the_clock_is_asked(
    whole: Span, warn_at: tuple[int, ...], asked: list[datetime]
) -> None:
    """Asked in any order (a clock set back), a share is warned of at most once and never before its time."""
    warned, told = 0, list[int]()
    for now in [*asked, *(whole.point(percent) for percent in range(0, 100, 7))]:
        share = warning_due(whole, now, warn_at, warned)
        if share is not None:
            assert now >= whole.point(share)
            told.append(share)
            warned = share
    assert told == sorted(set(told))
    assert set(told) <= set(warn_at)
    late = warning_due(whole, whole.end, warn_at, warned)
    assert late == (max(warn_at) if warn_at and max(warn_at) > warned else None)


@given(spans, shares, st.integers(0, 99))
def test_the_next_moment_is_the_first_at_which_there_is_something_to_say(
    whole: Span, warn_at: tuple[int, ...], warned: int
) -> None:
    moment = next_moment(whole, warn_at, warned)
    assert whole.start < moment <= whole.end
    assert warning_due(whole, moment - TINY, warn_at, warned) is None
    assert moment == whole.end or warning_due(whole, moment, warn_at, warned) is not None


@given(spans, moments)
def test_what_is_left_and_what_has_passed_make_the_whole(whole: Span, now: datetime) -> None:
    assert whole.left(now) + (now - whole.start) == whole.end - whole.start
    assert whole.point(0) == whole.start
    assert whole.point(100) == whole.end


@pytest.mark.parametrize("wrong", [0, 100, -1])
def test_a_share_outside_the_span_is_refused(wrong: int) -> None:
    whole = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    for ask in (lambda: warning_due(whole, whole.start, (50, wrong), 0), lambda: next_moment(whole, (50, wrong), 0)):
        with pytest.raises(InvalidInput) as caught:
            ask()
        assert caught.value.code == "clock_shares_invalid"


@pytest.mark.parametrize(
    "name", ["", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/Madrid\0"]
)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        zone_named(name)
    assert caught.value.code == "time_zone_unknown"
    assert zone_named("Europe/Madrid").key == "Europe/Madrid"


@pytest.mark.parametrize("rule", [HOURS_48, months(1)])
def test_a_clock_beyond_the_calendar_is_refused(rule: ClockRule) -> None:
    with pytest.raises(InvalidInput) as caught:
        span(datetime(9999, 12, 31, tzinfo=UTC), rule, MADRID)
    assert caught.value.code == "clock_out_of_range"
