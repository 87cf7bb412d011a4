"""The board of an incident, and the desk's pages of incidents without a browser."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta

import pytest

from amparo.bank import Action
from amparo.case.code import CaseCode
from amparo.case.people import Door, WordsKind
from amparo.core.clock import SteppedClock
from amparo.core.errors import NotFound, Rejected
from amparo.core.ids import IncidentId, SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.gate.card import PartnerCard
from amparo.hub.app import public_app
from amparo.hub.commands import incidents, partners, person, spoken, trace
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.incident_board import IncidentBoard, incident_board
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.notice.machine import Phase
from amparo.signal.fingerprint import Pdq
from amparo.store.staff.protocol import Role, StaffRecord
from tests.altered import record
from tests.asgi import Asked
from tests.hub.desks import FORM, DeskDoor, employ, signed_in
from tests.hub.hubs import fingerprints, near, pseudonym
from tests.hub.noticing import drafted, received, town

ONE, OTHER, THIRD = fingerprints(3, seed=7)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return employ(hub, Role.CASEWORKER, "Ana")


def opened(hub: Hub, pictures: list[Pdq], door: Door = Door.PICTURE) -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), Opening("en", door), pictures)


def seen(hub: Hub, card: PartnerCard, code: CaseCode, at: datetime, action: Action = Action.BLOCK) -> None:
    entry = pseudonym(hub, card.partner, person.view_case(hub, code).pictures[0].picture.entry)
    report = SightingReport(SightingId(random_id()), entry, at, 3, action, "photo upload")
    partners.tell_sightings(hub, partners.authenticate(hub, card.key), [report])


def board(hub: Hub, by: StaffRecord, incident: IncidentId) -> IncidentBoard:
    return incident_board(hub, by, incident)


def test_the_board_counts_people_pictures_and_where_they_were_seen(
    hub: Hub, clock: SteppedClock, ana: StaffRecord
) -> None:
    codes = [opened(hub, [ONE, OTHER]), opened(hub, [near(ONE, 5), THIRD]), opened(hub, [near(ONE, 9)], Door.WITNESS)]
    stranger = opened(hub, fingerprints(1, seed=99))
    trace.register_more(hub, codes[0], [record(1)])
    plaza, foro = (partners.add_partner(hub, name) for name in ("Plaza", "Foro"))
    clock.advance(timedelta(days=3))
    seen(hub, plaza, codes[0], NOW + timedelta(days=1))
    seen(hub, plaza, codes[1], NOW + timedelta(days=1), Action.ALLOW)
    seen(hub, foro, codes[1], NOW + timedelta(days=3))
    seen(hub, foro, stranger, NOW)
    found = board(hub, ana, incidents.confirm(hub, ana, [1, 2, 3], title="Class 3B"))
    assert (found.named.title, found.opened_by, found.opened_at) == ("Class 3B", "Ana", NOW + timedelta(days=3))
    assert (found.people, found.witnesses) == (2, 1)
    assert (found.pictures, found.protected, found.photos) == (3, 5, 1)
    assert [(one.partner, one.seen, one.stopped) for one in found.seen] == [("Plaza", 2, 1), ("Foro", 1, 1)]
    assert found.seen_by_day == {date(2026, 1, 2): 2, date(2026, 1, 4): 1}
    assert {one.row.line.number: (one.pictures, one.photos, one.sightings) for one in found.cases} == {
        1: (2, 1, 1),
        2: (2, 0, 2),
        3: (1, 0, 0),
    }


def test_the_board_tells_what_is_open(hub: Hub, ana: StaffRecord) -> None:
    codes = [opened(hub, [ONE]), opened(hub, [ONE])]
    with hub.store.write() as transaction:
        for line in (transaction.queue.numbered(1), transaction.queue.numbered(2)):
            assert line is not None
            transaction.queue.set_waits(line.case, False)
    incident = incidents.confirm(hub, ana, [1, 2], title="Class 3B")
    assert board(hub, ana, incident).unread == 0
    spoken.note(hub, codes[1], [Typed(WordsKind.MESSAGE, "What now?")])
    assert board(hub, ana, incident).unread == 1
    person.withdraw_case(hub, codes[0])
    left = board(hub, ana, incident)
    assert (left.people, left.protected, len(left.cases)) == (1, 1, 1)
    person.withdraw_case(hub, codes[1])
    with pytest.raises(NotFound) as caught:
        board(hub, ana, incident)
    assert caught.value.code == "incident_unknown"


def test_the_board_tells_of_notices_and_whose_time_is_over(hub: Hub, clock: SteppedClock) -> None:
    place = town(hub)
    opened(hub, [ONE])
    incident = incidents.confirm(hub, place.by, [1, 2], title="Class 3B")
    drafted(place, "eu-dsa-16")
    notice = received(place)
    assert [(one.number, one.record.phase, one.late) for one in board(hub, place.by, incident).notices] == [
        (1, Phase.RECEIVED, False),
        (1, Phase.DRAFTED, False),
    ]
    running = DeskDoor(hub).signed_in(place.by).get(f"/incidents/{incident}")
    assert running.status_code == 200
    assert "speaks 2026-01-02 01:00" in running.text, "after half of the 48 hours"
    clock.advance(timedelta(hours=49))
    look_at_clocks(hub)
    found = board(hub, place.by, incident)
    assert (found.notices[0].record.id, found.notices[0].late, found.late) == (notice, True, 1)
    page = DeskDoor(hub).signed_in(place.by).get(f"/incidents/{incident}").text
    assert "Case 1: TAKE IT DOWN Act: removal request" in page
    assert "1 is out of time" in page


def test_a_board_is_for_those_who_work_on_cases(hub: Hub, ana: StaffRecord) -> None:
    for _ in range(2):
        opened(hub, [ONE])
    incident = incidents.confirm(hub, ana, [1, 2], title="Class 3B")
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        with pytest.raises(Rejected) as caught:
            board(hub, employ(hub, role), incident)
        assert caught.value.code == "role_missing"
        client = signed_in(hub, role)
        for path in ("/incidents", "/incidents/suggested", f"/incidents/{incident}"):
            assert client.get(path).status_code == 403
        for path in ("confirm", "apart", "together", f"{incident}/add", f"{incident}/take-out", f"{incident}/rename"):
            answer = client.post(f"/incidents/{path}", content="case=1&first=1&second=2&title=x", headers=FORM)
            assert answer.status_code == 403


def test_the_pages_confirm_undo_and_set_apart(hub: Hub) -> None:
    for _ in range(3):
        opened(hub, [ONE])
    desk = signed_in(hub)
    said = 'Cases <a href="/cases/1">1</a>, <a href="/cases/2">2</a> and <a href="/cases/3">3</a>'
    assert said in desk.get("/incidents/suggested").text
    apart = desk.post("/incidents/apart", content="case=1&case=2&alone=3", headers=FORM)
    assert apart.status_code == 303
    shown = desk.get("/incidents/suggested").text
    assert "2 cases:" in shown
    assert "Cases 1 and 3" in shown
    refused = desk.post("/incidents/confirm", content="form=1&page=1&case=1&case=2&title=", headers=FORM)
    assert refused.status_code == 422
    assert "A title has 1 to 120 letters." in refused.text
    linked = desk.post("/incidents/confirm", content="form=1&case=1&case=2&title=Class+3B", headers=FORM)
    assert linked.status_code == 303
    at = linked.headers["location"]
    assert "<h1>Class 3B</h1>" in desk.get(at).text
    assert "Class 3B" in desk.get("/incidents").text
    assert desk.post(f"{at}/add", content="case=9", headers=FORM).status_code == 404
    assert desk.post(f"{at}/add", content="case=x", headers=FORM).status_code == 422
    assert desk.post(f"{at}/add", content="case=3", headers=FORM).headers["location"] == at
    assert desk.post(f"{at}/rename", content="title=+", headers=FORM).status_code == 422
    assert desk.post(f"{at}/rename", content="title=Other", headers=FORM).status_code == 303
    assert "<h1>Other</h1>" in desk.get(at).text
    for number, leads_to in ((1, at), (2, at), (3, "/incidents")):
        assert desk.post(f"{at}/take-out", content=f"case={number}", headers=FORM).headers["location"] == leads_to
    assert desk.get(at).status_code == 404
    assert desk.post("/incidents/together", content="first=3&second=1", headers=FORM).status_code == 303


def test_a_form_without_any_case_is_refused(hub: Hub) -> None:
    desk = signed_in(hub)
    assert desk.post("/incidents/confirm", content="title=x", headers=FORM).status_code == 422
    assert desk.post("/incidents/apart", content="case=1", headers=FORM).status_code == 422
    assert desk.post("/incidents/confirm", content="case=1&case=2&into=zzz", headers=FORM).status_code == 404


def test_a_title_cannot_bring_markup_into_the_pages(hub: Hub, ana: StaffRecord) -> None:
    for _ in range(3):
        opened(hub, [ONE])
    incident = incidents.confirm(hub, ana, [1, 2], title="<script>alert(1)</script>")
    desk = signed_in(hub)
    for path in ("/incidents", "/incidents/suggested", f"/incidents/{incident}"):
        page = desk.get(path).text
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_no_persons_page_changes_when_cases_are_linked(hub: Hub, ana: StaffRecord) -> None:
    codes = [opened(hub, [near(ONE, bits)]) for bits in range(3)]
    world = Asked(public_app(hub), "http://hub.test")

    def pages() -> list[str]:
        asked = [world.post("/", content=f"do=open&lang=en&code={code}", headers=FORM) for code in codes]
        assert all(answer.status_code == 200 for answer in asked)
        return [answer.text for answer in asked]

    before = pages()
    assert all("Protected" in page or "protected" in page for page in before)
    incidents.confirm(hub, ana, [1, 2], title="Class 3B")
    incidents.say_apart(hub, ana, [1], one=3)
    assert pages() == before
