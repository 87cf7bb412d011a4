"""A copy seen at a partner drafts a notice to that partner. The draft lacks what only persons can give, and waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from amparo.core.errors import InvalidInput
from amparo.notice.content import LONGEST_TEXT, Contact, Notice, NoticeId, Statement, check_text, check_url
from amparo.notice.pack import Element, Language, RulePack
from amparo.notice.texts import Word, texts


@dataclass(frozen=True, slots=True)
class SightingFacts:
    """What the hub knows of a sighting. place: where, in the partner's own words. reference: the partner's own id of it."""

    partner_name: str
    place: str
    seen_at: datetime
    reference: str


def draft_for_sighting(
    notice: NoticeId,
    facts: SightingFacts,
    pack: RulePack,
    language: Language,
    *,
    shows_minor: bool,
    contact: Contact | None = None,
) -> Notice:
    """An unsigned draft: nothing in it is confirmed on anybody's behalf, and nothing of the person is in it.

    A place that is an address becomes the notice's link. What a partner wrote that no notice may carry is left out.
    """
    place = facts.place.strip()
    sentence = (
        texts(language)
        .words[Word.SIGHTING]
        .format(
            place=_told(place),
            seen_at=facts.seen_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            reference=_told(facts.reference),
        )
    )
    where = Element.LOCATION if pack.asks(Element.LOCATION) else Element.URLS
    return Notice(
        id=notice,
        pack=pack.id,
        language=language,
        addressee=facts.partner_name,
        urls=(place,) if _is_url(place) else (),
        statements=(Statement(where, sentence),),
        contact=contact,
        shows_minor=shows_minor,
    )


def _told(text: str) -> str:
    try:
        check_text(text)
    except InvalidInput:
        return "?"
    return text.strip()[: LONGEST_TEXT // 5] or "?"


def _is_url(place: str) -> bool:
    try:
        check_url(place)
    except InvalidInput:
        return False
    return True
