"""The desk's keys: renewed without losing a word, whatever is cut off in between; lost, and healed by case codes."""

from __future__ import annotations

import secrets
import shutil
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amparo.case.code import CaseCode
from amparo.case.people import WordsKind
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, IntegrityViolation
from amparo.core.ids import CaseId
from amparo.hub import desk_keys
from amparo.hub.commands import desk_words, person
from amparo.hub.commands.desk_keys import status
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import DATABASE_FILE, Hub, HubSettings
from amparo.hub.desk_keys import DESK_KEY_FILE
from tests.hub.desks import employ
from tests.hub.hubs import new_folder

BORDERS = 14
REASON = "She asked us to write to the platform"


class Cut(BaseException):
    """Stands for the end of the process."""


@dataclass
class House:
    """A hub's folder, opened anew for every step, as after a restart."""

    folder: Path
    clock: SteppedClock = field(default_factory=SteppedClock)

    @property
    def key_file(self) -> Path:
        return self.folder / DESK_KEY_FILE

    @contextmanager
    def opened(self, *, with_desk: bool = True) -> Generator[Hub]:
        hub = Hub.open(new_folder(self.folder), HubSettings(canaries=0), self.clock, with_desk=with_desk)
        try:
            yield hub
        finally:
            hub.close()

    def open_case(self, text: str) -> tuple[CaseCode, CaseId]:
        with self.opened() as hub:
            code = person.open_case(hub, secrets.token_bytes(16), "es", (), [Typed(WordsKind.NOTE, text)])
            return code, person.view_case(hub, code).case.id

    def renew(self) -> None:
        with self.opened(with_desk=False) as hub:
            desk_keys.renew(self.key_file, hub.store, hub.clock.now())

    def read(self, case: CaseId) -> str:
        """What the desk reads of the case's one note; the code of the refusal where it cannot."""
        with self.opened() as hub:
            with hub.store.read() as transaction:
                words = list(transaction.words.sealed(case))
            try:
                (spoken,) = desk_words.reveal(hub, employ(hub), case, words, REASON)
            except AmparoError as error:
                return error.code
            return spoken.text

    def in_use(self) -> int:
        with self.opened() as hub:
            return sum(line.retired_at is None for line in status(hub))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "hub")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CaseId]]:
    """A hub with three cases, made once: working out a case's code takes long."""
    house = House(tmp_path_factory.mktemp("filled") / "hub")
    return house.folder, [house.open_case(f"words {number}")[1] for number in range(3)]


@pytest.fixture
def three(filled: tuple[Path, list[CaseId]], tmp_path: Path) -> tuple[House, list[CaseId]]:
    """A copy of that hub, a minute later."""
    house = House(tmp_path / "hub")
    house.clock.advance(timedelta(minutes=1))
    shutil.copytree(filled[0], house.folder)
    return house, filled[1]


def test_a_renewed_key_opens_what_the_older_one_opened_and_that_opens_nothing(
    three: tuple[House, list[CaseId]],
) -> None:
    house, cases = three
    older = house.key_file.read_text()
    house.renew()
    assert house.key_file.read_text() != older
    assert stat.S_IMODE(house.key_file.stat().st_mode) == 0o600
    assert [house.read(case) for case in cases] == ["words 0", "words 1", "words 2"]
    assert house.in_use() == 1
    house.key_file.write_text(older)
    assert [house.read(case) for case in cases] == ["desk_locked"] * 3
    with house.opened() as hub:
        retired, current = status(hub)
        assert (retired.cases, retired.retired_at, current.cases) == (0, house.clock.now(), 3)


def test_words_of_cases_opened_after_a_renewal_are_read_by_the_new_key(house: House) -> None:
    house.renew()
    house.renew()
    assert house.read(house.open_case("later")[1]) == "later"


@pytest.mark.parametrize("step", range(BORDERS))
def test_a_renewal_that_is_cut_off_anywhere_loses_nothing_and_is_done_again(
    three: tuple[House, list[CaseId]], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Cut before and after each thing that a renewal puts on disk."""
    house, cases = three
    monkeypatch.setattr(desk_keys, "_AT_ONCE", 2)
    with house.opened(with_desk=False) as hub:
        reached, finished = cut_at(step, monkeypatch, hub), False
        try:
            desk_keys.renew(house.key_file, hub.store, hub.clock.now())
            finished = True
        except Cut:
            pass
        monkeypatch.undo()
    assert reached() or finished
    assert [house.read(case) for case in cases] == ["words 0", "words 1", "words 2"], "after the cut"
    house.renew()
    assert [house.read(case) for case in cases] == ["words 0", "words 1", "words 2"], "after another renewal"
    assert house.in_use() == 1
    assert len(house.key_file.read_text().split()) == 1


def cut_at(step: int, monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Callable[[], bool]:
    """End the process at the step-th border: before or after a file is written or a transaction is on disk."""
    seen = 0

    def border() -> None:
        nonlocal seen
        seen += 1
        if seen == step + 1:
            raise Cut

    write_private = desk_keys.write_private

    def writing(path: Path, content: bytes) -> None:
        border()
        write_private(path, content)
        border()

    write = type(hub.store).write

    @contextmanager
    def committing(store: Any) -> Generator[Any]:
        border()
        with write(store) as transaction:
            yield transaction
        border()

    monkeypatch.setattr(desk_keys, "write_private", writing)
    monkeypatch.setattr(type(hub.store), "write", committing)
    return lambda: seen > step


def test_the_borders_of_a_renewal_are_all_cut(
    three: tuple[House, list[CaseId]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer renewal makes this fail: then the count of steps has to grow too."""
    house, _ = three
    monkeypatch.setattr(desk_keys, "_AT_ONCE", 2)
    with house.opened(with_desk=False) as hub:
        last = cut_at(BORDERS - 1, monkeypatch, hub)
        with pytest.raises(Cut):
            desk_keys.renew(house.key_file, hub.store, hub.clock.now())
        assert last()
        monkeypatch.undo()
    house.renew()
    with house.opened(with_desk=False) as hub:
        beyond = cut_at(BORDERS, monkeypatch, hub)
        desk_keys.renew(house.key_file, hub.store, hub.clock.now())
        assert not beyond()


def test_a_lost_key_is_replaced_and_each_case_heals_when_its_person_comes(house: House) -> None:
    (code, first), (_, second) = house.open_case("mine"), house.open_case("hers")
    house.key_file.unlink()
    assert house.read(first) == "desk_locked"
    house.renew()
    assert [house.read(case) for case in (first, second)] == ["words_not_wrapped"] * 2
    with house.opened() as hub:
        view = person.view_case(hub, code)
        assert [one.text for one in view.spoken] == ["mine"], "the person reads her words whatever the desk has lost"
    assert [house.read(case) for case in (first, second)] == ["mine", "words_not_wrapped"]
    assert house.read(house.open_case("new")[1]) == "new"


def test_a_desk_without_its_key_makes_no_other_one(house: House) -> None:
    _, case = house.open_case("mine")
    kept = house.key_file.read_bytes()
    house.key_file.unlink()
    assert house.read(case) == "desk_locked"
    assert not house.key_file.exists()
    house.key_file.write_bytes(kept)
    assert house.read(case) == "mine"


def test_without_the_desk_no_key_is_made_or_read(tmp_path: Path) -> None:
    house = House(tmp_path / "hub")
    with house.opened(with_desk=False) as hub:
        assert hub.desk.locked
        code = person.open_case(hub, secrets.token_bytes(16), "es", (), [Typed(WordsKind.NOTE, "before")])
        case = person.view_case(hub, code).case.id
    assert not house.key_file.exists()
    with house.opened() as hub:
        assert not hub.desk.locked, "the desk makes its key when it starts"
    assert house.read(case) == "words_not_wrapped"
    with house.opened(with_desk=False) as hub:
        person.view_case(hub, code)
    assert house.read(case) == "before"


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n", b"\xff" * 44, b"a" * 43 + b"\nb\n"])
def test_a_spoilt_key_file_is_refused_and_left_as_it_is(house: House, content: bytes) -> None:
    house.open_case("mine")
    house.key_file.write_bytes(content)
    with pytest.raises(IntegrityViolation) as caught, house.opened():
        pass
    assert caught.value.code == "desk_key_invalid"
    with pytest.raises(IntegrityViolation):
        house.renew()
    assert house.key_file.read_bytes() == content


def test_an_erased_case_opens_by_nothing_any_more_not_even_from_its_keys(house: House, tmp_path: Path) -> None:
    """What erasing promises, and what it cannot: a copy of the database from before still opens, until its keys are gone too."""
    code, case = house.open_case("mine")
    other, _ = house.open_case("hers")
    before = tmp_path / "copy"
    with house.opened() as hub, hub.store.read() as transaction:
        record = transaction.case(case)
        assert record is not None
        wraps = [record.wrapped_key, record.words_wrap, *transaction.words.wraps(case).values()]
        sealed = list(transaction.words.sealed(case).values()) + transaction.sealed_events(case)
    shutil.copytree(house.folder, before)
    with house.opened() as hub:
        person.withdraw_case(hub, code)
    content = b"".join(file.read_bytes() for file in house.folder.iterdir() if file.name.startswith(DATABASE_FILE))
    for held in (*wraps, *sealed):
        assert held not in content
    with house.opened() as hub:
        assert [one.text for one in person.view_case(hub, other).spoken] == ["hers"]
        with pytest.raises(AmparoError) as caught:
            person.view_case(hub, code)
        assert caught.value.code == "case_unknown"
    # The copy is what a backup is: it opens with hub.key, and with nothing once that is renewed or destroyed.
    assert House(before).read(case) == "mine"
    (before / "hub.key").write_bytes(secrets.token_bytes(32))
    with pytest.raises(AmparoError), House(before).opened() as hub:
        person.view_case(hub, code)
    assert House(before).read(case) != "mine"
