import json
from datetime import UTC, date
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import IntegrityViolation
from amparo.notice import machine
from amparo.notice.content import Capacity, Circumstance, Claim, Contact, Earlier, Notice, Signature, Statement
from amparo.notice.letter import Block, BlockKind, Rendered, Surroundings
from amparo.notice.machine import Answer, Channel, Event, Origin, Proof
from amparo.notice.pack import ClockRule, ClockStart, Element, Language, MetBy, Quality, Status, Unit
from amparo.notice.record import decode, encode

moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
days = st.dates(date(1900, 1, 1))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
several = st.lists(words, max_size=3).map(tuple)
identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)
rules = st.none() | st.builds(
    ClockRule, st.sampled_from(ClockStart), st.sampled_from(Unit), st.integers(1, 99), st.sampled_from(MetBy)
)
notices = st.builds(
    Notice, identifiers, words, st.sampled_from(Language), words, several,
    st.lists(st.builds(Statement, st.sampled_from(Element), words), max_size=2).map(tuple),
    st.lists(st.sampled_from(Element), max_size=2).map(tuple),
    st.none() | st.builds(Signature, words, st.sampled_from(Capacity), days, words),
    st.none() | st.builds(Contact, words, words, words, words),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(Claim),
    st.lists(st.sampled_from(Circumstance), max_size=2).map(tuple), words, st.none() | moments,
    st.none() | st.builds(Earlier, words, words, st.none() | days, words),
)  # fmt: skip
around = st.builds(
    Surroundings, words, words, words, st.sampled_from(Status), days, words, st.sampled_from(Quality), words
)
letters = st.builds(
    Rendered, st.sampled_from(Language), words, words,
    st.lists(st.builds(Block, st.sampled_from(BlockKind), several), max_size=2).map(tuple), around,
)  # fmt: skip
events = st.one_of(
    st.builds(machine.NoticeDrafted, moments, notices, st.sampled_from(Origin), rules, words),
    st.builds(machine.NoticeRevised, moments, words, notices),
    st.builds(machine.NoticeApproved, moments, words, letters, rules),
    st.builds(machine.NoticeSent, moments, st.sampled_from(Channel), words),
    st.builds(machine.DeliveryFailed, moments, words, words),
    st.builds(machine.ReceiptProved, moments, words, moments, st.sampled_from(Proof), words),
    st.builds(machine.AnswerRecorded, moments, words, st.sampled_from(Answer), moments, words),
    st.builds(machine.ClockWarned, moments, moments, st.integers(1, 99)),
    st.builds(machine.ClockRanOut, moments, moments),
    st.builds(machine.NoticeAbandoned, moments, words, words),
)


def objects(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value, the outermost first."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return [members, *(found for part in members.values() for found in objects(part))]
    return [found for part in cast("list[Any]", value) for found in objects(part)] if isinstance(value, list) else []


def unreadable(content: object) -> None:
    with pytest.raises(IntegrityViolation) as caught:
        decode(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert caught.value.code == "notice_event_unreadable"


@settings(deadline=None)
@given(events)
def test_an_event_comes_back_from_its_bytes(event: Event) -> None:
    assert decode(encode(event)) == event
    assert encode(decode(encode(event))) == encode(event)


@settings(deadline=None)
@given(events, st.data())
def test_a_member_more_or_less_anywhere_is_unreadable(event: Event, data: st.DataObject) -> None:
    for change in ("less", "more"):
        content = json.loads(encode(event))
        found = objects(content)
        target = found[data.draw(st.integers(0, len(found) - 1))]
        if change == "more":
            target["extra"] = 1
        else:
            del target[data.draw(st.sampled_from(sorted(target)))]
        unreadable(content)


@settings(deadline=None)
@given(events, st.data())
def test_a_value_of_another_type_is_unreadable(event: Event, data: st.DataObject) -> None:
    content = json.loads(encode(event))
    found = objects(content)
    target = found[data.draw(st.integers(0, len(found) - 1))]
    name = data.draw(st.sampled_from(sorted(target)))
    target[name] = 1.5
    unreadable(content)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"null", b"\xff", b'{"kind": "no-such"}', b'{"kind": []}', b"[" * 100_000]
)
def test_bytes_that_are_no_event_are_unreadable(raw: bytes) -> None:
    unreadable(raw)
