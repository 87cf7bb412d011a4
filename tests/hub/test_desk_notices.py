"""The desk's pages of notices, as a browser asks them, without a script."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from amparo.case.people import AgeBand
from amparo.core.clock import SteppedClock
from amparo.core.ids import random_id
from amparo.hub.commands import notices
from amparo.hub.context import Hub
from amparo.hub.desk.notice_form import form_for, moment, read_notice
from amparo.hub.mail import write_mail_settings
from amparo.notice.address_book import AddressBook, Platform, Route
from amparo.notice.award import Award
from amparo.notice.content import NoticeId
from amparo.notice.machine import Answer, Phase
from amparo.notice.pack import Language
from amparo.store.staff.protocol import Role
from tests.asgi import Asked
from tests.hub.desks import FORM, DeskDoor, employ
from tests.hub.noticing import (
    TO,
    Town,
    all_notices,
    approved,
    asked_to_send,
    filled,
    received,
    sent,
    state_of,
    town,
    work,
)
from tests.hub.posting import Post, mail_server
from tests.notice.samples import complete
from tests.walk.running import free_ports

MADRID = ZoneInfo("Europe/Madrid")


@pytest.fixture
def place(hub: Hub) -> Town:
    return town(hub)


@pytest.fixture
def desk(hub: Hub, place: Town) -> Asked:
    return DeskDoor(hub).signed_in(place.by)


def with_book(hub: Hub, *platforms: Platform) -> Hub:
    """The same hub with this address book."""
    return replace(hub, office=replace(hub.office, book=AddressBook(platforms)))


def press(desk: Asked, path: str, **fields: str) -> str:
    """A form sent; the page it leads to."""
    answer = desk.post(path, data=fields, headers=FORM)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


def local(clock: SteppedClock, ahead: timedelta = timedelta()) -> str:
    return (clock.now() + ahead).astimezone(MADRID).strftime("%Y-%m-%dT%H:%M")


def test_a_notice_from_its_first_draft_to_the_answer(hub: Hub, desk: Asked, place: Town, clock: SteppedClock) -> None:
    start = desk.get(f"/cases/{place.number}/notices").text
    edit = press(
        desk,
        f"/cases/{place.number}/notices",
        notice=field(start, "notice"),
        pack="us-take-it-down",
        addressee="Example Platform",
        language="en",
    )
    form = desk.get(edit).text
    assert "Still missing: a signature of the person or of an authorised agent" in form
    page = press(
        desk,
        edit,
        version=field(form, "version"),
        addressee="Example Platform",
        to=TO,
        language="en",
        urls="https://example.org/photo/1\r\nhttps://example.org/photo/2",
        **{
            "said-depiction": "A photo of a bridge.",
            "said-relevant_information": "It was altered.",
            "confirm-non_consent": "1",
            "claim": "fake",
            "capacity": "agent",
            "signer": "Casey Worker",
            "signed_on": "2026-01-01",
            "on_behalf_of": "",
            "contact-name": "The desk",
            "contact-email": "desk@hotline.example.org",
        },
    )
    shown = desk.get(page).text
    assert "A photo of a bridge." in shown
    assert "https://example.org/photo/2" in shown
    assert "reviewed by" in shown.lower()
    press(desk, f"{page}/approve", digest=field(shown, "digest"))
    assert "approved, not sent" in desk.get(page).text
    assert desk.get(f"{page}/letter.pdf").content.startswith(b"%PDF")
    assert "A photo of a bridge." in desk.get(f"{page}/letter.txt").text
    press(desk, f"{page}/sent", channel="form", reference="form 7")
    press(desk, f"{page}/receipt", received_at=local(clock), proof="acknowledgement", words="They wrote back.")
    clock.advance(timedelta(hours=49))
    desk = DeskDoor(hub).signed_in(place.by)
    press(desk, f"{page}/open", reason="To record what they answered")
    assert "over since" in desk.get(page).text
    press(desk, f"{page}/answer", answer="removed", answered_at=local(clock), words="Gone now.")
    last = desk.get(page).text
    assert "met late" in last
    assert "Gone now." in last
    (record,) = all_notices(hub)
    assert record.phase is Phase.REMOVED


def test_what_a_notice_says_is_closed_until_a_reason_is_stated(hub: Hub, place: Town, clock: SteppedClock) -> None:
    notice = filled(place)
    other = DeskDoor(hub).signed_in(employ(hub, Role.SUPERVISOR, "Sol"))
    page = other.get(f"/notices/{notice}").text
    for secret in ("Casey Worker", "My words about", "photo/1", TO, "ana@example.org"):
        assert secret not in page
    for path in ("edit", "letter.txt", "letter.pdf"):
        refused = other.get(f"/notices/{notice}/{path}")
        assert refused.status_code == 403
        assert "Casey Worker" not in refused.text
    refused = other.post(f"/notices/{notice}/abandon", data={"reason": "because"}, headers=FORM)
    assert refused.status_code == 403
    assert other.post(f"/notices/{notice}/open", data={"reason": "why"}, headers=FORM).status_code == 422
    press(other, f"/notices/{notice}/open", reason="To check the letter before it goes")
    assert "Casey Worker" in other.get(f"/notices/{notice}").text
    with hub.store.read() as transaction:
        newest = transaction.staff.reveals(1)[0].reveal
    assert newest.number == place.number
    clock.advance(timedelta(hours=2))
    assert "Casey Worker" not in other.get(f"/notices/{notice}").text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_works_on_no_cases_sees_no_notice(hub: Hub, place: Town, role: Role) -> None:
    notice = filled(place)
    client = DeskDoor(hub).signed_in(employ(hub, role))
    for path in ("/notices", f"/notices/{notice}", f"/notices/{notice}/letter.txt", "/outbox", "/outbox/1"):
        assert client.get(path).status_code == 403
    assert client.get("/rules").status_code == 200
    assert client.get("/addresses").status_code == 200


def test_the_person_alone_approves_what_carries_her_signature(hub: Hub, desk: Asked, place: Town) -> None:
    notice = filled(place, by_person=True)
    page = desk.get(f"/notices/{notice}").text
    assert "nobody at the desk can" in page
    assert f"/notices/{notice}/approve" not in page
    assert "My words about depiction." in page


def test_the_list_sorts_by_clock_and_counts_each_shelf(hub: Hub, desk: Asked, place: Town, clock: SteppedClock) -> None:
    filled(place)
    received(place)
    page = desk.get("/notices").text
    assert page.count('<tr><th scope="row">') == 1
    assert "0 %" in page
    clock.advance(timedelta(hours=24))
    desk = DeskDoor(hub).signed_in(place.by)
    assert "50 %" in desk.get("/notices?shelf=all&page=1").text
    assert desk.get("/notices?shelf=drafts").text.count('<tr><th scope="row">') == 1
    assert desk.get("/notices?shelf=nonsense&page=x").status_code == 200


def test_two_who_write_at_once_and_the_slower_one_is_told(hub: Hub, desk: Asked, place: Town) -> None:
    notice = filled(place)
    form = desk.get(f"/notices/{notice}/edit").text
    fields = {"version": field(form, "version"), "addressee": "A", "to": TO, "language": "en", "claim": "unsaid"}
    press(desk, f"/notices/{notice}/edit", **fields)
    slower = desk.post(f"/notices/{notice}/edit", data=fields | {"addressee": "B"}, headers=FORM)
    assert slower.status_code == 409
    assert "Look again" in slower.text
    assert state_of(hub, notice).notice.addressee == "A"


def test_the_outbox_tells_why_a_letter_waits_and_shows_the_very_message(
    hub: Hub, desk: Asked, place: Town, clock: SteppedClock
) -> None:
    post = Post(free_ports(1)[0])
    write_mail_settings(hub.mail_file, post.settings())
    notice = asked_to_send(place)
    work(hub)
    page = desk.get("/outbox").text
    assert "the mail server cannot be reached" in page
    link = re.search(r'href="(/outbox/\d+)"', page)
    assert link is not None
    letter = html.unescape(desk.get(link[1]).text)
    assert f"To: {TO}" in letter
    assert "Message-ID: <" in letter
    press(desk, f"{link[1]}/again")
    with mail_server(post):
        assert work(hub) == 1
    assert html.unescape(desk.get(link[1]).text).count("Message-ID: " + post.ids[0]) == 1
    assert "Example Platform" in desk.get("/outbox?tray=sent").text
    assert desk.post(f"{link[1]}/again", headers=FORM).status_code == 409
    assert state_of(hub, notice).state.phase is Phase.SENT


def test_a_letter_is_a_mail_file_where_the_hub_has_a_mailbox(hub: Hub, desk: Asked, place: Town) -> None:
    notice = approved(place)
    assert desk.get(f"/notices/{notice}/letter.eml").status_code == 409
    write_mail_settings(hub.mail_file, Post(2525).settings())
    message = desk.get(f"/notices/{notice}/letter.eml")
    assert message.headers["Content-Type"].startswith("message/rfc822")
    assert f"To: {TO}" in message.text


def test_a_minors_first_draft_is_anonymous_under_the_dsa(hub: Hub) -> None:
    place = town(hub, AgeBand.MINOR)
    client = DeskDoor(hub).signed_in(place.by)
    start = client.get(f"/cases/{place.number}/notices").text
    edit = press(
        client,
        f"/cases/{place.number}/notices",
        notice=field(start, "notice"),
        pack="eu-dsa-16",
        addressee="Example",
        language="es",
    )
    form = client.get(edit).text
    assert re.search(r'name="minor" value="1" checked', form)
    assert re.search(r'name="anonymous" value="1" checked', form)
    assert re.search(r'name="offence" value="1" aria', form), "nobody has stated an offence yet"
    assert "Articles 3 to 7 of Directive 2011/93: sexual abuse of minors" in form
    assert "Still missing" in form
    said = {"said-reasons": "A picture of a child.", "confirm-good_faith": "1", "claim": "unsaid"}
    fields = {"addressee": "Example", "to": TO, "language": "es", "urls": "https://example.org/1", "minor": "1"} | said
    page = press(client, edit, version=field(form, "version"), **fields, anonymous="1")
    assert "nobody has stated the offence" in client.get(page).text
    again = client.get(edit).text
    press(client, edit, version=field(again, "version"), **fields, anonymous="1", offence="1")
    letter = client.get(page).text
    assert "Esta notificación es anónima" in letter
    assert "nobody has stated the offence" not in letter


def test_a_trusted_flaggers_form_offers_no_anonymity(hub: Hub) -> None:
    pack = hub.office.packs.get("eu-dsa-16")
    notice, award = complete("eu-dsa-16"), Award("Fundación X", "Coordinator", date(2026, 1, 1))
    typed = {name: ["1"] for name in ("minor", "offence", "anonymous")}
    typed |= {"language": ["es"], "claim": ["unsaid"], "addressee": ["Example"]}
    assert form_for(notice, pack, None).may_be_anonymous
    assert read_notice(typed, notice, pack, MADRID, None).anonymous
    assert not form_for(notice, pack, award).may_be_anonymous
    assert not read_notice(typed, notice, pack, MADRID, award).anonymous
    assert read_notice(typed, notice, pack, MADRID, None).offence_against_minor
    del typed["offence"]
    assert not read_notice(typed, notice, pack, MADRID, None).offence_against_minor


@pytest.mark.parametrize(
    ("typed", "first", "latest"),
    [
        ("2026-10-25T02:30", "2026-10-25T00:30+00:00", "2026-10-25T01:30+00:00"),
        ("2026-10-25T03:30", "2026-10-25T02:30+00:00", "2026-10-25T02:30+00:00"),
        ("2026-03-29T02:30", "2026-03-29T00:30+00:00", "2026-03-29T01:30+00:00"),
    ],
)
def test_an_hour_that_comes_twice_is_taken_so_that_no_clock_ends_too_early(typed: str, first: str, latest: str) -> None:
    assert moment({"at": [typed]}, "at", MADRID).isoformat(timespec="minutes") == first
    assert moment({"at": [typed]}, "at", MADRID, latest=True).isoformat(timespec="minutes") == latest


def test_the_site_in_the_persons_own_words_is_closed_until_a_reason_is_stated(
    hub: Hub, desk: Asked, place: Town
) -> None:
    hers = "el insta de Pedro G, 3B"
    notice = NoticeId(random_id())
    notices.wish(hub, place.code, notice, hers)
    paths = ("/notices?shelf=all", f"/cases/{place.number}", f"/cases/{place.number}/notices", f"/notices/{notice}")
    for path in paths:
        page = html.unescape(desk.get(path).text)
        assert "a site in the person's own words" in page, path
        assert "Pedro" not in page, path
    press(desk, f"/notices/{notice}/open", reason="To write to this site")
    assert hers in desk.get(f"/notices/{notice}").text
    after = NoticeId(random_id())
    notices.follow(hub, place.by, notice, after, hub.office.packs.get("eu-gdpr-17"))
    assert "Pedro" not in desk.get("/notices?shelf=all").text, "what follows it has her words, too"
    known = replace(state_of(hub, notice).notice, addressee="Plaza")
    notices.revise(hub, place.by, known, state_of(hub, notice).state.version)
    assert "Plaza" in desk.get("/notices?shelf=all").text, "these are the caseworker's"


def test_a_site_of_the_address_book_is_shown_as_it_stands_there(hub: Hub, place: Town) -> None:
    hub = with_book(hub, Platform("plaza", "Plaza", "", ()))
    desk = DeskDoor(hub).signed_in(place.by)
    notices.wish(hub, place.code, NoticeId(random_id()), " plaza ")
    assert ">Plaza</a>" in desk.get("/notices?shelf=all").text


@pytest.mark.parametrize("path", ["/notices?shelf=all", "/cases/{number}", "/cases/{number}/notices", "/addresses"])
def test_wherever_a_rule_shows_its_day_source_and_reviewer_stand_beside_it(hub: Hub, place: Town, path: str) -> None:
    route = Route("us-take-it-down", TO, "", "", "Their page", date(2026, 1, 1))
    filled(place)
    desk = DeskDoor(with_book(hub, Platform("plaza", "Plaza", "", (route,)))).signed_in(place.by)
    pack = hub.office.packs.get("us-take-it-down")
    page = html.unescape(desk.get(path.format(number=place.number)).text)
    assert (
        f"{pack.source.cite[Language.EN]} (official), as of {pack.as_of.isoformat()}, reviewed by nobody yet." in page
    )


def test_a_country_that_the_case_touches_has_its_guidance_proposed(hub: Hub, desk: Asked, place: Town) -> None:
    notice = sent(place, "eu-dsa-16")
    notices.record_answer(hub, place.by, notice, Answer.REFUSED, hub.clock.now(), "No.")
    page = desk.get(f"/notices/{notice}").text
    assert "/rules/es-aepd-priority" in page
    assert "/rules/au-esafety-referral" not in page
    touched = with_book(hub, Platform("plaza", "Example Platform", "", (), "AU"))
    page = DeskDoor(touched).signed_in(place.by).get(f"/notices/{notice}").text
    assert "/rules/au-esafety-referral" in page
    assert "It gives guidance to read, and no letter." in page
    assert 'value="au-esafety-referral"' not in page


def test_rules_are_shown_with_their_day_source_and_reviewer(hub: Hub, desk: Asked) -> None:
    listed = desk.get("/rules").text
    for pack in hub.office.packs:
        assert pack.as_of.isoformat() in listed
        assert html.escape(pack.source.cite[Language.EN], quote=False) in html.unescape(listed).replace("&", "&amp;")
        assert desk.get(f"/rules/{pack.id}").status_code == 200
    assert "Guidance, in Spanish" in desk.get("/rules/au-esafety-referral").text
    assert "nothing: it is off, or not in force" in desk.get("/rules/es-cp-173-bis").text


@pytest.mark.parametrize("path", ["/notices/x", "/notices/" + "ab" * 16, "/outbox/0", "/outbox/9", "/rules/none"])
def test_what_is_not_there_is_a_page_that_says_so(desk: Asked, path: str) -> None:
    answer = desk.get(path)
    assert answer.status_code == 404
    assert "</html>" in answer.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("receipt", {"received_at": "soon", "proof": "acknowledgement"}),
        ("receipt", {"received_at": "2026-01-01T01:00", "proof": "telepathy"}),
        ("answer", {"answer": "removed", "answered_at": ""}),
        ("sent", {"channel": "pigeon", "reference": "1"}),
        ("edit", {"version": "x"}),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(
    hub: Hub, desk: Asked, place: Town, path: str, fields: dict[str, str]
) -> None:
    notice = received(place)
    before = state_of(hub, notice).state.version
    answer = desk.post(f"/notices/{notice}/{path}", data=fields, headers=FORM)
    assert answer.status_code == 422
    assert state_of(hub, notice).state.version == before
