"""A case, a search, figures and tables as the desk gives them: what they tell, and above all what they do not."""

from __future__ import annotations

import csv
import io
import re
import secrets
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from amparo.bank import Action
from amparo.case.code import CaseCode
from amparo.case.events import Event
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.case.urgency import Urgency
from amparo.core.clock import SteppedClock
from amparo.core.errors import InvalidInput, NotFound, Rejected
from amparo.core.ids import SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.hub.commands import export, partners, person
from amparo.hub.commands.case_view import case_view
from amparo.hub.commands.desk_words import reveal_log, write_message
from amparo.hub.commands.export import csv_line, figures_csv, queue_csv
from amparo.hub.commands.figures import figures
from amparo.hub.commands.person import Opening
from amparo.hub.commands.queue import assign
from amparo.hub.commands.search import SHOWN, FoundBy, search
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.desk.desk import TEMPLATES
from amparo.hub.desk.plots import bars, columns, over_time
from amparo.hub.desk_keys import DeskKeys
from amparo.store.staff.protocol import Role, StaffRecord
from tests.asgi import Asked
from tests.hub.desks import FORM, employ, signed_in
from tests.hub.hubs import code_pairs, fingerprints, pseudonym
from tests.hub.queues import newest_number, open_case, set_line

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRETS = ("foro.example", "hilo/123", "quien.sea", "Instituto del Puerto", "class chat")
WORDS = (
    Typed(WordsKind.LINK, "https://foro.example/hilo/123"),
    Typed(WordsKind.HANDLE, "@quien.sea"),
    Typed(WordsKind.PLACE, "Instituto del Puerto"),
    Typed(WordsKind.MESSAGE, "It was in the class chat."),
)


@dataclass(frozen=True)
class Told:
    """A case with words, three pictures and four sightings."""

    code: CaseCode
    number: int


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return employ(hub, Role.CASEWORKER, "Ana")


@pytest.fixture
def told(hub: Hub, clock: SteppedClock) -> Told:
    opening = Opening("en", Door.HELPING, AgeBand.MINOR, (Relation.PARENT, True))
    code = person.open_case(hub, secrets.token_bytes(16), opening, fingerprints(3), WORDS)
    number = newest_number(hub)
    entries = [one.picture.entry for one in person.view_case(hub, code).pictures]
    cards = {name: partners.add_partner(hub, name) for name in ("Plaza", "Foro")}
    for day, name in ((0, "Plaza"), (0, "Plaza"), (1, "Foro"), (8, "Plaza")):
        clock.advance(START + timedelta(days=day) - clock.now())
        card = cards[name]
        entry = pseudonym(hub, card.partner, entries[day % 3])
        report = SightingReport(SightingId(random_id()), entry, clock.now(), 3, Action.BLOCK, f"corner {day}")
        partners.tell_sightings(hub, partners.authenticate(hub, card.key), [report])
    clock.advance(timedelta(days=1))
    return Told(code, number)


# A case


def test_a_case_tells_its_history_and_of_the_words_only_how_many(hub: Hub, ana: StaffRecord, told: Told) -> None:
    view = case_view(hub, ana, told.number)
    assert (view.case.door, view.case.age, view.from_person, view.from_desk) == (Door.HELPING, AgeBand.MINOR, 1, 0)
    assert {one.kind: len(one.notes) for one in view.sealed} == {typed.kind: 1 for typed in WORDS}
    assert [one.sightings for one in view.pictures] == [2, 1, 1]
    assert [(one.partner, one.count, one.stopped) for one in view.seen] == [("Plaza", 3, 3), ("Foro", 1, 1)]
    assert view.seen_by_day == {date(2026, 1, 1): 2, date(2026, 1, 2): 1, date(2026, 1, 9): 1}
    assert [one.place for one in view.sightings] == ["corner 8", "corner 1", "corner 0", "corner 0"]
    assert [(step.kind, step.count) for step in view.steps] == [
        ("CopySighted", 1),
        ("CopySighted", 1),
        ("CopySighted", 2),
        ("PictureProtected", 3),
        ("WordsNoted", 4),
        ("ConsentRecorded", 1),
        ("CaseOpened", 1),
    ]
    assert view.locked == ""
    assert not any(secret in repr(view) for secret in SECRETS)


def test_the_page_of_a_case_shows_no_words_until_they_are_opened_with_a_reason(hub: Hub, told: Told) -> None:
    desk = signed_in(hub, Role.CASEWORKER, "Ana")
    page = desk.get(f"/cases/{told.number}")
    assert page.status_code == 200
    assert "Sealed: 1 link, 1 handle, 1 place, 1 message." in page.text
    assert not any(secret in page.text for secret in SECRETS)
    assert not any(one.hex in page.text for one in fingerprints(3))
    refused = desk.post(f"/cases/{told.number}/reveal", content="kind=handle&reason=no", headers=FORM)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert not any(secret in refused.text for secret in SECRETS)
    none = desk.post(f"/cases/{told.number}/reveal", content="kind=x&reason=long+enough+a+reason", headers=FORM)
    assert none.status_code == 422
    opened = desk.post(f"/cases/{told.number}/reveal", content="kind=handle&reason=They+asked+for+help", headers=FORM)
    assert "@quien.sea" in opened.text
    assert "foro.example" not in opened.text
    (line,) = reveal_log(hub, employ(hub, Role.AUDITOR))
    assert (line.name, line.number, line.what, line.reason) == (
        "Ana",
        told.number,
        (WordsKind.HANDLE,),
        "They asked for help",
    )


def test_single_words_are_opened_by_themselves(hub: Hub, ana: StaffRecord, told: Told) -> None:
    write_message(hub, ana, case_view(hub, ana, told.number).case.id, "We are on it.")
    desk = signed_in(hub, Role.CASEWORKER, "Ana")
    messages = next(one for one in case_view(hub, ana, told.number).sealed if one.kind is WordsKind.MESSAGE)
    mine = next(note for note in messages.notes if note.author is Author.DESK)
    form = f"words={mine.words}&reason=To+read+what+we+said"
    opened = desk.post(f"/cases/{told.number}/reveal", content=form, headers=FORM)
    assert "We are on it." in opened.text
    assert "class chat" not in opened.text


def test_a_message_is_written_and_taken_back(hub: Hub, ana: StaffRecord, told: Told) -> None:
    desk = signed_in(hub, Role.CASEWORKER, "Ana")
    empty = desk.post(f"/cases/{told.number}/message", content="text=++", headers=FORM)
    assert (empty.status_code, case_view(hub, ana, told.number).from_desk) == (422, 0)
    sent = desk.post(f"/cases/{told.number}/message", content="text=You+did+right.", headers=FORM)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/cases/{told.number}#messages")
    said = person.view_case(hub, told.code).spoken[-1]
    assert (said.text, said.noted.author) == ("You did right.", Author.DESK)
    back = desk.post(f"/cases/{told.number}/take-back", content=f"words={said.noted.words}", headers=FORM)
    assert back.status_code == 303
    assert case_view(hub, ana, told.number).from_desk == 0
    theirs = person.view_case(hub, told.code).spoken[-1].noted.words
    foreign = desk.post(f"/cases/{told.number}/take-back", content=f"words={theirs}", headers=FORM)
    assert foreign.status_code == 404
    assert len(person.view_case(hub, told.code).spoken) == len(WORDS)


def test_a_locked_desk_says_so_and_the_rest_of_the_page_is_there(hub: Hub, told: Told) -> None:
    locked = replace(hub, desk=DeskKeys({}))
    page = signed_in(locked, Role.CASEWORKER, "Ana").get(f"/cases/{told.number}")
    assert page.status_code == 200
    assert "The desk&#39;s key is not here" in page.text
    assert 'name="reason"' not in page.text
    assert "Plaza" in page.text


def test_every_event_has_a_line_of_its_own_in_the_history() -> None:
    step = (TEMPLATES / "step.html").read_text(encoding="utf-8")
    named = set(re.findall(r'step\.kind == "(\w+)"', step))
    # A withdrawn case has no page any more.
    assert named == {kind.__name__ for kind in get_args(Event)} - {"CaseWithdrawn"}


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_does_not_work_on_cases_opens_and_finds_none(hub: Hub, told: Told, role: Role) -> None:
    by, desk = employ(hub, role), signed_in(hub, role)
    for act in (lambda: case_view(hub, by, told.number), lambda: search(hub, by, "@quien.sea")):
        with pytest.raises(Rejected):
            act()
    form = "kind=handle&reason=They+asked+for+help"
    answers = [
        desk.get("/queue"),
        desk.get(f"/cases/{told.number}"),
        desk.get("/search"),
        desk.post("/search", content="typed=%40quien.sea", headers=FORM),
        desk.post(f"/cases/{told.number}/reveal", content=form, headers=FORM),
        desk.post(f"/cases/{told.number}/message", content="text=hello", headers=FORM),
        desk.post(f"/cases/{told.number}/assign", content="to=me", headers=FORM),
    ]
    assert {answer.status_code for answer in answers} == {403}
    with hub.store.read() as transaction:
        assert transaction.staff.reveals(9) == []


def test_a_withdrawn_case_is_not_there(hub: Hub, ana: StaffRecord, told: Told) -> None:
    person.withdraw_case(hub, told.code)
    with pytest.raises(NotFound):
        case_view(hub, ana, told.number)
    assert signed_in(hub).get(f"/cases/{told.number}").status_code == 404


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "1e3", "٣", "9" * 40])
def test_a_number_that_is_none_is_a_clear_answer(hub: Hub, told: Told, number: str) -> None:
    assert signed_in(hub).get(f"/cases/{number}").status_code in (404, 422)


# Searching


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("http://www.foro.example/Hilo/123/", (WordsKind.LINK,)),
        ("quien.sea", (WordsKind.HANDLE,)),
        ("instituto  del PUERTO", (WordsKind.PLACE,)),
        ("@quien.sea foro.example/hilo/123", (WordsKind.LINK, WordsKind.HANDLE)),
    ],
)
def test_words_are_found_by_their_terms_and_only_their_kinds_are_told(
    hub: Hub, ana: StaffRecord, told: Told, typed: str, kinds: tuple[WordsKind, ...]
) -> None:
    open_case(hub)
    result = search(hub, ana, typed)
    assert (result.by, result.total) == (FoundBy.WORDS, 1)
    (found,) = result.found
    assert (found.row.line.number, found.kinds) == (told.number, kinds)
    assert not any(secret in repr(result) for secret in SECRETS)


def test_a_message_is_not_found_by_what_it_says(hub: Hub, ana: StaffRecord, told: Told) -> None:
    assert search(hub, ana, "It was in the class chat.").found == ()


@pytest.mark.parametrize("spelled", ["#{}", "{}", " # {} "])
def test_a_number_finds_its_case(hub: Hub, ana: StaffRecord, told: Told, spelled: str) -> None:
    result = search(hub, ana, spelled.format(told.number))
    assert result.by is FoundBy.NUMBER
    assert [one.row.line.number for one in result.found] == [told.number]
    assert search(hub, ana, "#999999").found == ()


def test_a_code_finds_its_case_and_an_unknown_one_finds_nothing(hub: Hub, ana: StaffRecord, told: Told) -> None:
    short = " ".join(word[:4] for word in told.code.words)
    for typed in (str(told.code), short.upper()):
        result = search(hub, ana, typed)
        assert (result.by, [one.row.line.number for one in result.found]) == (FoundBy.CODE, [told.number])
    person.withdraw_case(hub, told.code)
    result = search(hub, ana, str(told.code))
    assert (result.by, result.found) == (FoundBy.CODE, ())


def test_the_most_urgent_of_many_are_shown_and_all_are_counted(hub: Hub, ana: StaffRecord) -> None:
    handle = Typed(WordsKind.HANDLE, "@common")
    for door in [Door.PICTURE] * SHOWN + [Door.THREAT]:
        person.open_case(hub, secrets.token_bytes(16), Opening("en", door), (), [handle])
    result = search(hub, ana, "@common")
    assert (result.total, len(result.found)) == (SHOWN + 1, SHOWN)
    assert result.found[0].row.line.urgency is Urgency.NOW


@pytest.mark.parametrize("typed", ["", "   ", "!!!", "...", "@"])
def test_what_holds_no_term_is_refused(hub: Hub, ana: StaffRecord, typed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        search(hub, ana, typed)
    assert caught.value.code == "search_empty"


def test_a_typed_code_stands_on_no_page(hub: Hub, told: Told) -> None:
    desk = signed_in(hub)
    page = desk.post("/search", content=f"typed={'+'.join(told.code.words)}", headers=FORM)
    assert f'href="/cases/{told.number}"' in page.text
    assert str(told.code) not in page.text
    assert not any(pair in page.text for pair in code_pairs(told.code))


# Figures and tables


def test_figures_count_what_there_is(hub: Hub, clock: SteppedClock, ana: StaffRecord, told: Told) -> None:
    threat = open_case(hub, Door.THREAT)
    set_line(hub, threat, next_at=clock.now() - timedelta(minutes=1))
    set_line(hub, told.number, waits=False, next_at=clock.now() + timedelta(days=2))
    assign(hub, ana, threat, ana.id, None)
    counted = figures(hub)
    assert counted.by_urgency == {Urgency.LATER: 0, Urgency.USUAL: 0, Urgency.SOON: 1, Urgency.NOW: 1}
    assert (counted.waiting, counted.nobodys, counted.overdue) == (1, 0, 1)
    assert [(day, count) for day, count in counted.due if count] == [(date(2026, 1, 12), 1)]
    assert [(week, count) for week, count in counted.opened.weeks if count] == [
        (date(2025, 12, 29), 1),
        (date(2026, 1, 5), 1),
    ]
    by_partner = {one.name: [count for _, count in one.weeks if count] for one in counted.sightings}
    assert by_partner == {"Plaza": [2, 1], "Foro": [1]}
    assert [one.name for one in counted.sightings] == ["Plaza", "Foro"]
    assert all(len(one.weeks) == 26 for one in (counted.opened, *counted.sightings))


def test_everybody_sees_the_figures_and_supervisors_and_auditors_take_them_along(hub: Hub, told: Told) -> None:
    taken: dict[Role, int] = {}
    for role in Role:
        desk = signed_in(hub, role)
        assert desk.get("/figures").status_code == 200
        taken[role] = desk.get("/figures.csv").status_code
    assert taken == {Role.CASEWORKER: 403, Role.SUPERVISOR: 200, Role.AUDITOR: 200, Role.ADMINISTRATOR: 403}


def test_a_table_of_figures_has_one_number_a_line(hub: Hub, told: Told) -> None:
    lines = list(csv.reader(io.StringIO("".join(figures_csv(figures(hub))))))
    assert lines[0] == ["figure", "of", "when", "count"]
    assert all(len(line) == 4 and line[3].isdigit() for line in lines[1:])
    assert ["cases_by_urgency", "soon", "2026-01-10T00:00:00.000000Z", "1"] in lines
    assert ["sightings", "Plaza", "2025-12-29", "2"] in lines


def test_the_table_of_cases_has_no_words_codes_or_identifiers(hub: Hub, ana: StaffRecord, told: Told) -> None:
    assign(hub, ana, told.number, ana.id, None)
    for _ in range(3):
        open_case(hub)
    text = "".join(queue_csv(hub))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [int(line["number"]) for line in lines] == [told.number, told.number + 1, told.number + 2, told.number + 3]
    assert (lines[0]["urgency"], lines[0]["door"], lines[0]["unread"], lines[0]["given_to"]) == (
        "soon",
        "helping",
        "yes",
        "Ana",
    )
    with hub.store.read() as transaction:
        line = transaction.queue.numbered(told.number)
    assert line is not None
    hidden = [*SECRETS, line.case, *code_pairs(told.code), *(one.hex for one in fingerprints(3))]
    assert not any(one in text for one in hidden)


def test_a_long_table_is_read_in_steps_without_gaps(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 2)
    numbers = [open_case(hub) for _ in range(5)]
    assert [int(line.partition(",")[0]) for line in list(queue_csv(hub))[1:]] == numbers


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_what_a_spreadsheet_takes_for_a_formula_is_made_harmless(start: str) -> None:
    (cells,) = csv.reader(io.StringIO(csv_line((f"{start}cmd|' /C calc'!A0", 'a "quoted", cell', -3)), newline=""))
    assert cells == [f"'{start}cmd|' /C calc'!A0", 'a "quoted", cell', "-3"]


def test_a_partners_name_that_is_a_formula_is_harmless_in_the_table(hub: Hub, clock: SteppedClock) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1))
    card = partners.add_partner(hub, "=HYPERLINK(1)")
    entry = pseudonym(hub, card.partner, person.view_case(hub, code).pictures[0].picture.entry)
    report = SightingReport(SightingId(random_id()), entry, clock.now(), 3, Action.BLOCK, "")
    partners.tell_sightings(hub, partners.authenticate(hub, card.key), [report])
    assert "'=HYPERLINK(1)" in signed_in(hub, Role.AUDITOR).get("/figures.csv").text


# Plots


def test_bars_are_shares_of_the_longest() -> None:
    assert [bar.share for bar in bars([("a", 4), ("b", 1), ("c", 0)])] == [100.0, 25.0, 0.0]
    assert [bar.share for bar in bars([("a", 0)])] == [0.0]
    assert bars([]) == ()


def test_columns_stand_on_the_ground_and_never_leave_the_drawing() -> None:
    plot = columns("Cases", [("one", 2), ("two", 0), ("three", 4)], 8)
    assert (plot.most, plot.total, plot.width) == (4, 6, 30)
    for place, column in enumerate(plot.columns):
        assert column.y + column.height == pytest.approx(plot.height)
        assert 10 * place <= column.x < column.x + column.width <= 10 * (place + 1)
    assert [column.height for column in plot.columns] == [25.0, 0.0, 50.0]
    assert columns("None", []).columns == ()


def test_plots_have_no_script_and_no_style(hub: Hub, told: Told) -> None:
    desk: Asked = signed_in(hub)
    for path in ("/figures", f"/cases/{told.number}", "/queue"):
        page = desk.get(path).text
        assert "<svg" in page or path == "/queue"
        assert "style=" not in page
        assert "<style" not in page
        assert "<script" not in page.replace('<script src="/static/', "")


def test_a_plot_names_every_field_of_what_it_draws() -> None:
    drawn = (TEMPLATES / "parts.html").read_text(encoding="utf-8")
    for field in fields(type(columns("a", [("b", 1)]).columns[0])):
        assert f"one.{field.name}" in drawn, field.name


def test_a_plot_over_time_has_every_day_two_weeks_at_least_and_every_week_where_it_is_long() -> None:
    day = date(2026, 3, 2)
    few, unit = over_time("Seen", {day: 3})
    assert (len(few.columns), unit, few.columns[-1].count) == (14, "day", 3)
    month, unit = over_time("Seen", {day: 1, day + timedelta(days=29): 2})
    assert ([one.count for one in month.columns], unit) == ([1, *[0] * 28, 2], "day")
    year, unit = over_time("Seen", {day: 1, day + timedelta(days=6): 1, day + timedelta(days=364): 5})
    assert (len(year.columns), unit, year.columns[0].count, year.columns[-1].count) == (53, "week", 2, 5)
    assert over_time("Seen", {})[0].columns == ()
