"""People's words by the case code: kept, read again, corrected, erased; and what the database file gives away of them."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from amparo.case.code import CaseCode
from amparo.case.people import Author, WordsKind
from amparo.core.clock import SteppedClock
from amparo.core.errors import InvalidInput, NotFound
from amparo.hub import desk_keys
from amparo.hub.commands import person, spoken
from amparo.hub.commands.spoken import LONGEST_WORDS, WORDS_AT_ONCE, Typed
from amparo.hub.context import DATABASE_FILE, Hub
from amparo.hub.desk_keys import DESK_KEY_FILE
from tests.hub.hubs import open_hub

LINK = Typed(WordsKind.LINK, "https://foro.example/hilo/123")
HANDLE = Typed(WordsKind.HANDLE, "@quien.sea")


def opened(hub: Hub, *typed: Typed) -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), "en", (), typed)


def read(hub: Hub, code: CaseCode) -> list[tuple[WordsKind, str]]:
    return [(one.noted.kind, one.text) for one in person.view_case(hub, code).spoken]


def tagged(hub: Hub, *terms: str) -> int:
    """How many of these terms the database can find."""
    with hub.store.read() as transaction:
        return len(transaction.words.tagged([hub.vault.term_tag(term) for term in terms]))


def waits(hub: Hub, code: CaseCode) -> bool:
    with hub.store.read() as transaction:
        line = transaction.queue.line(person.view_case(hub, code).case.id)
    assert line is not None
    return line.waits


def set_read(hub: Hub, code: CaseCode) -> None:
    with hub.store.write() as transaction:
        transaction.queue.set_waits(person.view_case(hub, code).case.id, False)


def test_words_are_read_again_with_the_code_in_the_order_in_which_they_came(hub: Hub) -> None:
    code = opened(hub, LINK)
    spoken.note(hub, code, [HANDLE, Typed(WordsKind.NOTE, "  On Monday.\r\nIn the class chat.  ")])
    assert read(hub, code) == [
        (WordsKind.LINK, LINK.text),
        (WordsKind.HANDLE, HANDLE.text),
        (WordsKind.NOTE, "On Monday.\nIn the class chat."),
    ]
    assert {one.noted.author for one in person.view_case(hub, code).spoken} == {Author.PERSON}


def test_fields_left_empty_are_left_out(hub: Hub) -> None:
    code = opened(hub, Typed(WordsKind.NAME, "   "), LINK)
    assert read(hub, code) == [(WordsKind.LINK, LINK.text)]


def test_the_desk_sees_that_something_waits(hub: Hub) -> None:
    code = opened(hub, LINK)
    set_read(hub, code)
    spoken.note(hub, code, [HANDLE])
    assert waits(hub, code)
    set_read(hub, code)
    (first, _) = person.view_case(hub, code).spoken
    spoken.correct(hub, code, first.noted.words, "https://foro.example/hilo/124")
    assert waits(hub, code)


def test_corrected_words_stand_in_their_place_and_the_earlier_ones_are_not_found(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub, LINK)
    (one,) = person.view_case(hub, code).spoken
    spoken.correct(hub, code, one.noted.words, "https://other.example/9")
    (after,) = person.view_case(hub, code).spoken
    assert (after.text, after.noted.corrected_at) == ("https://other.example/9", clock.now())
    assert tagged(hub, "foro.example/hilo/123") == 0
    assert tagged(hub, "other.example/9") == 1


def test_erased_words_are_gone_and_erasing_them_again_changes_nothing(hub: Hub) -> None:
    code = opened(hub, LINK, HANDLE)
    first, second = person.view_case(hub, code).spoken
    spoken.erase(hub, code, first.noted.words)
    version = person.view_case(hub, code).case.version
    spoken.erase(hub, code, first.noted.words)
    assert person.view_case(hub, code).case.version == version
    assert person.view_case(hub, code).spoken == (second,)
    assert tagged(hub, "foro.example/hilo/123") == 0


def test_nobody_changes_words_of_another_case(hub: Hub) -> None:
    mine, theirs = opened(hub, LINK), opened(hub, HANDLE)
    (one,) = person.view_case(hub, theirs).spoken
    with pytest.raises(NotFound) as caught:
        spoken.correct(hub, mine, one.noted.words, "mine now")
    assert caught.value.code == "words_unknown"
    spoken.erase(hub, mine, one.noted.words)
    assert read(hub, theirs) == [(WordsKind.HANDLE, HANDLE.text)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("familia \U0001f469\u200d\U0001f467", "familia \U0001f469\u200d\U0001f467"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
        ("younger than this Python: \U0001fae9",) * 2,
        ("50\xa0\u20ac\thoy\u2009ya", "50 \u20ac hoy ya"),
        ("\u200e@alguien\u200f", "@alguien"),
        ("\u2068@alguien\u2069 dijo", "@alguien dijo"),
        ("una\r\ndos\rtres\u2028cuatro", "una\ndos\ntres\ncuatro"),
        ("soft\xadhyphen, bell \x07, null \x00, \ud800 half", "softhyphen, bell , null ,  half"),
        ("direction \u202e overturned", "direction  overturned"),
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_what_phones_put_into_a_text_is_kept_as_it_reads(hub: Hub, text: str, kept: str) -> None:
    code = opened(hub, Typed(WordsKind.NOTE, text))
    assert read(hub, code) == [(WordsKind.NOTE, kept)]


def test_a_name_pasted_with_a_mark_of_direction_is_found_like_any_other(hub: Hub) -> None:
    opened(hub, Typed(WordsKind.HANDLE, "\u200e@Alguien"))
    assert tagged(hub, "@alguien") == 1


def test_what_nobody_can_see_is_nothing(hub: Hub) -> None:
    code = opened(hub, Typed(WordsKind.NOTE, "\u200e \t\xa0"))
    spoken.note_new(hub, code, [Typed(WordsKind.NOTE, "\u200f")])
    assert read(hub, code) == []


def test_endless_words_are_refused_and_nothing_is_kept(hub: Hub) -> None:
    code = opened(hub)
    with pytest.raises(InvalidInput) as caught:
        spoken.note(hub, code, [LINK, Typed(WordsKind.NOTE, "a" * (LONGEST_WORDS + 1))])
    assert caught.value.code == "words_invalid"
    assert read(hub, code) == []
    assert tagged(hub, "foro.example/hilo/123") == 0


def test_too_many_fields_at_once_are_refused(hub: Hub) -> None:
    code = opened(hub)
    with pytest.raises(InvalidInput) as caught:
        spoken.note(hub, code, [LINK] * (WORDS_AT_ONCE + 1))
    assert caught.value.code == "words_invalid"


def test_saying_the_same_twice_in_a_row_says_it_once(hub: Hub) -> None:
    code = opened(hub)
    for _ in range(2):
        spoken.note_new(hub, code, [LINK, Typed(WordsKind.NAME, "")])
    spoken.note_new(hub, code, [HANDLE])
    assert read(hub, code) == [(WordsKind.LINK, LINK.text), (WordsKind.HANDLE, HANDLE.text)]


def test_after_a_withdrawal_the_code_opens_no_words(hub: Hub) -> None:
    code = opened(hub, LINK)
    person.withdraw_case(hub, code)
    with pytest.raises(NotFound) as caught:
        spoken.note(hub, code, [HANDLE])
    assert caught.value.code == "case_unknown"
    assert tagged(hub, "foro.example/hilo/123") == 0


def test_the_database_gives_away_no_words_terms_or_kinds(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path)
    kinds = {kind: f"{kind.value}word{number}" for number, kind in enumerate(WordsKind)}
    code = opened(hub, LINK, HANDLE, *(Typed(kind, text) for kind, text in kinds.items()))
    (first, *_) = person.view_case(hub, code).spoken
    sealed = _files(tmp_path)
    for secret in ("foro.example", "hilo/123", "quien.sea", "payment", "handle", *kinds.values()):
        assert secret.encode() not in sealed
    with hub.store.read() as transaction:
        kept = transaction.words.sealed(person.view_case(hub, code).case.id)[first.noted.words]
    assert kept in sealed, "the search itself must be able to find something"
    spoken.erase(hub, code, first.noted.words)
    after = _files(tmp_path)
    assert kept not in after
    assert kept[-24:] not in after
    hub.close()


def test_words_open_again_for_a_new_desk_key_when_the_person_looks(tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path)
    code = opened(hub, LINK)
    case = person.view_case(hub, code).case.id
    (tmp_path / DESK_KEY_FILE).unlink()
    renewed = desk_keys.renew(tmp_path / DESK_KEY_FILE, hub.store, clock.now())
    with hub.store.read() as transaction:
        assert transaction.words.wraps(case) == {}
    person.view_case(hub, code)
    with hub.store.read() as transaction:
        key = renewed.open(transaction, case)
        ((words, sealed),) = transaction.words.sealed(case).items()
        assert key.open(words, sealed) == LINK.text
    hub.close()


def _files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob(f"{DATABASE_FILE}*")))
