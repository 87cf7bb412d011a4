"""A copy at a partner drafts a notice, once; recording it costs next to nothing; nothing of it is ever sent by itself."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from amparo.case.people import AgeBand
from amparo.core.clock import SteppedClock
from amparo.hub.commands import notices, partners, person, sighting_notices
from amparo.hub.context import Hub
from amparo.hub.mail import write_mail_settings
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.office import Office
from amparo.notice.address_book import AddressBook, Platform, Route
from amparo.notice.machine import Answer, Origin, Phase
from amparo.notice.pack import Element
from amparo.store.jobs.protocol import JobState
from tests.hub.hubs import fingerprints, open_hub
from tests.hub.noticing import Town, all_notices, digest_of, state_of, tell, town, with_words, work
from tests.hub.posting import Post, mail_server
from tests.walk.running import free_ports


@pytest.fixture
def place(hub: Hub) -> Town:
    return town(hub)


def only(hub: Hub) -> OpenedNotice:
    (record,) = all_notices(hub)
    return state_of(hub, record.id)


def test_a_sighting_drafts_one_notice_that_lacks_what_only_people_can_say(place: Town) -> None:
    card = partners.add_partner(place.hub, "Plaza")
    tell(place, card, "https://plaza.example/p/1")
    assert all_notices(place.hub) == [], "the report itself waits for no letter"
    assert work(place.hub) == 1
    opened = only(place.hub)
    assert opened.state.phase is Phase.DRAFTED
    assert opened.state.drafted is not None
    assert opened.state.drafted.origin is Origin.SIGHTING
    notice = opened.notice
    assert (notice.addressee, notice.urls) == ("Plaza", ("https://plaza.example/p/1",))
    assert notice.confirmed == ()
    assert notice.signature is None
    with place.hub.store.read() as transaction:
        line = transaction.queue.line(place.case)
    assert line is not None
    assert line.waits


def test_a_thousand_sightings_draft_one_notice_a_partner(place: Town) -> None:
    hub = place.hub
    plaza, foro = partners.add_partner(hub, "Plaza"), partners.add_partner(hub, "Foro")
    for _ in range(4):
        tell(place, plaza, "https://plaza.example/p/{}", 250)
    tell(place, foro, "wall")
    with hub.store.read() as transaction:
        assert transaction.jobs.count([sighting_notices.DRAFT]) == {JobState.WAITING: 2}
    assert work(hub) == 2
    assert len(all_notices(hub)) == 2
    tell(place, plaza, "https://plaza.example/again")
    work(hub)
    assert len(all_notices(hub)) == 2


def test_a_copy_that_is_back_after_a_removal_drafts_anew_and_one_given_up_does_not(
    place: Town, clock: SteppedClock
) -> None:
    hub = place.hub
    plaza, foro = partners.add_partner(hub, "Plaza"), partners.add_partner(hub, "Foro")
    tell(place, plaza, "wall")
    tell(place, foro, "wall")
    work(hub)
    by_name = {state_of(hub, one.id).notice.addressee: one.id for one in all_notices(hub)}
    for notice in by_name.values():
        notices.open_words(hub, place.by, notice, "Working on this case")
    notices.abandon(hub, place.by, by_name["Foro"], "She does not want it.")
    finish(place, by_name["Plaza"])
    clock.advance(timedelta(minutes=5))
    tell(place, plaza, "wall again")
    tell(place, foro, "wall again")
    work(hub)
    assert sorted(state_of(hub, one.id).notice.addressee for one in all_notices(hub)) == ["Foro", "Plaza", "Plaza"]


def finish(place: Town, notice: notices.NoticeId) -> None:
    """All the way to a removal."""
    from amparo.notice.content import Capacity, Signature
    from amparo.notice.machine import Channel
    from tests.notice.samples import complete

    hub, opened = place.hub, state_of(place.hub, notice)
    whole = complete(opened.notice.pack)
    filled = replace(
        whole,
        id=notice,
        addressee=opened.notice.addressee,
        signature=Signature("Casey", Capacity.AGENT, date(2026, 1, 1)),
    )
    notices.revise(hub, place.by, filled, opened.state.version)
    notices.approve(hub, place.by, notice, digest_of(hub, notice))
    notices.record_sent(hub, place.by, notice, Channel.FORM, "7")
    notices.record_answer(hub, place.by, notice, Answer.REMOVED, hub.clock.now(), "")


def test_no_way_leads_from_a_sighting_to_the_mail_without_a_persons_decision(place: Town, clock: SteppedClock) -> None:
    """The whole machine runs for a month beside a working mail server, and nobody decides anything."""
    hub = place.hub
    post = Post(free_ports(1)[0])
    write_mail_settings(hub.mail_file, post.settings())
    card = partners.add_partner(hub, "Plaza")
    with mail_server(post):
        from amparo.hub.jobs.worker import Worker

        worker = Worker(hub)
        for at in range(30):
            tell(place, card, f"https://plaza.example/{at}")
            worker.look()
            while worker.work_once():
                pass
            clock.advance(timedelta(days=1))
    assert post.taken == []
    assert only(hub).state.phase is Phase.DRAFTED


def test_the_address_book_decides_the_rule_the_address_and_the_name(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path / "hub")
    route = Route("us-take-it-down", "legal@plaza.example.com", "", "", "their page", date(2026, 1, 1))
    book = AddressBook((Platform("plaza", "Plaza Limited", "Plaza", (route,)),))
    hub = replace(hub, office=replace(Office(), book=book))
    place = town(hub, language="es")
    card = partners.add_partner(hub, "Plaza")
    tell(place, card, "https://plaza.example/p/1")
    work(hub)
    notice = only(hub).notice
    assert (notice.pack, notice.to, notice.addressee) == ("us-take-it-down", "legal@plaza.example.com", "Plaza Limited")
    assert notice.language == "es"
    tell(place, card, "https://plaza.example/p/2")
    work(hub)
    assert len(all_notices(hub)) == 1
    hub.close()


def test_a_minors_draft_is_anonymous(hub: Hub) -> None:
    place = town(hub, AgeBand.MINOR)
    tell(place, partners.add_partner(hub, "Plaza"), "https://plaza.example/p/1")
    work(hub)
    notice = only(hub).notice
    assert notice.pack == "eu-dsa-16"
    assert notice.shows_minor
    assert not notice.offence_against_minor, "a person states that, and no age"
    assert notice.anonymous
    assert notice.contact is None


def test_what_a_hostile_partner_writes_as_a_place_is_no_link_and_breaks_nothing(place: Town) -> None:
    card = partners.add_partner(place.hub, "Plaza")
    tell(place, card, "javascript:alert(1)\u202e")
    work(place.hub)
    notice = only(place.hub).notice
    assert notice.urls == ()
    assert notice.said(Element.URLS)


def test_a_case_that_is_withdrawn_meanwhile_gets_no_draft(place: Town) -> None:
    tell(place, partners.add_partner(place.hub, "Plaza"), "wall")
    person.withdraw_case(place.hub, place.code)
    assert work(place.hub) == 0
    assert all_notices(place.hub) == []


def test_a_draft_that_was_lost_with_its_worker_is_made_once_by_the_next(place: Town, clock: SteppedClock) -> None:
    hub = place.hub
    tell(place, partners.add_partner(hub, "Plaza"), "wall")
    with hub.store.write() as transaction:
        job = transaction.jobs.claim([sighting_notices.DRAFT], "dead", clock.now(), timedelta(minutes=10))
    assert job is not None
    assert work(hub) == 0
    clock.advance(timedelta(minutes=10))
    assert work(hub) == 1
    sighting_notices.do_draft(hub, job, "dead")
    assert len(all_notices(hub)) == 1


def test_sightings_of_two_cases_draft_one_notice_each(hub: Hub, place: Town) -> None:
    card = partners.add_partner(hub, "Plaza")
    other = person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1, seed=5))
    second = replace(place, code=other)
    tell(place, card, "wall")
    tell(second, card, "wall")
    assert work(hub) == 2
    assert len({one.case for one in all_notices(hub)}) == 2


def test_words_of_one_draft_can_be_put_in_order_by_people(hub: Hub, place: Town) -> None:
    tell(place, partners.add_partner(hub, "Plaza"), "wall")
    work(hub)
    opened = only(hub)
    notices.open_words(hub, place.by, opened.state.id, "Working on this case")
    notices.revise(hub, place.by, with_words(opened.notice, "Plaza, legal"), opened.state.version)
    assert only(hub).notice.addressee == "Plaza, legal"
