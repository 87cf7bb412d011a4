"""NCMEC's messages, both ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput, VerificationFailed
from amparo.exchange.ncmec import (
    Deleted,
    EntryPage,
    ImageEntry,
    Vote,
    decode_feedback,
    decode_page,
    encode_feedback,
    encode_page,
    following_path,
    from_moment,
    to_moment,
)

identifiers = st.text("abcdef0123456789<>&\"'ñ", min_size=1, max_size=20)
entries = st.one_of(
    st.builds(ImageEntry, st.integers(0, 99), identifiers, st.one_of(st.none(), st.just("ab" * 32))),
    st.builds(Deleted, st.integers(0, 99), identifiers),
)
seconds = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001  # given a zone below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(st.lists(entries, min_size=1, max_size=6).map(tuple), seconds, seconds)
def test_a_page_comes_back_as_it_was_in_its_order(
    told: tuple[ImageEntry | Deleted, ...], newest: datetime, end: datetime
) -> None:
    page = EntryPage(told, newest, following_path(newest, end, "7", "9"))
    assert decode_page(encode_page(page, {1: "<a&b>"})) == page


def test_an_empty_page_has_no_images_for_clients_that_expect_a_time_with_them() -> None:
    raw = encode_page(EntryPage((), None, None), {})
    assert b"images" not in raw
    assert decode_page(raw) == EntryPage((), None, None)


@given(st.lists(identifiers, max_size=3))
def test_votes_come_back_as_they_were(reasons: list[str]) -> None:
    assert decode_feedback(encode_feedback(Vote.NEGATIVE, reasons)) == (Vote.NEGATIVE, tuple(reasons))
    assert decode_feedback(encode_feedback(Vote.AFFIRMATIVE)) == (Vote.AFFIRMATIVE, ())


def test_any_namespace_is_taken() -> None:
    for frame in ("<f:feedbackSubmission xmlns:f='urn:x'><f:affirmative/></f:feedbackSubmission>",):
        assert decode_feedback(frame.encode()) == (Vote.AFFIRMATIVE, ())


@given(seconds)
def test_moments_come_back_as_they_were(moment: datetime) -> None:
    assert from_moment(to_moment(moment)) == moment


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "now"])
def test_other_spellings_of_a_moment_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="moment_invalid"):
        from_moment(text)


@given(st.one_of(st.binary(max_size=60), st.text("<>/a&;!\"'= ", max_size=60).map(str.encode)))
def test_no_bytes_escape_the_typed_errors(raw: bytes) -> None:
    with pytest.raises(VerificationFailed, match="page_malformed"):
        decode_page(raw)
    with pytest.raises(InvalidInput, match="feedback_malformed"):
        decode_feedback(raw)


BOMB = b"""<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><queryResult><images maxTimestamp="&c;"/></queryResult>"""
QUADRATIC = b'<!DOCTYPE b [<!ENTITY a "' + b"a" * 50_000 + b'">]><queryResult>' + b"&a;" * 50_000 + b"</queryResult>"
OUTSIDE = b'<!DOCTYPE b SYSTEM "http://127.0.0.1:1/x.dtd"><queryResult/>'


@pytest.mark.parametrize(
    "raw", [BOMB, QUADRATIC, OUTSIDE, b"<a>" * 100_000], ids=["laughs", "quadratic", "dtd", "deep"]
)
def test_bombs_are_refused(raw: bytes) -> None:
    with pytest.raises(VerificationFailed, match="page_malformed"):
        decode_page(raw)
    with pytest.raises(InvalidInput, match="feedback_malformed"):
        decode_feedback(raw)
