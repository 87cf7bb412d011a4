import json
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.case.events import (
    AgeStated,
    CaseOpened,
    CaseWithdrawn,
    ConsentRecorded,
    CopySighted,
    DerivativeConfirmed,
    DerivativeDismissed,
    DerivativeHeld,
    DerivativeLapsed,
    Event,
    PhotoRegistered,
    PhotoRemoved,
    PictureProtected,
    PictureWithdrawn,
    TakenOver,
    Unbanked,
    WitnessTold,
    WordsCorrected,
    WordsErased,
    WordsNoted,
)
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.case.record import decode, encode
from amparo.core.errors import IntegrityViolation

moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
events = st.one_of(
    st.builds(CaseOpened, moments, st.sampled_from(["es", "en"]), st.sampled_from(Door), st.sampled_from(AgeBand)),
    st.builds(AgeStated, moments, st.sampled_from(AgeBand)),
    st.builds(ConsentRecorded, moments, st.none() | st.sampled_from(Relation), st.none() | st.booleans()),
    st.builds(TakenOver, moments),
    st.builds(WordsNoted, moments, identifiers, st.sampled_from(WordsKind), st.sampled_from(Author)),
    st.builds(WordsCorrected, moments, identifiers),
    st.builds(WordsErased, moments, identifiers),
    st.builds(WitnessTold, moments, identifiers),
    st.builds(PictureProtected, moments, identifiers, st.integers(0, 100)),
    st.builds(PictureWithdrawn, moments, identifiers),
    st.builds(CopySighted, moments, identifiers, identifiers, identifiers, words, moments, words, st.booleans()),
    st.builds(PhotoRegistered, moments, identifiers, st.booleans()),
    st.builds(PhotoRemoved, moments, identifiers),
    st.builds(
        DerivativeHeld, moments, identifiers, identifiers, identifiers, words, moments, words, st.integers(0, 100)
    ),
    st.builds(DerivativeConfirmed, moments, identifiers, identifiers, st.integers(0, 100), st.none()),
    st.builds(
        DerivativeConfirmed, moments, identifiers, st.none(), st.integers(0, 100), st.sampled_from(list(Unbanked))
    ),
    st.builds(DerivativeDismissed, moments, identifiers),
    st.builds(DerivativeLapsed, moments, identifiers),
    st.builds(CaseWithdrawn, moments),
)


@given(events)
def test_an_event_comes_back_from_its_bytes(event: Event) -> None:
    assert decode(encode(event)) == event


@given(events, st.data())
def test_an_event_with_a_member_more_or_less_is_unreadable(event: Event, data: st.DataObject) -> None:
    content = json.loads(encode(event))
    name = data.draw(st.sampled_from(sorted(content)))
    for wrong in ({k: v for k, v in content.items() if k != name}, {**content, "extra": 1}):
        with pytest.raises(IntegrityViolation) as caught:
            decode(json.dumps(wrong).encode())
        assert caught.value.code == "event_unreadable"


@given(events, st.sampled_from([" ", "\n", "{}", "null", "x"]), st.booleans())
def test_an_event_with_anything_beside_it_is_unreadable(event: Event, beside: str, before: bool) -> None:
    raw = encode(event).decode()
    with pytest.raises(IntegrityViolation) as caught:
        decode((beside + raw if before else raw + beside).encode())
    assert caught.value.code == "event_unreadable"


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b"null", b"\xff", b'{"kind": "no-such"}', b'{"kind": []}', b'{"kind":"case-withdrawn","at":1}'],
)
def test_bytes_that_are_no_event_are_unreadable(raw: bytes) -> None:
    with pytest.raises(IntegrityViolation) as caught:
        decode(raw)
    assert caught.value.code == "event_unreadable"
