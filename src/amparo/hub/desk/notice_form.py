"""The form in which a notice is written: what its rule asks for, as fields, and the fields back as a notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from amparo.core.errors import InvalidInput
from amparo.hub.forms import one
from amparo.notice.award import Award
from amparo.notice.content import (
    CONFIRMED,
    SAID,
    Capacity,
    Circumstance,
    Claim,
    Contact,
    Notice,
    Signature,
    Statement,
)
from amparo.notice.letter import label
from amparo.notice.pack import Basis, ClockStart, Element, Language, RulePack, Waiver
from amparo.notice.texts import Addition, texts

_UNSIGNED: Final = "unsigned"
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SaidField:
    """An element that people answer in their own words."""

    element: Element
    label: str
    by_rule: bool
    value: str


@dataclass(frozen=True, slots=True)
class ConfirmField:
    """A sentence of ours that somebody makes their own by a tick. sentence: as it stands in the letter, in its language."""

    element: Element
    label: str
    by_rule: bool
    sentence: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class NoticeForm:
    """Which parts a notice of this pack has. contact: asked for at all; full_contact: telephone and post too. may_be_anonymous:
    where somebody states the offence that the pack waives a name for, and the operator does not write as a trusted flagger."""

    said: tuple[SaidField, ...]
    confirm: tuple[ConfirmField, ...]
    signed: bool
    contact: bool
    full_contact: bool
    may_be_anonymous: bool
    says_claim: bool
    says_circumstances: bool
    informed: bool


def form_for(notice: Notice, pack: RulePack, award: Award | None) -> NoticeForm:
    """award: the operator's own, if it has one."""
    letter = texts(notice.language).letters[pack.id]
    sentences = {part.element: part.text for part in letter.parts}
    asked = {one.element: one.basis is Basis.RULE for one in pack.elements}
    return NoticeForm(
        said=tuple(
            SaidField(element, label(element, Language.EN), by_rule, "\n\n".join(notice.said(element)))
            for element, by_rule in asked.items()
            if element in SAID or (element is Element.LOCATION)
        ),
        confirm=tuple(
            ConfirmField(
                element, label(element, Language.EN), by_rule, sentences.get(element, ""), element in notice.confirmed
            )
            for element, by_rule in asked.items()
            if element in CONFIRMED
        ),
        signed=Element.SIGNATURE in asked,
        contact=Element.CONTACT in asked or Element.NAME_AND_EMAIL in asked,
        full_contact=Element.CONTACT in asked,
        may_be_anonymous=award is None and any(one.unless is Waiver.OFFENCE_AGAINST_MINOR for one in pack.elements),
        says_claim=bool({Addition.CLAIM, Addition.TRANSPARENCY} & letter.adds),
        says_circumstances=Addition.CIRCUMSTANCES in letter.adds,
        informed=pack.clock is not None and pack.clock.start is ClockStart.INFORMED,
    )


def read_notice(
    form: Mapping[str, list[str]], before: Notice, pack: RulePack, zone: ZoneInfo, award: Award | None
) -> Notice:
    """The notice that the form says. Raises InvalidInput ``choice_invalid``, ``moment_invalid``, ``day_invalid``; what no notice
    may carry is refused by the command."""
    shape = form_for(before, pack, award)
    minor = "minor" in form
    offence = shape.may_be_anonymous and minor and "offence" in form
    return replace(
        before,
        language=chosen(form, "language", Language),
        addressee=one(form, "addressee"),
        to=_text(form, "to"),
        urls=tuple(dict.fromkeys(one(form, "urls").split())),
        statements=tuple(
            Statement(field.element, text)
            for field in shape.said
            if (text := _text(form, f"said-{field.element.value}"))
        ),
        confirmed=tuple(field.element for field in shape.confirm if f"confirm-{field.element.value}" in form),
        signature=_signature(form) if shape.signed else None,
        contact=_contact(form) if shape.contact else before.contact,
        shows_minor=minor,
        offence_against_minor=offence,
        anonymous=shape.may_be_anonymous and minor and "anonymous" in form,
        claim=chosen(form, "claim", Claim) if shape.says_claim else before.claim,
        circumstances=tuple(one for one in Circumstance if f"circumstance-{one.value}" in form),
        informed_at=moment(form, "informed_at", zone) if one(form, "informed_at") else None,
    )


def moment(form: Mapping[str, list[str]], name: str, zone: ZoneInfo, *, latest: bool = False) -> datetime:
    """A day and hour in the hub's time zone, as UTC. Of an hour that comes twice in a night the first, or with ``latest`` the
    second: a clock that starts there then never ends too early.

    Raises InvalidInput ``moment_invalid``.
    """
    try:
        typed = datetime.fromisoformat(one(form, name))
    except ValueError as error:
        raise InvalidInput("moment_invalid", "Give the day and the hour.") from error
    if typed.tzinfo:
        return typed.astimezone(UTC)
    moments = [typed.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return max(moments) if latest else min(moments)


def chosen(form: Mapping[str, list[str]], name: str, kind: type[ChoiceT]) -> ChoiceT:
    """Raises InvalidInput ``choice_invalid``."""
    try:
        return kind(one(form, name))
    except ValueError as error:
        raise InvalidInput("choice_invalid", "Choose one of what the form offers.") from error


def _signature(form: Mapping[str, list[str]]) -> Signature | None:
    if one(form, "capacity") in ("", _UNSIGNED):
        return None
    capacity = chosen(form, "capacity", Capacity)
    try:
        day = date.fromisoformat(one(form, "signed_on"))
    except ValueError as error:
        raise InvalidInput("day_invalid", "Give the day of the signature.") from error
    behalf = one(form, "on_behalf_of") if capacity is Capacity.AGENT else ""
    return Signature(one(form, "signer"), capacity, day, behalf)


def _contact(form: Mapping[str, list[str]]) -> Contact | None:
    contact = Contact(
        one(form, "contact-name"), one(form, "contact-email"), one(form, "contact-phone"), _text(form, "contact-post")
    )
    return None if contact == Contact() else contact


def _text(form: Mapping[str, list[str]], name: str) -> str:
    return one(form, name).replace("\r\n", "\n")
