"""Opening people's words at the desk: with a reason, on record in the same step, and in no other way."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from amparo.case.code import CaseCode
from amparo.case.people import Author, WordsKind
from amparo.core.errors import AmparoError, IntegrityViolation
from amparo.core.ids import CaseId, WordsId
from amparo.hub.commands import desk_words, person
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import DATABASE_FILE, Hub
from amparo.hub.desk_keys import DeskKeys
from amparo.store.staff.protocol import Role, StaffRecord
from tests.hub.desks import employ, signed_in
from tests.hub.hubs import fingerprints, open_hub

REASON = "She asked us to write to the platform"
TYPED = [
    Typed(WordsKind.LINK, "https://example.test/p/1"),
    Typed(WordsKind.HANDLE, "@sender"),
    Typed(WordsKind.NOTE, "n"),
]


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return employ(hub, name="Ana")


def opened(hub: Hub) -> tuple[CaseCode, CaseId, dict[WordsKind, WordsId]]:
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1), TYPED)
    state = person.view_case(hub, code).case
    return code, state.id, {note.kind: note.words for note in state.notes}


def log(hub: Hub) -> list[desk_words.RevealedLine]:
    return desk_words.reveal_log(hub, employ(hub, Role.AUDITOR))


def test_a_reveal_opens_what_it_names_and_says_so_on_record(hub: Hub, ana: StaffRecord) -> None:
    _, case, words = opened(hub)
    wanted = [words[WordsKind.HANDLE], words[WordsKind.LINK]]
    spoken = desk_words.reveal(hub, ana, case, wanted, f"  {REASON}\n")
    assert [one.text for one in spoken] == ["https://example.test/p/1", "@sender"]
    (line,) = log(hub)
    assert (line.name, line.number, line.reason, line.at) == ("Ana", 1, REASON, hub.clock.now())
    assert line.what == (WordsKind.LINK, WordsKind.HANDLE)
    assert (line.staff, line.case) == (ana.id, case)


@pytest.mark.parametrize("reason", ["", "   ", "too short", "x" * 501])
def test_nothing_opens_without_a_reason(hub: Hub, ana: StaffRecord, reason: str) -> None:
    _, case, words = opened(hub)
    with pytest.raises(AmparoError) as caught:
        desk_words.reveal(hub, ana, case, list(words.values()), reason)
    assert caught.value.code in ("reason_short", "reason_long")
    assert log(hub) == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_does_not_work_on_cases_opens_and_writes_nothing(hub: Hub, role: Role) -> None:
    _, case, words = opened(hub)
    by = employ(hub, role)
    for act in (
        lambda: desk_words.reveal(hub, by, case, list(words.values()), REASON),
        lambda: desk_words.write_message(hub, by, case, "hello"),
        lambda: desk_words.erase_message(hub, by, case, words[WordsKind.NOTE]),
    ):
        with pytest.raises(AmparoError) as caught:
            act()
        assert caught.value.code == "role_missing"
    assert log(hub) == []


def test_words_of_another_case_or_unknown_ones_open_nothing_at_all(hub: Hub, ana: StaffRecord) -> None:
    _, case, words = opened(hub)
    _, _, others = opened(hub)
    for wanted in ([words[WordsKind.LINK], others[WordsKind.LINK]], [WordsId("x")], []):
        with pytest.raises(AmparoError) as caught:
            desk_words.reveal(hub, ana, case, wanted, REASON)
        assert caught.value.code in ("words_unknown", "words_none")
    assert log(hub) == []


def test_what_cannot_be_put_on_record_is_not_opened(hub: Hub, ana: StaffRecord, tmp_path: Path) -> None:
    _, case, words = opened(hub)
    with closing(sqlite3.connect(tmp_path / "hub" / DATABASE_FILE)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON desk_reveal BEGIN SELECT RAISE(ABORT, 'no room'); END")
        connection.commit()
    with pytest.raises(AmparoError):
        desk_words.reveal(hub, ana, case, list(words.values()), REASON)
    assert log(hub) == []


@pytest.mark.parametrize("change", ["UPDATE desk_reveal SET number = 2", "DELETE FROM desk_reveal"])
def test_the_database_refuses_to_change_or_remove_a_line(
    hub: Hub, ana: StaffRecord, tmp_path: Path, change: str
) -> None:
    _, case, words = opened(hub)
    desk_words.reveal(hub, ana, case, list(words.values()), REASON)
    with (
        closing(sqlite3.connect(tmp_path / "hub" / DATABASE_FILE)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(change)
    assert len(log(hub)) == 1


def test_a_line_moved_to_another_case_or_hour_is_noticed(hub: Hub, ana: StaffRecord, tmp_path: Path) -> None:
    _, case, words = opened(hub)
    desk_words.reveal(hub, ana, case, list(words.values()), REASON)
    with closing(sqlite3.connect(tmp_path / "hub" / DATABASE_FILE)) as connection:
        connection.execute("DROP TRIGGER desk_reveal_no_update")
        connection.execute("UPDATE desk_reveal SET at = '2020-01-01T00:00:00.000000Z'")
        connection.commit()
    with pytest.raises(IntegrityViolation):
        log(hub)


def test_the_line_stays_when_the_case_is_gone(hub: Hub, ana: StaffRecord) -> None:
    code, case, words = opened(hub)
    desk_words.reveal(hub, ana, case, list(words.values()), REASON)
    person.withdraw_case(hub, code)
    assert [(line.number, line.reason) for line in log(hub)] == [(1, REASON)]
    with pytest.raises(AmparoError) as caught:
        desk_words.reveal(hub, ana, case, list(words.values()), REASON)
    assert caught.value.code == "case_unknown"


def test_the_desk_writes_to_the_person_and_takes_it_back(hub: Hub, ana: StaffRecord) -> None:
    code, case, words = opened(hub)
    desk_words.write_message(hub, ana, case, "We wrote to them today.")
    (message,) = [one for one in person.view_case(hub, code).spoken if one.noted.kind is WordsKind.MESSAGE]
    assert (message.text, message.noted.author) == ("We wrote to them today.", Author.DESK)
    assert log(hub) == [], "writing opens nothing"
    desk_words.erase_message(hub, ana, case, message.noted.words)
    assert all(one.noted.kind is not WordsKind.MESSAGE for one in person.view_case(hub, code).spoken)
    with pytest.raises(AmparoError) as caught:
        desk_words.erase_message(hub, ana, case, words[WordsKind.NOTE])
    assert caught.value.code == "words_unknown", "the person's own words are hers to erase"
    with pytest.raises(AmparoError):
        desk_words.write_message(hub, ana, case, "  ")


def test_a_locked_desk_says_so_and_opens_nothing(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path / "hub")
    ana = employ(hub)
    _, case, words = opened(hub)
    object.__setattr__(hub, "desk", DeskKeys({}))
    for act in (
        lambda: desk_words.reveal(hub, ana, case, list(words.values()), REASON),
        lambda: desk_words.write_message(hub, ana, case, "hello"),
    ):
        with pytest.raises(AmparoError) as caught:
            act()
        assert caught.value.code == "desk_locked"
    assert log(hub) == []
    assert "The desk is locked." in signed_in(hub, Role.CASEWORKER).get("/queue").text
    hub.close()


def test_auditors_read_the_log_by_person_and_by_case(hub: Hub, ana: StaffRecord) -> None:
    berta = employ(hub, Role.SUPERVISOR, "Berta <b>")
    _, first, words = opened(hub)
    _, second, others = opened(hub)
    desk_words.reveal(hub, ana, first, list(words.values()), "reason number one")
    desk_words.reveal(hub, berta, first, list(words.values()), "reason number two")
    desk_words.reveal(hub, ana, second, list(others.values()), "reason number <i>three</i>")
    auditor = signed_in(hub, Role.AUDITOR)

    def shown(**asked: str) -> list[str]:
        page = auditor.get("/reveals", params=asked).text
        assert "<i>" not in page
        return [word for word in ("one", "two", "three") if f"reason number {word}" in page.replace("&lt;i&gt;", "")]

    assert shown() == ["one", "two", "three"]
    assert shown(staff=ana.id) == ["one", "three"]
    assert shown(case="2") == ["three"]
    assert shown(staff=berta.id, case="1") == ["two"]
    assert shown(before="2") == ["one"]
    assert shown(case="x", before="y") == ["one", "two", "three"]
    assert "Berta &lt;b&gt;" in auditor.get("/reveals").text


def test_the_log_is_read_page_by_page(hub: Hub, ana: StaffRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    _, case, words = opened(hub)
    monkeypatch.setattr(desk_words, "LINES", 2)
    for number in range(5):
        desk_words.reveal(hub, ana, case, list(words.values()), f"reason number {number}")
    auditor = employ(hub, Role.AUDITOR)
    first = desk_words.reveal_log(hub, auditor)
    second = desk_words.reveal_log(hub, auditor, before=first[-1].line)
    assert [line.line for line in first + second] == [5, 4, 3, 2]
