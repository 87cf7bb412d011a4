"""Notices in a test's hub, brought as far as a test needs them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import date, timedelta

from amparo.bank import Action
from amparo.case.code import CaseCode
from amparo.case.people import AgeBand, Door
from amparo.core.ids import CaseId, SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.gate.card import PartnerCard
from amparo.hub.commands import notices, partners, person, sending
from amparo.hub.commands.notice_drafts import Wanted
from amparo.hub.commands.person import Opening
from amparo.hub.context import Hub
from amparo.hub.jobs.worker import Worker
from amparo.hub.notice_file import OpenedNotice
from amparo.notice.content import Capacity, Notice, NoticeId, Signature
from amparo.notice.letter import render
from amparo.notice.machine import Proof
from amparo.notice.pack import Language
from amparo.store.notices.protocol import NoticeFilter, NoticeRecord
from amparo.store.staff.protocol import Role, StaffRecord
from tests.hub.desks import employ
from tests.hub.hubs import fingerprints, pseudonym
from tests.hub.queues import newest_number
from tests.notice.samples import complete

TO = "legal@platform.example.com"


@dataclass(frozen=True)
class Town:
    """A hub with a case in it and somebody who works on it."""

    hub: Hub
    code: CaseCode
    number: int
    case: CaseId
    by: StaffRecord


def town(hub: Hub, age: AgeBand = AgeBand.UNSAID, pictures: int = 1, language: str = "en") -> Town:
    opening = Opening(language, Door.PICTURE, age)
    code = person.open_case(hub, secrets.token_bytes(16), opening, fingerprints(pictures))
    case = person.view_case(hub, code).case.id
    return Town(hub, code, newest_number(hub), case, employ(hub, Role.CASEWORKER, "Casey"))


def state_of(hub: Hub, notice: NoticeId) -> OpenedNotice:
    with hub.store.read() as transaction:
        return OpenedNotice.read(transaction, notice, hub.vault)


def all_notices(hub: Hub) -> list[NoticeRecord]:
    with hub.store.read() as transaction:
        return transaction.notices.lines(NoticeFilter(), 1000)


def drafted(place: Town, pack: str = "us-take-it-down") -> NoticeId:
    notice = NoticeId(random_id())
    wanted = Wanted(place.hub.office.packs.get(pack), Language.EN, "Example Platform")
    notices.draft(place.hub, place.by, place.number, notice, wanted)
    return notice


def filled(place: Town, pack: str = "us-take-it-down", by_person: bool = False) -> NoticeId:
    """Complete, signed by the desk as agent or by the person, and approved by nobody."""
    notice = drafted(place, pack)
    capacity = Capacity.PERSON if by_person else Capacity.AGENT
    text = replace(
        complete(pack), id=notice, to=TO, signature=Signature("Casey Worker", capacity, date(2026, 1, 1), "A. B.")
    )
    notices.revise(place.hub, place.by, text, state_of(place.hub, notice).state.version)
    return notice


def digest_of(hub: Hub, notice: NoticeId) -> str:
    opened = state_of(hub, notice)
    return render(opened.notice, hub.office.packs.get(opened.notice.pack), hub.office.own_award).digest


def approved(place: Town, pack: str = "us-take-it-down") -> NoticeId:
    notice = filled(place, pack)
    notices.approve(place.hub, place.by, notice, digest_of(place.hub, notice))
    return notice


def sent(place: Town, pack: str = "us-take-it-down") -> NoticeId:
    from amparo.notice.machine import Channel

    notice = approved(place, pack)
    notices.record_sent(place.hub, place.by, notice, Channel.FORM, "form 7")
    return notice


def received(place: Town, pack: str = "us-take-it-down") -> NoticeId:
    """Received now: its clock starts now."""
    notice = sent(place, pack)
    notices.prove_receipt(place.hub, place.by, notice, place.hub.clock.now(), Proof.ACKNOWLEDGEMENT, "")
    return notice


def asked_to_send(place: Town) -> NoticeId:
    notice = approved(place)
    sending.send(place.hub, place.by, notice)
    return notice


def tell(place: Town, card: PartnerCard, where: str, count: int = 1, action: Action = Action.REVIEW) -> None:
    """So many sightings of the case's first picture at this partner."""
    hub = place.hub
    entry = person.view_case(hub, place.code).pictures[0].picture.entry
    known = partners.authenticate(hub, card.key)
    partners.tell_sightings(
        hub,
        known,
        [
            SightingReport(
                SightingId(random_id()),
                pseudonym(hub, card.partner, entry),
                hub.clock.now() - timedelta(minutes=1),
                3,
                action,
                where.format(at),
            )
            for at in range(count)
        ],
    )


def work(hub: Hub) -> int:
    """Do every job that is due; returns how many."""
    worker, done = Worker(hub), 0
    while worker.work_once():
        done += 1
    return done


def with_words(notice: Notice, addressee: str) -> Notice:
    return replace(notice, addressee=addressee)
