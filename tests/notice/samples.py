"""Notices and packs that the tests of this room share. Everything in them is made up."""

from dataclasses import replace
from datetime import UTC, date, datetime

from amparo.notice.content import CONFIRMED, SAID, Capacity, Contact, Notice, NoticeId, Signature, Statement
from amparo.notice.letter import has_letter
from amparo.notice.pack import Language, RulePack, load_packs

ID = NoticeId("0f" * 16)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PACKS = load_packs()
WITH_LETTER = [pack.id for pack in PACKS if has_letter(pack)]


def pack(name: str) -> RulePack:
    return PACKS.get(name)


def complete(name: str, language: Language = Language.EN) -> Notice:
    """A notice that lacks nothing, whatever its pack."""
    return Notice(
        id=ID,
        pack=name,
        language=language,
        addressee="Example Platform",
        urls=("https://example.org/photo/1", "https://example.org/photo/2?view=full"),
        statements=tuple(Statement(element, f"My words about {element}.") for element in sorted(SAID)),
        confirmed=tuple(sorted(CONFIRMED)),
        signature=Signature("Ana Ejemplo", Capacity.PERSON, date(2026, 3, 1)),
        contact=Contact("Ana Ejemplo", "ana@example.org", "555 0100", "1 Example Street\n00000 Exampletown"),
        to="legal@platform.example.com",
        informed_at=START,
    )


def without_sender(notice: Notice) -> Notice:
    return replace(notice, signature=None, contact=None)
