"""People's words: kept sealed, read with the case code or a key of the desk's, corrected, erased.

The person's commands stand here; ``desk_words`` has the desk's, each of which says who reads and why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from amparo.case import machine
from amparo.case.code import CaseCode, CodeKeys
from amparo.case.linking import terms_of
from amparo.case.machine import Noted
from amparo.case.people import Author, WordsKind
from amparo.core.errors import InvalidInput, NotFound, Unavailable
from amparo.core.ids import WordsId, random_id
from amparo.hub.context import Hub
from amparo.hub.desk_keys import wrap_to_desk
from amparo.hub.vault import OpenedCase, WordsKey
from amparo.store import Transaction
from amparo.store.words.protocol import SealedWords

LONGEST_WORDS: Final = 4000
WORDS_AT_ONCE: Final = 50
_LINE_ENDS: Final = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_JOINERS: Final = frozenset({"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))})
"""What joins letters, or parts of an emoji, into one sign; the last are the letters in the flags of England and others."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into one field."""

    kind: WordsKind
    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words, opened, with what the case's history says of them."""

    noted: Noted
    text: str


def note(hub: Hub, code: CaseCode, typed: Sequence[Typed]) -> None:
    """Keep what the person typed; the desk sees that something waits. When this returns, it is on disk.

    Raises NotFound ``case_unknown``, InvalidInput ``words_invalid``, ``words_many``.
    """
    _note(hub, hub.keys_of(code), typed)


def _note(hub: Hub, keys: CodeKeys, typed: Sequence[Typed]) -> None:
    now = hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        noted = put_words(hub, transaction, words_key(opened, keys), typed)
        opened.append(transaction, machine.note_words(opened.state, now, Author.PERSON, noted))
        transaction.queue.set_waits(opened.state.id, True)


def note_new(hub: Hub, code: CaseCode, typed: Sequence[Typed]) -> None:
    """As ``note``, less what is empty or was the newest of its kind already: sending a page twice says it once."""
    typed = [one for one in typed if as_kept(one.text)]
    if not typed:
        return
    keys = hub.keys_of(code)
    with hub.store.read() as transaction:
        said = open_words(transaction, OpenedCase.by_tag(transaction, keys.tag, hub.vault), keys)
    newest = {one.noted.kind: one.text for one in said if one.noted.author is Author.PERSON}
    fresh = [one for one in typed if newest.get(one.kind) != as_kept(one.text)]
    if fresh:
        _note(hub, keys, fresh)


def correct(hub: Hub, code: CaseCode, words: WordsId, text: str) -> None:
    """Put other words in their place; the earlier ones are gone from the disk when this returns.

    Raises NotFound ``case_unknown``, ``words_unknown``, InvalidInput ``words_invalid``.
    """
    keys, now = hub.keys_of(code), hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        events = machine.correct_words(opened.state, now, Author.PERSON, words)
        kind = opened.state.note(words).kind
        transaction.words.put(
            opened.state.id, [_sealed(hub, words_key(opened, keys), words, Typed(kind, _checked(text)))]
        )
        opened.append(transaction, events)
        transaction.queue.set_waits(opened.state.id, True)
    with suppress(Unavailable):
        hub.store.scrub()


def erase(hub: Hub, code: CaseCode, words: WordsId) -> None:
    """Forget what the person once typed. When this returns, it is off the disk; erasing it again changes nothing.

    Raises NotFound ``case_unknown``.
    """
    keys, now = hub.keys_of(code), hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        try:
            events = machine.erase_words(opened.state, now, Author.PERSON, words)
        except NotFound:
            return
        transaction.words.erase(words)
        opened.append(transaction, events)
    with suppress(Unavailable):
        hub.store.scrub()


def words_key(opened: OpenedCase, keys: CodeKeys) -> WordsKey:
    """Raises IntegrityViolation ``seal_broken``."""
    return WordsKey.by_code(opened.state.id, keys, opened.record.words_wrap)


def open_words(transaction: Transaction, opened: OpenedCase, keys: CodeKeys) -> tuple[Spoken, ...]:
    """Everything that was typed, by the case code, oldest first."""
    return opened_with(transaction, opened, words_key(opened, keys))


def opened_with(transaction: Transaction, opened: OpenedCase, key: WordsKey) -> tuple[Spoken, ...]:
    sealed = transaction.words.sealed(opened.state.id)
    return tuple(Spoken(noted, key.open(noted.words, sealed[noted.words])) for noted in opened.state.notes)


def put_words(
    hub: Hub, transaction: Transaction, key: WordsKey, typed: Sequence[Typed]
) -> list[tuple[WordsId, WordsKind]]:
    """Store new words of a case sealed; fields left empty are left out. Raises InvalidInput ``words_invalid``."""
    if len(typed) > WORDS_AT_ONCE:
        raise InvalidInput("words_invalid", f"At most {WORDS_AT_ONCE} fields at a time.")
    kept = [(WordsId(random_id()), Typed(one.kind, _checked(one.text))) for one in typed if as_kept(one.text)]
    transaction.words.put(key.case, [_sealed(hub, key, words, one) for words, one in kept])
    return [(words, one.kind) for words, one in kept]


def heal(hub: Hub, opened: OpenedCase, keys: CodeKeys) -> None:
    """Wrap the words to keys of the desk that came after a lost one. Nothing happens in all other cases."""
    with hub.store.read() as transaction:
        there = transaction.words.wraps(opened.state.id)
        current = {record.id for record in transaction.words.desk_keys() if record.retired_at is None}
    if current <= there.keys():
        return
    with hub.store.write() as transaction:
        # Withdrawn meanwhile: then there is nothing to wrap.
        if transaction.case(opened.state.id) is not None:
            wrap_to_desk(transaction, words_key(opened, keys))


def _sealed(hub: Hub, key: WordsKey, words: WordsId, typed: Typed) -> SealedWords:
    tags = tuple(hub.vault.term_tag(term) for term in terms_of(typed.kind, typed.text))
    return SealedWords(words, key.seal(words, typed.text), tags)


def as_kept(text: str) -> str:
    """What is kept of what somebody typed or pasted; "" where nothing is there to be read.

    Lines end with one sign, every other space is a plain one, and what nobody sees is left out: marks of direction before a
    pasted name, soft hyphens, control signs. Emoji stay whole, those too that are younger than this Python.
    """
    lines = _LINE_ENDS.sub("\n", text)
    return "".join(letter if letter == "\n" else _seen(letter) for letter in lines).strip()


def too_long(text: str) -> bool:
    """Whether it is refused for its length, which is the only reason there is."""
    return len(as_kept(text)) > LONGEST_WORDS


def _seen(letter: str) -> str:
    match unicodedata.category(letter):
        case "Zs":
            return " "
        case "Cc":
            return " " if letter == "\t" else ""
        case "Cf" | "Cs":
            return letter if letter in _JOINERS else ""
        case _:
            return letter


def _checked(text: str) -> str:
    text = as_kept(text)
    if not text or len(text) > LONGEST_WORDS:
        raise InvalidInput("words_invalid", f"Words of 1 to {LONGEST_WORDS:,} letters can be kept here.")
    return text
