from datetime import UTC, datetime, timedelta

import pytest

from amparo.core.errors import Unavailable
from amparo.core.ids import PartnerId
from amparo.hub.pace import Allowance, Pace

ONE, OTHER = PartnerId("1" * 32), PartnerId("2" * 32)


def test_each_partner_has_a_bucket_of_its_own_that_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("amparo.hub.pace.monotonic", lambda: now)
    pace = Pace(3)
    for _ in range(3):
        pace.take(ONE)
    with pytest.raises(Unavailable) as caught:
        pace.take(ONE)
    assert (caught.value.code, caught.value.retry_after) == ("partner_too_fast", 20.0)
    pace.take(OTHER)
    now += 19
    with pytest.raises(Unavailable):
        pace.take(ONE)
    now += 1
    pace.take(ONE)
    now += 3600
    for _ in range(3):
        pace.take(ONE)
    with pytest.raises(Unavailable):
        pace.take(ONE)


def test_a_days_allowance_is_that_of_a_partner_and_kind_and_fills_through_the_day() -> None:
    sent, now = Allowance(), datetime(2026, 3, 1, tzinfo=UTC)
    assert sent.take(ONE, "opinions", 24, 24, now)
    assert not sent.take(ONE, "opinions", 1, 24, now)
    assert sent.take(ONE, "values", 24, 24, now)
    assert sent.take(OTHER, "opinions", 24, 24, now)
    assert not sent.take(ONE, "opinions", 1, 24, now - timedelta(hours=5)), "a clock that was set back"
    assert sent.take(ONE, "opinions", 2, 24, now + timedelta(hours=2))
    assert not sent.take(ONE, "opinions", 25, 24, now + timedelta(days=9)), "no more than a day's at once"
    assert sent.take(ONE, "opinions", 24, 24, now + timedelta(days=9))
    sent.give_back(ONE, "opinions", 3)
    assert sent.take(ONE, "opinions", 3, 24, now + timedelta(days=9))
