"""The case beside a plain model: dictionaries, no events."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from amparo.case import machine
from amparo.case.events import CaseOpened, CaseWithdrawn, CopySighted, Event
from amparo.case.machine import Case, fold
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId, WordsId

CASE = CaseId("c" * 32)
START = datetime(2026, 1, 1, tzinfo=UTC)


def sighting_of(entry: EntryId, number: int, partner: str) -> CopySighted:
    return CopySighted(
        START, SightingId(f"{number:032x}"), entry, PartnerId(partner * 32), "Demo", START, "upload", stopped=True
    )


class CaseLife(RuleBasedStateMachine):
    entries: Bundle[EntryId] = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.case = Case(CASE)
        self.now = START
        self.protected: dict[EntryId, datetime | None] = {}
        self.sighted: list[tuple[SightingId, PartnerId]] = []
        self.noted: dict[WordsId, Author | None] = {}
        self.open = False
        self.count = 0

    def _record(self, events: tuple[Event, ...]) -> None:
        self.now += timedelta(minutes=1)
        self.events += events
        for event in events:
            self.case = machine.evolve(self.case, event)

    def _new(self, count: int) -> list[tuple[EntryId, int]]:
        self.count += count
        return [(EntryId(f"{self.count - at:032x}"), 60 + at) for at in range(count)]

    @initialize(target=entries, count=st.integers(1, 3))
    def opened(self, count: int) -> MultipleResults[EntryId]:
        pictures = self._new(count)
        self._record(machine.open_case(self.case, self.now, "es", Door.HELPING, AgeBand.MINOR))
        self._record(machine.add_pictures(self.case, self.now, pictures))
        self.protected |= dict.fromkeys((entry for entry, _ in pictures), None)
        self.open = True
        return multiple(*(entry for entry, _ in pictures))

    @rule(target=entries, count=st.integers(1, 3))
    def add(self, count: int) -> MultipleResults[EntryId]:
        pictures = self._new(count)
        if not self.open:
            with pytest.raises(NotFound):
                machine.add_pictures(self.case, self.now, pictures)
            return multiple(*list[EntryId]())
        self._record(machine.add_pictures(self.case, self.now, pictures))
        self.protected |= dict.fromkeys((entry for entry, _ in pictures), None)
        return multiple(*(entry for entry, _ in pictures))

    @rule(entry=entries)
    def withdraw_one(self, entry: EntryId) -> None:
        if not self.open:
            with pytest.raises(NotFound):
                machine.withdraw_picture(self.case, self.now, entry)
            return
        now = self.now
        events = machine.withdraw_picture(self.case, now, entry)
        assert len(events) == (0 if self.protected[entry] else 1), "withdrawing twice is withdrawing once"
        self.protected[entry] = self.protected[entry] or now
        self._record(events)

    @rule(entry=entries, number=st.integers(0, 3), partner=st.sampled_from("ab"))
    def sight(self, entry: EntryId, number: int, partner: str) -> None:
        sighting = sighting_of(entry, number, partner)
        if not self.open:
            with pytest.raises(NotFound):
                machine.record_sightings(self.case, [sighting])
            return
        known = (sighting.sighting, sighting.partner) in self.sighted
        events = machine.record_sightings(self.case, [sighting])
        assert len(events) == (0 if known else 1), "a sighting told twice is written once"
        if not known:
            self.sighted.append((sighting.sighting, sighting.partner))
        self._record(events)

    @rule(author=st.sampled_from(Author), kind=st.sampled_from(WordsKind))
    def note(self, author: Author, kind: WordsKind) -> None:
        words = WordsId(f"{len(self.noted):032x}")
        if not self.open:
            with pytest.raises(NotFound):
                machine.note_words(self.case, self.now, author, [(words, kind)])
            return
        self._record(machine.note_words(self.case, self.now, author, [(words, kind)]))
        self.noted[words] = author

    @precondition(lambda self: self.noted)
    @rule(author=st.sampled_from(Author), at=st.integers(0, 99), erase=st.booleans())
    def change_words(self, author: Author, at: int, erase: bool) -> None:
        words = list(self.noted)[at % len(self.noted)]
        command = machine.erase_words if erase else machine.correct_words
        if not self.open or self.noted[words] is not author:
            with pytest.raises(NotFound):
                command(self.case, self.now, author, words)
            return
        self._record(command(self.case, self.now, author, words))
        if erase:
            self.noted[words] = None

    @rule(relation=st.none() | st.sampled_from(Relation), told=st.none() | st.booleans())
    def consent(self, relation: Relation | None, told: bool | None) -> None:
        if not self.open:
            with pytest.raises(NotFound):
                machine.record_consent(self.case, self.now, relation, told)
            return
        before = self.case.consents
        self._record(machine.record_consent(self.case, self.now, relation, told))
        if before or relation or told is not None:
            assert (self.case.consents[-1].relation, self.case.consents[-1].told) == (relation, told)
        else:
            assert self.case.consents == (), "nothing was said"
        assert machine.record_consent(self.case, self.now, relation, told) == (), "said twice is said once"

    @precondition(lambda self: self.count > 4)
    @rule(entry=consumes(entries))
    def withdraw_all(self, entry: EntryId) -> None:
        if not self.open:
            with pytest.raises(NotFound):
                machine.withdraw_case(self.case, self.now)
            return
        now = self.now
        self._record(machine.withdraw_case(self.case, now))
        self.protected = {held: at or now for held, at in self.protected.items()}
        self.open = False

    @rule()
    def open_again(self) -> None:
        with pytest.raises(Conflict) as caught:
            machine.open_case(self.case, self.now, "en")
        assert caught.value.code == "case_exists"

    @invariant()
    def the_state_is_the_fold_of_its_events(self) -> None:
        assert fold(CASE, self.events) == self.case
        assert self.case.version == len(self.events)

    @invariant()
    def the_state_is_the_models(self) -> None:
        assert self.case.open == self.open
        assert {picture.entry: picture.withdrawn_at for picture in self.case.pictures} == self.protected
        assert [picture.number for picture in self.case.pictures] == list(range(1, len(self.protected) + 1))
        assert [(s.sighting, s.partner) for s in self.case.sightings] == self.sighted
        assert {note.words: note.author for note in self.case.notes} == {w: a for w, a in self.noted.items() if a}
        assert self.case.notes_ever == len(self.noted)


TestCaseLife = CaseLife.TestCase
TestCaseLife.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def opened(count: int = 1) -> Case:
    pictures = [(EntryId(f"{n:032x}"), 90) for n in range(count)]
    empty = fold(CASE, machine.open_case(Case(CASE), START, "es"))
    events = machine.add_pictures(empty, START, pictures)
    for event in events:
        empty = machine.evolve(empty, event)
    return empty


@pytest.mark.parametrize(("count", "code"), [(0, "pictures_none"), (201, "pictures_many")])
def test_one_request_brings_1_to_200_pictures(count: int, code: str) -> None:
    pictures = [(EntryId(f"{n:032x}"), 90) for n in range(count)]
    with pytest.raises(InvalidInput) as caught:
        machine.add_pictures(opened(), START, pictures)
    assert caught.value.code == code
    assert len(machine.add_pictures(opened(), START, [(EntryId("e"), 90)] * 200)) == 200


def test_a_case_that_never_was_and_one_that_was_withdrawn_answer_alike() -> None:
    withdrawn = fold(CASE, [CaseOpened(START, "es"), CaseWithdrawn(START)])
    answers: set[tuple[str, str]] = set()
    for case in (Case(CASE), withdrawn):
        commands: tuple[Callable[[Case], object], ...] = (
            lambda case: machine.withdraw_case(case, START),
            lambda case: machine.withdraw_picture(case, START, EntryId("e")),
            lambda case: machine.add_pictures(case, START, [(EntryId("e"), 90)]),
            lambda case: machine.record_sightings(case, [sighting_of(EntryId("e"), 1, "a")]),
        )
        for command in commands:
            with pytest.raises(AmparoError) as caught:
                command(case)
            answers.add((caught.value.code, str(caught.value)))
    assert len(answers) == 1


def test_a_picture_of_another_case_is_not_found() -> None:
    stranger = EntryId("f" * 32)
    for command in (
        lambda: machine.withdraw_picture(opened(), START, stranger),
        lambda: machine.record_sightings(opened(), [sighting_of(stranger, 1, "a")]),
    ):
        with pytest.raises(NotFound) as caught:
            command()
        assert caught.value.code == "picture_unknown"


def test_sightings_are_listed_with_their_picture() -> None:
    case = opened(2)
    first, second = (picture.entry for picture in case.pictures)
    for number, entry in enumerate((first, second, first)):
        for event in machine.record_sightings(case, [sighting_of(entry, number, "a")]):
            case = machine.evolve(case, event)
    assert [s.sighting[-1] for s in case.sighted(first)] == ["0", "2"]
    assert case.picture(second) == replace(case.pictures[1])


def test_a_case_holds_a_thousand_pictures_withdrawn_ones_included(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PICTURES_A_CASE", 3)
    case = opened(2)
    case = machine.evolve(case, *machine.withdraw_picture(case, START, case.pictures[0].entry))
    case = machine.evolve(case, *machine.add_pictures(case, START, [(EntryId("e"), 90)]))
    with pytest.raises(InvalidInput) as caught:
        machine.add_pictures(case, START, [(EntryId("f"), 90)])
    assert caught.value.code == "case_full"


def test_a_case_keeps_so_many_sightings_of_a_picture_and_so_many_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SIGHTINGS_A_PICTURE", 2)
    monkeypatch.setattr(machine, "SIGHTINGS_A_CASE", 5)
    case = opened(3)
    told = [sighting_of(picture.entry, 10 * picture.number + n, "a") for picture in case.pictures for n in range(3)]
    at_once = machine.record_sightings(case, told)
    assert at_once == (told[0], told[1], told[3], told[4], told[6]), "the first of each, and five in all"
    for one in told:
        for event in machine.record_sightings(case, [one, one]):
            case = machine.evolve(case, event)
    assert case.sightings == at_once, "in one request or in many, the same are kept"
