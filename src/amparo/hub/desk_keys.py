"""The desk's keys: whoever has one reads people's words; the hub seals to their public halves and needs no more.

The private halves lie in ``desk.key``, one a line, the newest first. Where that file is elsewhere, this hub still works: it
protects, stops, sends and counts, and the desk says that it is locked. A lost key is replaced by a new one; a case is wrapped
to it as soon as its person opens the case with the code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from amparo.core.errors import IntegrityViolation, Unavailable
from amparo.core.ids import CaseId
from amparo.core.keys import new_bearer_secret, write_private
from amparo.core.recipient import recipient_key
from amparo.hub.vault import WordsKey
from amparo.store import Store, Transaction
from amparo.store.words.protocol import DeskKeyRecord

DESK_KEY_FILE: Final = "desk.key"
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, repr=False)
class DeskKeys:
    """secrets: private halves by id, the newest first; empty while the desk is locked."""

    secrets: Mapping[str, str]

    @property
    def locked(self) -> bool:
        return not self.secrets

    def open(self, transaction: Transaction, case: CaseId) -> WordsKey:
        """The key of a case's words. Raises Unavailable ``desk_locked`` or ``words_not_wrapped``."""
        if self.locked:
            raise Unavailable("desk_locked", "The desk's key is not here. Start the hub with its file.", retry_after=60)
        for key, wrap in transaction.words.wraps(case).items():
            if key in self.secrets:
                return WordsKey.by_desk(case, self.secrets[key], wrap)
        raise Unavailable(
            "words_not_wrapped",
            "These words were sealed to a key that is lost. They open again when the person uses the case code.",
            retry_after=3600,
        )


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:32]


def load(file: Path, store: Store, now: datetime) -> DeskKeys:
    """The keys in ``file``; the first one is made where the hub has none yet. When this returns, it is on disk.

    Raises IntegrityViolation ``desk_key_invalid`` for a file that holds something else.
    """
    with store.read() as transaction:
        known = transaction.words.desk_keys()
    if not file.exists():
        return DeskKeys({}) if known else _first(file, store, now)
    held = _read(file)
    # A crash between the file and the database: the file came first, and is told again.
    _announce(store, held, {record.id for record in known}, now)
    with store.read() as transaction:
        retired = {record.id for record in transaction.words.desk_keys() if record.retired_at is not None}
    return DeskKeys({key: secret for key, secret in held.items() if key not in retired})


def renew(file: Path, store: Store, now: datetime) -> DeskKeys:
    """A new key in front of the others. What the older ones open is wrapped to the new one, then they are retired.

    With the older private halves in ``file``, every case is wrapped at once. Without (a lost key), each case is when its
    person next opens it by code. Safe to repeat after a crash: nothing is retired before all that can be is wrapped anew.
    """
    held = _read(file) if file.exists() else {}
    secret = new_bearer_secret()
    fresh = key_id(recipient_key(secret))
    held = {fresh: secret, **held}
    write_private(file, "\n".join(held.values()).encode() + b"\n")
    with store.read() as transaction:
        known = {record.id for record in transaction.words.desk_keys()}
    _announce(store, held, known, now)
    _wrap_all(store, DeskKeys(held), fresh)
    with store.write() as transaction:
        for record in transaction.words.desk_keys():
            if record.id != fresh and record.retired_at is None:
                transaction.words.retire_desk_key(record.id, now)
    store.scrub()
    write_private(file, secret.encode() + b"\n")
    return DeskKeys({fresh: secret})


def wrap_to_desk(transaction: Transaction, key: WordsKey) -> None:
    """Wrap the key of a case's words to every key of the desk that is in use and has no wrap of it yet."""
    there = transaction.words.wraps(key.case)
    missing = [r for r in transaction.words.desk_keys() if r.retired_at is None and r.id not in there]
    transaction.words.wrap(key.case, {record.id: key.wrapped_to_desk(record.public) for record in missing})


def _wrap_all(store: Store, keys: DeskKeys, fresh: str) -> None:
    """In steps, so that no one waits for long; those that no key opens are left to their codes."""
    hopeless: set[CaseId] = set()
    while True:
        with store.write() as transaction:
            found = transaction.words.unwrapped(fresh, _AT_ONCE + len(hopeless))
            todo = [case for case in found if case not in hopeless]
            for case in todo:
                try:
                    wrap_to_desk(transaction, keys.open(transaction, case))
                except Unavailable:
                    hopeless.add(case)
        if not todo:
            return


def _first(file: Path, store: Store, now: datetime) -> DeskKeys:
    secret = new_bearer_secret()
    write_private(file, secret.encode() + b"\n")
    held = _read(file)
    _announce(store, held, set(), now)
    return DeskKeys(held)


def _announce(store: Store, held: Mapping[str, str], known: set[str], now: datetime) -> None:
    fresh = [key for key in held if key not in known]
    if not fresh:
        return
    with store.write() as transaction:
        there = {record.id for record in transaction.words.desk_keys()}
        for key in fresh:
            if key not in there:
                transaction.words.add_desk_key(DeskKeyRecord(key, recipient_key(held[key]), now))


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityViolation("desk_key_invalid", "The desk's key file could not be read.") from error
    if not lines or any(len(line) != len(new_bearer_secret()) for line in lines):
        raise IntegrityViolation("desk_key_invalid", "The desk's key file holds something else.", detail=file.name)
    return {key_id(recipient_key(line)): line for line in lines}
