"""StopNCII's messages, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput, VerificationFailed
from amparo.exchange.stopncii import (
    CaseStatus,
    FeedbackValue,
    HashFeedback,
    HashPage,
    HashRecord,
    RecordFeedback,
    SignalKind,
    decode_feedbacks,
    decode_page,
    decode_submission,
    encode_feedbacks,
    encode_page,
)

words = st.text(min_size=1, max_size=20)
moments = st.integers(0, 2**40 - 1)
feedbacks = st.builds(
    RecordFeedback, words, st.sampled_from(list(FeedbackValue)), st.lists(words, max_size=3).map(tuple)
)
records = st.builds(
    HashRecord,
    moments,
    st.sampled_from(list(SignalKind)),
    words,
    st.sampled_from(list(CaseStatus)),
    st.dictionaries(words, st.sampled_from(list(CaseStatus)), max_size=3),
    st.lists(feedbacks, max_size=3).map(tuple),
)


# What can stand in an address: a token is sent back in one.
tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


@given(st.lists(records, max_size=5).map(tuple), st.one_of(st.none(), tokens), moments)
def test_a_page_comes_back_as_it_was(told: tuple[HashRecord, ...], token: str | None, moment: int) -> None:
    page = HashPage(told, token, moment, token is not None)
    assert decode_page(encode_page(page)) == page


@given(
    st.lists(
        st.builds(HashFeedback, words, st.sampled_from(list(FeedbackValue)), st.lists(words, max_size=2).map(tuple)),
        max_size=5,
    ).map(tuple)
)
def test_feedback_comes_back_as_it_was(told: tuple[HashFeedback, ...]) -> None:
    assert decode_feedbacks(encode_feedbacks(told)) == told


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("ImagePDQ", SignalKind.IMAGE_PDQ),
        ("StopNCIISignalType.ImagePDQ", SignalKind.IMAGE_PDQ),
        ("StopNCIISignalType.URL", SignalKind.URL),
    ],
)
def test_enums_are_taken_in_both_spellings(spelling: str, kind: SignalKind) -> None:
    raw = json.dumps({"count": 1, "hashRecords": [{"signalType": spelling, "hashValue": "v"}]}).encode()
    assert decode_submission(raw) == ((kind, "v"),)


def test_the_python_spelling_of_no_opinion_is_none() -> None:
    raw = json.dumps(
        {"hashFeedbacks": [{"hashValue": "v", "feedbackValue": "StopNCIICSPFeedbackValue.None_", "tags": ["t"]}]}
    ).encode()
    assert decode_feedbacks(raw) == (HashFeedback("v", FeedbackValue.NONE, ("t",)),)


GOOD: dict[str, Any] = {
    "lastModtimestamp": 1,
    "signalType": "ImagePDQ",
    "hashValue": "v",
    "hashStatus": "Active",
    "caseNumbers": {},
}


@pytest.mark.parametrize(
    "fault",
    [
        {"lastModtimestamp": "1"},
        {"lastModtimestamp": True},
        {"lastModtimestamp": -1},
        {"signalType": "Hologram"},
        {"signalType": 3},
        {"hashValue": ""},
        {"hashValue": None},
        {"hashValue": "x" * 10_001},
        {"hashStatus": "Lost"},
        {"caseNumbers": {"1": "Lost"}},
        {"CSPFeedbacks": [{"feedbackValue": "Lost"}]},
        {"CSPFeedbacks": 3},
    ],
)
def test_one_record_that_is_not_understood_does_not_end_the_page(fault: dict[str, Any]) -> None:
    frame = {"hasMoreRecords": False, "nextSetTimestamp": 5, "hashRecords": [GOOD, {**GOOD, **fault}, 7]}
    page = decode_page(json.dumps(frame).encode())
    assert len(page.records) == 1
    assert page.skipped == 2


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_no_bytes_escape_the_typed_errors(raw: bytes) -> None:
    with pytest.raises(VerificationFailed, match="page_malformed"):
        decode_page(raw)
    with pytest.raises(InvalidInput, match="feedback_malformed"):
        decode_feedbacks(raw)
    with pytest.raises(InvalidInput, match="submission_malformed"):
        decode_submission(raw)


def test_too_many_at_once_are_refused() -> None:
    raw = json.dumps({"hashFeedbacks": [{"hashValue": "v", "feedbackValue": "None"}] * 1001}).encode()
    with pytest.raises(InvalidInput, match="feedback_malformed"):
        decode_feedbacks(raw)
