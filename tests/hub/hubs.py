"""Hubs over real SQLite files, with a clock that is moved by hand."""

from __future__ import annotations

import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from amparo.case.code import CaseCode
from amparo.core.clock import SteppedClock
from amparo.core.ids import EntryId, PartnerId
from amparo.exchange.native import Addition, Tombstone, decode_page
from amparo.exchange.native.page import TraceAddition
from amparo.hub.commands import partners
from amparo.hub.context import DATABASE_FILE, Hub, HubSettings
from amparo.hub.vault import Vault
from amparo.signal.fingerprint import Pdq
from amparo.store import open_sqlite

NONCE = "0123456789abcdef0123456789abcdef"


def fingerprints(count: int, seed: int = 0) -> list[Pdq]:
    """Random values, hence about 128 bits from each other."""
    random = np.random.default_rng(seed)
    return [Pdq(random.bytes(32), 80) for _ in range(count)]


def near(fingerprint: Pdq, bits: int) -> Pdq:
    """Another fingerprint so many bits away."""
    return Pdq((int.from_bytes(fingerprint.value) ^ ((1 << bits) - 1)).to_bytes(32), fingerprint.quality)


@cache
def _migrated() -> bytes:
    """The file of a database through all migrations. They take five times as long as opening it does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE_FILE
        open_sqlite(path).close()
        return path.read_bytes()


def new_database(path: Path) -> Path:
    """An empty store's file at ``path``, as the first ``open_sqlite`` would leave it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(_migrated())
    return path


def new_folder(folder: Path) -> Path:
    """A hub's data folder as a first start leaves it, or what is there already."""
    if not Vault.exists(folder) and not (folder / DATABASE_FILE).exists():
        Vault.open(folder)
        new_database(folder / DATABASE_FILE)
    return folder


def open_hub(folder: Path, settings: HubSettings | None = None) -> tuple[Hub, SteppedClock]:
    clock = SteppedClock()
    return Hub.open(new_folder(folder), settings or HubSettings(canaries=0), clock), clock


def pseudonym(hub: Hub, partner: PartnerId, entry: EntryId) -> EntryId:
    """Under which this partner knows an entry."""
    return EntryId(hub.vault.entries_for(partner).of([entry])[0])


def told(
    hub: Hub, partner: PartnerId, after: int = 0, limit: int = 1000
) -> tuple[Addition | TraceAddition | Tombstone, ...]:
    """What the feed tells a partner behind ``after``."""
    return decode_page(partners.feed_page(hub, partner, after, limit, NONCE))[0].changes


def code_pairs(code: CaseCode) -> set[str]:
    """Two words of a code that stand together, in every way in which they may be written side by side: to search for what gives a
    code away. One word alone may stand in any text, since it is a word."""
    return {f"{first}{gap}{then}" for first, then in pairwise(code.words) for gap in (" ", "", "-", "+", "_", "%20")}
