"""Each door from its first question to a case, without scripts; every question can be skipped."""

import json
import re
from pathlib import Path

import pytest

from amparo.case.code import parse
from amparo.case.people import AgeBand, Door, Relation, WordsKind
from amparo.hub.commands import person
from amparo.hub.commands.person import CaseView
from amparo.hub.context import Hub
from tests.hub.hubs import open_hub
from tests.hub.person.pages import Pages


@pytest.fixture
def pages(hub: Hub) -> Pages:
    return Pages.of(hub).ask({})


def case_of(hub: Hub, code: str) -> CaseView:
    return person.view_case(hub, parse(code))


def said(hub: Hub, code: str) -> dict[WordsKind, str]:
    return {one.noted.kind: one.text for one in case_of(hub, code).spoken}


def test_home_has_four_doors_and_a_code_and_says_first_that_nobody_is_in_trouble(pages: Pages) -> None:
    assert pages.heading == "You are not in trouble."
    doors = re.findall(r'<button class="door[^"]*" name="do" value="([a-z-]+)"', pages.text)
    assert doors == ["picture", "helping", "witness", "threat", "code"]


def test_the_first_door_without_any_picture(pages: Pages, hub: Hub) -> None:
    pages.press("do", "picture").press("age", "minor").press("do", "tell")
    assert "reporting" not in pages.text
    assert "must tell the authorities" in pages.text, "who answers, before the first field"
    pages.press("step", "1", link="site.example/1").press("step", "2", place="3B").press("step", "3")
    pages.press("step", "4", note="no more")
    view = case_of(hub, pages.code)
    assert (view.case.door, view.case.age, view.case.consents, view.pictures) == (
        Door.PICTURE,
        AgeBand.MINOR,
        (),
        (),
    )
    assert said(hub, pages.code) == {
        WordsKind.LINK: "site.example/1",
        WordsKind.PLACE: "3B",
        WordsKind.NOTE: "no more",
    }


def test_everything_behind_every_door_can_be_skipped(pages: Pages, hub: Hub) -> None:
    for door in ("picture", "helping", "witness", "threat"):
        pages.ask({}).press("do", door)
        if door == "helping":
            pages.press("relation", "").press("told", "")
        if door in ("picture", "helping"):
            pages.press("age", "unsaid")
        pages = pages.press("step", "99") if door == "threat" else pages.press("do", "tell").press("step", "99")
        view = case_of(hub, pages.code)
        assert (view.case.door, view.case.age, view.case.consents, view.spoken) == (door, "unsaid", (), ())


def test_several_children_in_one_sitting_have_a_case_a_consent_and_a_code_each(pages: Pages, hub: Hub) -> None:
    codes: list[str] = []
    pages.press("do", "helping").press("relation", "parent")
    for told, age in (("1", "minor"), ("0", "adult"), ("1", "unsaid")):
        pages.press("told", told).press("age", age).press("do", "tell").press("step", "99")
        codes.append(pages.code)
        if len(codes) < 3:
            pages.press("do", "another")
            assert f"Person {len(codes) + 1}" in pages.text
    assert len(set(codes)) == 3
    assert all(code in pages.text for code in codes), "the last page shows them all, to be kept together"
    views = [case_of(hub, code) for code in codes]
    assert [view.case.age for view in views] == [AgeBand.MINOR, AgeBand.ADULT, AgeBand.UNSAID]
    assert [view.case.consents[0].told for view in views] == [True, False, True]
    assert {view.case.consents[0].relation for view in views} == {Relation.PARENT}


def test_whoever_helps_is_asked_for_photos_of_the_other_person(pages: Pages) -> None:
    pages.press("do", "helping").press("relation", "parent").press("told", "1").press("age", "minor")
    pages.press("do", "ordinary")
    assert "of you" not in pages.main
    assert "Choose photos of them" in pages.main
    pages.ask({}).press("do", "helping").press("relation", "").press("told", "").press("age", "unsaid")
    pages.press("do", "tell").press("step", "99").press("do", "ordinary")
    assert "Choose photos of them" in pages.main, "from the case too"
    pages.ask({}).press("do", "picture").press("age", "minor").press("do", "ordinary")
    assert "Choose photos of yourself" in pages.main


def test_a_threat_begins_with_help_lines_and_what_not_to_do(pages: Pages, hub: Hub) -> None:
    pages.press("do", "threat")
    order = [
        "<h1>",
        "tel:112",
        "tel:900202010",
        "Do not pay.",
        "Do not send more",
        "Do not delete the chat",
        "Note it here",
    ]
    places = [pages.text.index(text) for text in order]
    assert places == sorted(places)
    assert "Nobody has checked this number in the last 180 days." in pages.text
    pages.press("step", "0").press("step", "1", handle="@bad").press("step", "2", demand="50 €\r\nby night")
    pages.press("step", "99", payment="P. Name")
    assert said(hub, pages.code) == {
        WordsKind.HANDLE: "@bad",
        WordsKind.DEMAND: "50 €\nby night",
        WordsKind.PAYMENT: "P. Name",
    }
    assert case_of(hub, pages.code).case.door is Door.THREAT


def test_a_witness_is_told_how_to_delete_it_and_gets_a_code_to_pass_on(pages: Pages) -> None:
    pages.press("do", "witness").press("do", "tell").press("step", "99", place="3B")
    assert "you can give it to them" in pages.text
    assert "Now delete it from your device" in pages.text
    assert "screenshot" in pages.text


def test_advice_follows_the_age_that_was_said(hub: Hub) -> None:
    for age, keeps in (("minor", False), ("unsaid", False), ("adult", True)):
        pages = Pages.of(hub).ask({"do": "have", "door": "picture", "age": age})
        assert ("Do not take a screenshot" in pages.text) is not keeps


def test_going_back_and_sending_again_opens_one_case_and_loses_nothing(pages: Pages, hub: Hub) -> None:
    pages.press("do", "witness").press("do", "tell")
    first = pages.text
    pages.press("step", "99", place="3B")
    code = pages.code
    pages.text = first
    pages.press("step", "99", place="3B\nand 3C")
    assert pages.code == code
    assert [one.text for one in case_of(hub, code).spoken] == ["3B", "3B\nand 3C"]
    with hub.store.read() as transaction:
        assert transaction.count_cases() == 1


def test_words_that_cannot_be_kept_come_back_with_the_question(pages: Pages, hub: Hub) -> None:
    pages.press("do", "threat").press("step", "0").press("step", "1", handle="@bad")
    pages.press("step", "99", demand="a" * 4001)
    assert pages.heading == "Write only what you want"
    assert "Please make it shorter" in pages.text
    assert "a" * 4001 in pages.text
    with hub.store.read() as transaction:
        assert transaction.count_cases() == 0
    pages.press("step", "99", demand="short")
    assert said(hub, pages.code) == {WordsKind.HANDLE: "@bad", WordsKind.DEMAND: "short"}


def test_another_language_keeps_the_place_and_what_was_said(hub: Hub) -> None:
    pages = Pages.of(hub).ask({"do": "tell", "door": "threat", "step": "1", "handle": "@bad", "age": "minor"})
    switch = re.search(r'<details class="languages">.*?</details>', pages.text, re.DOTALL)
    assert switch is not None
    hidden = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', switch[0]))
    pages.language = "eu"
    pages.ask({name: value for name, value in hidden.items() if name != "lang"})
    assert 'lang="eu"' in pages.text
    assert "Zer eskatzen dute, eta noizko?" in pages.text
    assert 'value="@bad"' in pages.text


@pytest.mark.parametrize("step", ["-1", "x", "", "²", "9999999", "3"])
def test_a_step_that_there_is_not_is_a_page_all_the_same(hub: Hub, step: str) -> None:
    pages = Pages.of(hub).ask({"do": "tell", "door": "nowhere", "step": step, "request": "ab" * 16})
    assert pages.status == 200


@pytest.mark.parametrize(
    "page", ["kit", "holding", "leaving", "help-lines", "witness", "protect", "ordinary", "threat"]
)
def test_every_page_leaves_at_once_and_goes_back(hub: Hub, page: str) -> None:
    pages = Pages.of(hub).ask({"do": page})
    assert pages.status == 200
    assert 'id="leave" href="/leave"' in pages.text
    assert "Shift three times" in pages.text
    assert ">Back</button>" in pages.text


def test_help_lines_say_what_must_be_known_before_a_call(hub: Hub) -> None:
    pages = Pages.of(hub, "es").ask({"do": "help-lines"})
    assert "queda en el registro de llamadas" in pages.text
    assert pages.text.count("Nadie ha comprobado este número") == pages.text.count('class="line"')
    assert pages.text.index("900 20 20 10") < pages.text.index("Revenge Porn Helpline")


def test_the_kit_has_no_name_no_picture_and_says_why_not_to_send_it_on(hub: Hub) -> None:
    pages = Pages.of(hub).ask({"do": "kit"})
    assert "<img" not in pages.text
    assert "do not send them on" in pages.text
    assert "Why not send it on" in pages.text


def test_what_is_said_in_spanish_on_a_basque_page_is_marked_as_spanish(hub: Hub) -> None:
    pages = Pages.of(hub, "eu").ask({"do": "threat"})
    assert '<html lang="eu">' in pages.text
    assert 'Ez ordaindu.</strong> <span lang="es">Pagar no quiere decir que pare.</span>' in pages.text
    assert not re.search(r'="[^"]*<span', pages.text), "never inside an attribute"
    assert 'lang="es">' not in Pages.of(hub, "es").ask({"do": "threat"}).main


def test_a_text_as_phones_write_it_goes_through_a_door(pages: Pages, hub: Hub) -> None:
    pages.press("do", "threat").press("step", "0")
    pages.press("step", "1", handle="\u200e@bad\t\U0001f469\u200d\U0001f467").press("step", "99")
    assert said(hub, pages.code) == {WordsKind.HANDLE: "@bad \U0001f469\u200d\U0001f467"}


def test_an_answer_that_cannot_be_kept_is_said_at_once_and_at_its_own_question(pages: Pages, hub: Hub) -> None:
    pages.press("do", "threat").press("step", "0").press("step", "1", handle="@bad")
    pages.press("step", "2", demand="a" * 4001)
    assert "Please make it shorter" in pages.text
    assert f">{'a' * 4001}</textarea>" in pages.text
    assert "Question 2 of 4" in pages.text
    pages.press("step", "2", demand="50").press("step", "99")
    assert said(hub, pages.code) == {WordsKind.HANDLE: "@bad", WordsKind.DEMAND: "50"}


@pytest.mark.parametrize(
    ("relation", "told", "recorded"),
    [
        ("", "1", [(None, True)]),
        ("", "0", [(None, False)]),
        ("friend", "", [(Relation.FRIEND, None)]),
        ("friend", "0", [(Relation.FRIEND, False)]),
        ("", "", []),
    ],
)
def test_what_was_said_of_consent_is_recorded_and_what_was_not_is_unknown(
    pages: Pages, hub: Hub, relation: str, told: str, recorded: list[tuple[Relation | None, bool | None]]
) -> None:
    pages.press("do", "helping").press("relation", relation).press("told", told)
    pages.press("age", "unsaid").press("do", "tell").press("step", "99")
    assert [(one.relation, one.told) for one in case_of(hub, pages.code).case.consents] == recorded


def aside(pages: Pages, page: str, **typed: str) -> Pages:
    """Press a button of the page's foot; what is typed into the question's form goes with it."""
    foot = pages.text[pages.text.index("<footer") :]
    assert re.search(rf'name="aside" value="{page}"( form="ask" formnovalidate)?>', foot)
    form = re.search(r'<form[^>]*id="ask".*?</form>', pages.main, re.DOTALL) if 'form="ask"' in foot else None
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form[0] if form else foot)
    return pages.ask([*((name, text) for name, text in hidden if name not in typed), *typed.items(), ("aside", page)])


def test_a_look_at_the_help_lines_in_the_middle_of_a_question_loses_nothing(pages: Pages, hub: Hub) -> None:
    pages.press("do", "threat").press("step", "0").press("step", "1", handle="@bad")
    aside(pages, "help-lines", demand="half a sen")
    assert pages.heading == "Help lines"
    aside(pages, "leaving")
    pages.press("do", "tell")
    assert "Question 2 of 4" in pages.text
    assert ">half a sen</textarea>" in pages.text
    pages.press("step", "99", demand="half a sentence")
    assert said(hub, pages.code) == {WordsKind.HANDLE: "@bad", WordsKind.DEMAND: "half a sentence"}


@pytest.mark.parametrize("page", ["write", "ask-notice", "code", "open", "age"])
def test_a_look_aside_leads_back_to_every_kind_of_page(hub: Hub, page: str) -> None:
    code = str(person.open_case(hub, b"r" * 16, "en"))
    pages = Pages.of(hub).ask({"do": page, "code": code, "kind": "place", "door": "helping", "earlier": "one two"})
    shown = pages.main
    aside(pages, "leaving", **({"code": code} if page == "code" else {}))
    assert pages.heading == "What leaving does"
    pages.press("do", page)
    assert re.sub(r"[0-9a-f]{32}", "", pages.main) == re.sub(r"[0-9a-f]{32}", "", shown)


def test_a_look_aside_while_words_are_written_keeps_them_out_of_the_case(hub: Hub) -> None:
    code = person.open_case(hub, b"r" * 16, "en")
    pages = Pages.of(hub).ask({"do": "write", "code": str(code), "kind": "place"})
    aside(pages, "help-lines", text="class 3B").press("do", "write")
    assert ">class 3B</textarea>" in pages.text
    assert person.view_case(hub, code).spoken == ()


def test_notes_of_help_lines_say_in_which_language_they_are(hub: Hub) -> None:
    pages = Pages.of(hub, "ca").ask({"do": "help-lines"})
    assert '<span lang="es">Gratis, todos los días de 8 a 23 h.</span>' in pages.text
    assert '<span lang="es">Familias</span>' in pages.text
    assert "<span>Gratis, todos" in Pages.of(hub, "es").ask({"do": "help-lines"}).text


def test_the_operators_own_lines_are_the_ones_that_people_see(tmp_path: Path) -> None:
    own: dict[str, object] = {
        "id": "mine",
        "country": "ES",
        "name": "Ours",
        "phone": "900 000 001",
        "ways": [],
        "source": "P",
    }
    notes = {"notes": {"en": ["At night."], "es": ["De noche."]}, "verified_on": "2026-01-01"}
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "help_lines.json").write_text(json.dumps({"lines": [own | notes]}), encoding="utf-8")
    hub, _ = open_hub(tmp_path)
    for page in ("threat", "help-lines"):
        pages = Pages.of(hub).ask({"do": page})
        assert "tel:900000001" in pages.text
        assert "900 20 20 10" not in pages.text
    hub.close()
