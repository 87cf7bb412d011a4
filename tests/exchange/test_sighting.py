import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.bank import Action
from amparo.core.errors import InvalidInput
from amparo.exchange.native import SightingReport, decode_reports, encode_reports
from amparo.exchange.native.sighting import MAXIMUM_REPORTS

moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)
places = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=80).filter(str.isprintable)
reports = st.builds(
    SightingReport, identifiers, identifiers, moments, st.integers(0, 256), st.sampled_from(Action), places
)
GOOD: dict[str, Any] = {
    "id": "a" * 32,
    "entry": "b" * 32,
    "seen_at": "2026-01-01T00:00:00.000000Z",
    "distance": 3,
    "action": "block",
    "place": "upload",
}


@given(st.lists(reports, max_size=4).map(tuple))
def test_sightings_come_back_from_their_bytes(several: tuple[SightingReport, ...]) -> None:
    assert decode_reports(encode_reports(several)) == several


@pytest.mark.parametrize(
    "member",
    [
        {"id": "A" * 32},
        {"id": None},
        {"id": "a" * 32 + "\n"},
        {"entry": "b" * 31},
        {"entry": 3},
        {"seen_at": "yesterday"},
        {"seen_at": 0},
        {"seen_at": "2026-01-01T00:00:00Z"},
        {"distance": -1},
        {"distance": 257},
        {"distance": 2.5},
        {"distance": True},
        {"distance": "3"},
        {"action": "delete"},
        {"action": ["block"]},
        {"place": "x" * 81},
        {"place": "two\nlines"},
        {"place": "\x1b[31m"},
        {"place": "\u202eright to left"},
        {"place": None},
    ],
    ids=str,
)
def test_one_wrong_member_refuses_the_whole(member: dict[str, Any]) -> None:
    decode_reports(json.dumps({"sightings": [GOOD]}).encode())
    with pytest.raises(InvalidInput) as caught:
        decode_reports(json.dumps({"sightings": [GOOD, {**GOOD, **member}]}).encode())
    assert caught.value.code == "sightings_malformed"


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_member_refuses_the_whole(name: str) -> None:
    wrong = {k: v for k, v in GOOD.items() if k != name}
    with pytest.raises(InvalidInput):
        decode_reports(json.dumps({"sightings": [wrong]}).encode())


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"null", b'{"sightings": 3}', b'{"sightings": "ab"}', b"\xff", b"[" * 99_999]
)
def test_bytes_that_are_no_sightings_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_reports(raw)
    assert caught.value.code == "sightings_malformed"


def test_at_most_500_sightings_are_told_at_once() -> None:
    assert len(decode_reports(json.dumps({"sightings": [GOOD] * MAXIMUM_REPORTS}).encode())) == 500
    with pytest.raises(InvalidInput):
        decode_reports(json.dumps({"sightings": [GOOD] * (MAXIMUM_REPORTS + 1)}).encode())
