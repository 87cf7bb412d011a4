"""One case by its code: what it shows, and what its person adds, corrects, erases and asks."""

import re
import secrets

import pytest

from amparo.case import machine
from amparo.case.code import CaseCode, draw
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.hub.commands import person, witness
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed, put_words, words_key
from amparo.hub.commands.telling import tell_cases
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase
from tests.hub.hubs import fingerprints
from tests.hub.noticing import received, town
from tests.hub.person.pages import Pages
from tests.hub.person.texts import sentences_of

SHOWN = fingerprints(1, seed=4)


def opened(hub: Hub, opening: Opening | str = "es") -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), opening, SHOWN)


def page_of(hub: Hub, code: CaseCode) -> Pages:
    return Pages.of(hub).ask({"do": "open", "code": str(code)})


def texts(hub: Hub, code: CaseCode) -> list[str]:
    return [one.text for one in person.view_case(hub, code).spoken]


def answer(hub: Hub, code: CaseCode, text: str) -> None:
    """As a caseworker would write."""
    keys = hub.keys_of(code)
    with hub.store.write() as transaction:
        case = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        noted = put_words(hub, transaction, words_key(case, keys), [Typed(WordsKind.MESSAGE, text)])
        case.append(transaction, machine.note_words(case.state, hub.clock.now(), Author.DESK, noted))


def test_words_are_added_corrected_and_erased(hub: Hub) -> None:
    code = opened(hub)
    pages = page_of(hub, code).press("do", "choose-words").press("kind", "place")
    assert "must tell the authorities" in pages.text
    pages.ask({"do": "keep-words", "code": str(code), "kind": "place", "text": "3B <b>"})
    assert "3B &lt;b&gt;" in pages.text
    pages.press("do", "correct-words")
    words = re.search(r'name="words" value="([0-9a-f]{32})"', pages.main)
    assert words is not None
    assert "3B &lt;b&gt;</textarea>" in pages.text
    fields = {"code": str(code), "words": words[1]}
    pages.ask({"do": "keep-correction", "text": "3C", **fields})
    assert texts(hub, code) == ["3C"]
    assert "Corrected on" in pages.text
    pages.press("do", "ask-erase-words")
    assert texts(hub, code) == ["3C"]
    pages.press("do", "erase-words")
    assert texts(hub, code) == []
    assert pages.ask({"do": "erase-words", **fields}).status == 200, "erasing twice changes nothing"
    assert pages.ask({"do": "correct-words", **fields}).status == 404


def test_a_correction_to_nothing_asks_whether_to_erase(hub: Hub) -> None:
    code = opened(hub)
    pages = page_of(hub, code).ask({"do": "keep-words", "code": str(code), "kind": "note", "text": "x"})
    words = person.view_case(hub, code).spoken[0].noted.words
    pages.ask({"do": "keep-correction", "code": str(code), "words": words, "text": "  "})
    assert pages.heading == "Erase this?"


def test_person_and_desk_write_to_each_other(hub: Hub) -> None:
    code = opened(hub)
    pages = page_of(hub, code).press("do", "write")
    assert "What do you want to tell us or ask us?" in pages.text
    pages.ask({"do": "keep-words", "code": str(code), "kind": "message", "text": "is it gone?"})
    answer(hub, code, "Not yet. We asked the site.")
    pages.ask({"do": "open", "code": str(code)})
    assert pages.text.index("is it gone?") < pages.text.index("Not yet. We asked the site.")
    assert pages.main.count('value="correct-words"') == 1, "only what the person wrote can be corrected"
    theirs = next(one for one in person.view_case(hub, code).spoken if one.noted.author is Author.DESK)
    fields = {"code": str(code), "words": theirs.noted.words}
    assert pages.ask({"do": "keep-correction", "text": "changed", **fields}).status == 404
    pages.ask({"do": "erase-words", **fields})
    assert "Not yet. We asked the site." in texts(hub, code)


def test_sending_a_message_twice_keeps_it_once(hub: Hub) -> None:
    code = opened(hub)
    for text in ("hello", "hello", "again", "hello"):
        Pages.of(hub).ask({"do": "keep-words", "code": str(code), "kind": "message", "text": text})
    assert texts(hub, code) == ["hello", "again", "hello"]


def test_too_long_words_come_back_in_their_field(hub: Hub) -> None:
    code = opened(hub)
    pages = Pages.of(hub).ask({"do": "keep-words", "code": str(code), "kind": "note", "text": "a" * 4001})
    assert "Please make it shorter" in pages.text
    assert "a" * 4001 in pages.text
    assert texts(hub, code) == []


def test_the_age_can_be_said_later_and_the_advice_changes(hub: Hub) -> None:
    code = opened(hub)
    pages = page_of(hub, code).press("do", "ask-age").press("age", "adult")
    assert pages.heading == "What is held, and what happened"
    assert person.view_case(hub, code).case.age is AgeBand.ADULT
    fresh = Pages.of(hub).ask({"do": "open", "code": str(code), "fresh": "1"})
    assert "You may keep it as proof." in fresh.text
    young = Pages.of(hub).ask({"do": "open", "code": str(opened(hub)), "fresh": "1"})
    assert "You may keep it as proof." not in young.text
    assert "Delete it in the chat and in your photos." in young.text


def test_a_witnesss_report_is_told_with_its_picture(hub: Hub) -> None:
    code = opened(hub)
    assert "reported a copy" not in page_of(hub, code).text
    for _ in range(2):
        witness.report(hub, secrets.token_bytes(16), Opening("es", Door.WITNESS), SHOWN)
    tell_cases(hub)
    page = page_of(hub, code).text
    assert "Somebody reported a copy to us. Times: 2." in page
    assert "No copy has turned up so far." not in page, "it would say the contrary"


def test_who_acts_for_somebody_who_does_not_know_is_reminded(hub: Hub) -> None:
    unknowing = opened(hub, Opening("es", Door.HELPING, consent=(Relation.FRIEND, False)))
    assert "Tell the person as soon as you can" in page_of(hub, unknowing).text
    knowing = opened(hub, Opening("es", Door.HELPING, consent=(Relation.FRIEND, True)))
    assert "Tell the person as soon as you can" not in page_of(hub, knowing).text


def test_the_page_says_what_cannot_be_done_and_never_counts_down(hub: Hub) -> None:
    # With a demand whose time runs, so that there is something that could be counted down.
    place = town(hub)
    received(place)
    text = page_of(hub, place.code).text
    assert "private chats" in text
    assert "No match does not mean no copy." in text
    read = " ".join(sentences_of(text))
    assert "has our letter" in read
    assert not re.search(r"48|\b(hours?|days?|minutes?)\b|\b(left|remain\w*|until|deadline)\b", read)


@pytest.mark.parametrize(
    "page",
    [
        "open",
        "holding",
        "about-me",
        "take-over",
        "ask-age",
        "set-age",
        "choose-words",
        "write",
        "ask-notice",
        "ask-withdraw-all",
        "withdraw-all",
        "letter",
    ],
)
def test_wrong_unknown_and_withdrawn_codes_get_the_same_page_everywhere(hub: Hub, page: str) -> None:
    withdrawn = opened(hub)
    person.withdraw_case(hub, withdrawn)
    unknown = draw(secrets.token_bytes(32), "es")
    answers: set[tuple[int, str]] = set()
    for code in (withdrawn, unknown):
        pages = Pages.of(hub).ask({"do": page, "code": str(code), "fresh": "1"})
        answers.add((pages.status, pages.text.replace(str(code), "TYPED")))
    assert len(answers) == 1
    assert answers.pop()[0] == 404


def test_a_letter_that_is_not_there_is_a_page(hub: Hub) -> None:
    pages = Pages.of(hub).ask({"do": "letter", "code": str(opened(hub)), "notice": "ab" * 16})
    assert (pages.status, pages.heading) == (404, "That did not work.")


KEEP, DELETE = "You may keep it as proof.", "Delete it in the chat and in your photos."


@pytest.mark.parametrize(
    ("opening", "keeps", "deletes"),
    [
        (Opening("en", Door.PICTURE, AgeBand.MINOR), False, True),
        (Opening("en", Door.PICTURE, AgeBand.ADULT), True, False),
        (Opening("en", Door.PICTURE, AgeBand.UNSAID), True, True),
        (Opening("en", Door.WITNESS, AgeBand.UNSAID), False, True),
    ],
    ids=["minor", "adult", "unsaid", "witness"],
)
def test_advice_on_the_picture_on_the_phone_follows_the_case(
    hub: Hub, opening: Opening, keeps: bool, deletes: bool
) -> None:
    text = page_of(hub, opened(hub, opening)).press("do", "holding").text
    assert ((KEEP in text), (DELETE in text)) == (keeps, deletes)


@pytest.mark.parametrize("door", Door)
def test_who_adds_a_picture_later_is_told_again_how_to_stop_holding_it(hub: Hub, door: Door) -> None:
    code = opened(hub, Opening("en", door, AgeBand.MINOR))
    assert DELETE not in page_of(hub, code).text
    added = Pages.of(hub).ask({"do": "protect", "code": str(code)})
    assert '<input type="hidden" name="added" value="1">' in added.text
    assert DELETE in Pages.of(hub).ask({"do": "open", "code": str(code), "fresh": "", "added": "1"}).text


def test_whoever_was_given_a_witnesss_code_can_say_that_it_is_about_them(hub: Hub) -> None:
    code = witness.report(hub, secrets.token_bytes(16), Opening("en", Door.WITNESS), SHOWN)
    pages = page_of(hub, code)
    assert 'value="ordinary"' not in pages.main
    pages.press("do", "about-me")
    assert "Whoever gave you this code may still know it" in pages.text
    assert person.view_case(hub, code).case.door is Door.WITNESS, "only asked so far"
    pages.press("do", "take-over").press("age", "minor")
    case = person.view_case(hub, code).case
    assert (case.door, case.age) == (Door.PICTURE, AgeBand.MINOR)
    assert 'value="ordinary"' in pages.main
    assert 'value="about-me"' not in pages.main
