"""Notices of tests, brought as far along their life as a test needs them."""

from datetime import datetime, timedelta

from amparo.notice import machine
from amparo.notice.letter import render
from amparo.notice.machine import (
    Answer,
    Channel,
    Event,
    NoticeState,
    Origin,
    Proof,
    evolve,
)
from amparo.notice.pack import Language
from tests.notice.samples import ID, START, complete, pack

HOUR = timedelta(hours=1)
MADRID = "Europe/Madrid"
MAIL = "<message@example.org>"


def apply(state: NoticeState, events: tuple[Event, ...]) -> NoticeState:
    for event in events:
        state = evolve(state, event)
    return state


def drafted(name: str = "us-take-it-down", language: Language = Language.EN) -> NoticeState:
    empty = NoticeState(ID)
    return apply(empty, machine.draft(empty, START, complete(name, language), pack(name), Origin.PERSON, MADRID))


def approved(name: str = "us-take-it-down") -> NoticeState:
    state = drafted(name)
    digest = render(complete(name), pack(name)).digest
    return apply(state, machine.approve(state, START, "worker", digest, pack(name)))


def sent(name: str = "us-take-it-down") -> NoticeState:
    state = approved(name)
    return apply(state, machine.record_sent(state, START, Channel.EMAIL, MAIL))


def received(name: str = "us-take-it-down", at: datetime = START) -> NoticeState:
    state = sent(name)
    return apply(state, machine.prove_receipt(state, at + HOUR, "worker", at, Proof.ACKNOWLEDGEMENT, ""))


def answered(state: NoticeState, answer: Answer, at: datetime) -> NoticeState:
    return apply(state, machine.record_answer(state, at, "worker", answer, at, "words"))
