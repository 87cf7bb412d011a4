"""Questions about uploads and their answers: they come back from their bytes, and nothing else is accepted."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.case.outcome import Outcome
from amparo.core.errors import AmparoError
from amparo.core.ids import EntryId, ReviewId
from amparo.exchange.native import tracing
from amparo.exchange.native.base64url import from_base64url, to_base64url
from amparo.exchange.native.tracing import Aligned, OwnFinding, Question, TraceAnswer
from amparo.hub.guard import BODY_LIMIT
from amparo.signal import trace
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import QueryRecord, Relation, codec
from amparo.signal.trace.extract import QUERY_QUOTAS
from amparo.signal.trace.match import Similarity
from tests.altered import altered, record

identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)
numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)


@cache
def query() -> QueryRecord:
    return trace.query(altered(1))


@given(st.binary(max_size=60))
def test_base64url_has_one_spelling(raw: bytes) -> None:
    assert from_base64url(to_base64url(raw)) == raw


@pytest.mark.parametrize("text", ["=", "AA==", "A", "AB", "A A", "A+/A", "AA\n", "é", None, 1])
def test_other_spellings_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="base64url"):
        from_base64url(text)


@pytest.mark.parametrize("second", [False, True])
def test_a_question_comes_back_from_its_bytes(second: bool) -> None:
    alignment = trace.align(record(1), query())
    assert alignment is not None
    tiles = trace.tiles_of(query(), alignment) if second else None
    asked = Question(query(), ((EntryId("1" * 32), tiles), (EntryId("2" * 32), tiles)), "photo upload", hold=True)
    read = tracing.decode_question(tracing.encode_question(asked))
    assert codec.encode_query(read.query) == codec.encode_query(query())
    assert read.query.pyramid == ()
    assert [entry for entry, _ in read.photos] == ["1" * 32, "2" * 32]
    assert all((seen is None) != second for _, seen in read.photos)
    assert (read.place, read.hold) == ("photo upload", True)


def test_the_longest_question_fits_the_hubs_body_limit() -> None:
    alignment = trace.align(record(1), query())
    assert alignment is not None
    tiles = trace.tiles_of(query(), alignment)
    photos = tuple((EntryId(f"{number:032x}"), tiles) for number in range(tracing.MAXIMUM_PHOTOS))
    raw = tracing.encode_question(Question(query(), photos, "é" * 80, hold=True))
    assert len(raw) + (sum(QUERY_QUOTAS) - len(query())) * 38 * 4 // 3 < BODY_LIMIT


def spoilt(**members: object) -> bytes:
    good = json.loads(tracing.encode_question(Question(query(), ((EntryId("1" * 32), None),), "x", hold=True)))
    return json.dumps({**good, **members}).encode()


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"query": "AAAA"},
        {"query": None},
        {"photos": []},
        {"photos": [{"entry": "1" * 32}] * 2},
        {"photos": [{"entry": f"{n:032x}"} for n in range(17)]},
        {"photos": [{"entry": "1" * 31}]},
        {"photos": [{"entry": "1" * 32, "more": 1}]},
        {"photos": [{"entry": "1" * 32, "tiles": "AAAA"}]},
        {"photos": 3},
        {"place": "x" * 81},
        {"place": "\n"},
        {"hold": 1},
    ],
)
def test_a_spoilt_question_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(AmparoError) as caught:
        tracing.decode_question(spoilt(**members))
    assert caught.value.code == "trace_question_malformed"


similarities = st.builds(Similarity, numbers, numbers, numbers, numbers, st.booleans())
aligned = st.builds(
    Aligned, identifiers.map(EntryId), similarities, st.tuples(st.integers(96, 512), st.integers(96, 512))
)


@given(st.lists(aligned, max_size=3))
def test_alignments_come_back_from_their_bytes(found: list[Aligned]) -> None:
    assert tracing.decode_aligned(tracing.encode_aligned(found)) == tuple(found)


answers = st.builds(
    TraceAnswer,
    st.sampled_from(Relation),
    shares,
    st.none() | st.lists(st.tuples(shares, shares), min_size=3, max_size=5).map(tuple),
    st.none() | identifiers.map(EntryId),
    st.none() | identifiers.map(ReviewId),
    st.none() | st.sampled_from(Outcome),
)


@given(answers)
def test_an_answer_comes_back_from_its_bytes(answer: TraceAnswer) -> None:
    assert tracing.decode_answer(tracing.encode_answer(answer)) == answer


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"aligned":[{}]}', b'{"relation":"other"}'])
def test_a_hub_that_answers_nonsense_is_unavailable(raw: bytes) -> None:
    for decode in (tracing.decode_answer, tracing.decode_aligned):
        with pytest.raises(AmparoError) as caught:
            decode(raw)
        assert caught.value.code == "hub_answer_malformed"


findings = st.builds(
    OwnFinding,
    identifiers.map(EntryId),
    st.sampled_from([Relation.ALTERED, Relation.UNCERTAIN]),
    shares,
    st.builds(Pdq, st.binary(min_size=32, max_size=32), st.integers(0, 100)),
    st.just("upload"),
)


@given(findings)
def test_a_finding_comes_back_from_its_bytes(finding: OwnFinding) -> None:
    assert tracing.decode_finding(tracing.encode_finding(finding)) == finding


@given(findings, st.sampled_from(["relation", "altered_fraction", "quality", "entry", "place", "value"]))
def test_a_spoilt_finding_is_refused(finding: OwnFinding, member: str) -> None:
    content = json.loads(tracing.encode_finding(finding))
    wrong = {"relation": "copy", "altered_fraction": 1.5, "quality": True, "entry": "x", "place": "\n", "value": "0"}
    for told in ({**content, member: wrong[member]}, {k: v for k, v in content.items() if k != member}):
        with pytest.raises(AmparoError) as caught:
            tracing.decode_finding(json.dumps(told).encode())
        assert caught.value.code == "trace_question_malformed"


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_decision_comes_back_from_its_bytes(confirmed: bool) -> None:
    assert tracing.decode_decision(tracing.encode_decision(confirmed=confirmed)) is confirmed
