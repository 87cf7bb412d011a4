"""How a notice begins: for a caseworker, for a person who wishes it, for a copy that a partner reported, after another one.

A draft is nobody's decision. It knows the links that partners reported and what the address book says; it confirms nothing, is
signed by nobody, and lacks whatever only people can say. Where the picture is of a minor it is prepared to be anonymous, and
lacks the statement of an offence that allows that: an age states none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from amparo.case.machine import Case
from amparo.case.people import AgeBand
from amparo.core.errors import InvalidInput
from amparo.hub.commands.notice_story import language_of
from amparo.hub.context import Hub
from amparo.hub.mail import read_mail_settings
from amparo.hub.office import way
from amparo.notice.clock import zone_named
from amparo.notice.content import LONGEST_LINE, URLS_AT_ONCE, Contact, Earlier, Notice, NoticeId, check_url
from amparo.notice.machine import Channel, NoticeState
from amparo.notice.pack import Addressee, Language, RulePack, Waiver
from amparo.notice.sighting import SightingFacts, draft_for_sighting


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks a new notice to be. platform: its id in the address book, "" for an addressee who is not in it."""

    pack: RulePack
    language: Language
    addressee: str = ""
    platform: str = ""
    urls: tuple[str, ...] = ()


def first_draft(hub: Hub, case: Case, notice: NoticeId, wanted: Wanted) -> Notice:
    """Raises NotFound ``platform_unknown``."""
    platform = hub.office.book.get(wanted.platform) if wanted.platform else None
    route = platform.route(wanted.pack.id) if platform else None
    begun = Notice(
        id=notice,
        pack=wanted.pack.id,
        language=wanted.language,
        addressee=wanted.addressee or (platform.name if platform else ""),
        urls=wanted.urls or (places_at(case, platform.partner) if platform else ()),
        to=way(route),
        contact=_contact(hub),
        shows_minor=case.age is AgeBand.MINOR,
    )
    return _anonymous_for_minors(hub, begun, wanted.pack)


def sighting_draft(hub: Hub, case: Case, notice: NoticeId, facts: SightingFacts) -> Notice | None:
    """For a copy that a partner reported, with every link that it told of. None where the usual rule is switched off."""
    platform = hub.office.book.of_partner(facts.partner_name)
    rule = hub.office.for_platform(platform, hub.settings.country)
    if rule is None:
        return None
    pack, route = rule
    begun = draft_for_sighting(
        notice,
        facts,
        pack,
        language_of(case.language),
        shows_minor=case.age is AgeBand.MINOR,
        contact=_contact(hub),
    )
    return _anonymous_for_minors(
        hub,
        replace(
            begun,
            addressee=platform.name if platform else facts.partner_name,
            urls=tuple(dict.fromkeys((*places_at(case, facts.partner_name), *begun.urls)))[:URLS_AT_ONCE],
            to=way(route),
        ),
        pack,
    )


def following(hub: Hub, state: NoticeState, notice: NoticeId, pack: RulePack) -> Notice:
    """A notice under another rule about the same copies: a complaint to the same addressee, a report to a regulator.

    What is signed, confirmed or stated is not carried over: it was said of another text. It wants an answer, so the operator's
    own mailbox is in it, also where the first one was anonymous.
    """
    before = state.notice
    assert before is not None  # of a notice that was read
    regulator = pack.addressee is Addressee.REGULATOR
    platform = next((one for one in hub.office.book if one.name == before.addressee), None)
    route = platform.route(pack.id) if platform else None
    return Notice(
        id=notice,
        pack=pack.id,
        language=before.language,
        addressee=pack.title[before.language][:LONGEST_LINE] if regulator else before.addressee,
        urls=before.urls,
        contact=before.contact or _contact(hub),
        shows_minor=before.shows_minor,
        claim=before.claim,
        circumstances=before.circumstances,
        to=way(route),
        informed_at=state.answers[-1].answered_at if state.answers else None,
        follows=_earlier(state),
    )


def _earlier(state: NoticeState) -> Earlier:
    sent, drafted, notice = state.sent, state.drafted, state.notice
    assert notice is not None  # of a notice that was read, as its draft
    assert drafted is not None
    day = None if sent is None else sent.at.astimezone(zone_named(drafted.zone)).date()
    # A Message-ID or a post code says nothing to them; the number that their own form gave does.
    number = sent.reference if sent is not None and sent.channel is Channel.FORM else ""
    return Earlier(state.id, notice.addressee, day, number)


def places_at(case: Case, partner_name: str) -> tuple[str, ...]:
    """The links among the places that a partner told of, each once, the oldest first."""
    told = [one.place for one in case.sightings if partner_name and one.partner_name == partner_name]
    told += [one.held.place for one in case.derivatives if partner_name and one.held.partner_name == partner_name]
    return tuple(dict.fromkeys(place.strip() for place in told if _is_url(place.strip())))[:URLS_AT_ONCE]


def _contact(hub: Hub) -> Contact | None:
    """The operator's own mailbox, where it has one; a person's is never taken by itself."""
    settings = read_mail_settings(hub.mail_file)
    if settings is None:
        return None
    return Contact(settings.sender.name or hub.settings.name, settings.reply_to or settings.sender.email)


def _anonymous_for_minors(hub: Hub, notice: Notice, pack: RulePack) -> Notice:
    """Not where the operator is a trusted flagger: its notices go first because they name it."""
    waives = any(asked.unless is Waiver.OFFENCE_AGAINST_MINOR for asked in pack.elements)
    prepared = waives and notice.shows_minor and hub.office.own_award is None
    return replace(notice, anonymous=True, contact=None) if prepared else notice


def _is_url(place: str) -> bool:
    try:
        check_url(place)
    except InvalidInput:
        return False
    return True
