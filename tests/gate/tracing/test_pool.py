"""The pool of registered photos while the feed changes it: what came is found, what went is not, at once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from amparo.bank import TombstoneReason
from amparo.core.ids import EntryId, random_id
from amparo.exchange.native import FeedPage, Tombstone, TraceAddition
from amparo.gate.replica import Applied, HeldTrace
from amparo.gate.runtime import GateRuntime
from amparo.gate.tracing import pool as pool_module
from amparo.gate.tracing.pool import TracePool
from amparo.index.trace import background
from amparo.signal import trace
from amparo.signal.trace import QueryRecord, TraceRecord, codec
from amparo.signal.trace.permutation import order_of, permuted
from tests import altered
from tests.gate.feeding import new_gate

ORDER = order_of(b"a key of a partner's own")


@cache
def record(seed: int) -> TraceRecord:
    return altered.record(seed)


@cache
def query(seed: int) -> QueryRecord:
    return trace.query(altered.altered(seed))


class Fed:
    """A gate whose pool is changed by pages, as its follower does."""

    def __init__(self, gate: GateRuntime) -> None:
        self.gate = gate
        self.pool = TracePool(gate.replica)

    def add(self, seed: int, *, whole: bool = False) -> EntryId:
        entry, expires = EntryId(random_id()), self.gate.clock.now() + timedelta(days=30)
        rows = sorted(row.tobytes() for row in permuted(record(seed).descriptors, ORDER))
        descriptors, kept = (b"", codec.encode(record(seed))) if whole else (b"".join(rows), b"")
        self._apply(TraceAddition(self._next(), entry, descriptors, expires, kept))
        return entry

    def remove(self, entry: EntryId) -> None:
        self._apply(Tombstone(self._next(), entry, TombstoneReason.WITHDRAWN))

    def finds(self, seed: int) -> bool:
        found = self.pool.candidates(query(seed), 16)
        return bool(found) and found[0].score > 1

    def _next(self) -> int:
        standing = self.gate.replica.standing()
        assert standing is not None
        return standing.cursor + 1

    def _apply(self, change: TraceAddition | Tombstone) -> None:
        card, at = self.gate.card, change.sequence
        page = FeedPage(
            card.verify_key.hub_id, card.partner, at - 1, at, at, secrets.token_hex(16), self.gate.clock.now(),
            (change,), bytes(ORDER),
        )  # fmt: skip
        self.pool.follow(self.gate.engine.apply(lambda: self.gate.replica.apply(page)))


@pytest.fixture
def fed(gate: GateRuntime) -> Fed:
    return Fed(gate)


@pytest.mark.parametrize("whole", [False, True])
def test_a_photo_is_found_from_the_page_that_brought_it_to_the_one_that_took_it(fed: Fed, whole: bool) -> None:
    assert not fed.finds(1)
    entry = fed.add(1, whole=whole)
    assert fed.finds(1)
    assert not fed.finds(2)
    fed.add(2)
    assert fed.finds(1)
    assert fed.finds(2)
    fed.remove(entry)
    assert not fed.finds(1)
    assert fed.finds(2)
    assert len(fed.pool) == 1


def test_the_pool_is_the_same_after_it_is_built_anew(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_FEW", 2)
    entries = [fed.add(seed) for seed in (1, 2, 3, 4)]
    fed.remove(entries[0])
    assert [fed.finds(seed) for seed in (1, 2, 3, 4)] == [False, True, True, True]
    for entry in entries[1:3]:
        fed.remove(entry)
    again = TracePool(fed.gate.replica)
    for pool in (fed.pool, again):
        assert [bool(pool.candidates(query(seed), 16)) and True for seed in (4,)] == [True]
        assert len(pool) == 1
    assert [one.photo for one in again.candidates(query(4), 1)] == [
        one.photo for one in fed.pool.candidates(query(4), 1)
    ]
    assert not any(fed.finds(seed) for seed in (1, 2, 3))


def test_an_entry_that_is_added_again_replaces_itself(fed: Fed) -> None:
    entry = fed.add(1)
    numbers = [held.number for held in fed.gate.replica.held_traces()]
    expires = fed.gate.clock.now() + timedelta(days=30)
    again = TraceAddition(fed._next(), entry, b"", expires, codec.encode(record(2)))  # pyright: ignore[reportPrivateUsage]
    fed._apply(again)  # pyright: ignore[reportPrivateUsage]
    assert not fed.finds(1)
    assert fed.finds(2)
    assert [held.number for held in fed.gate.replica.held_traces()] != numbers
    assert len(fed.pool) == 1


def test_what_the_disk_holds_is_sealed(fed: Fed, tmp_path: Path) -> None:
    fed.add(1)
    fed.add(2, whole=True)
    fed.gate.replica.close()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "gate").iterdir() if path.is_file())
    told = permuted(record(1).descriptors, ORDER)
    assert not any(row.tobytes() in raw for row in np.concatenate((told, record(2).descriptors)))
    # So that the fixture can stop the gate.
    fed.gate.replica = new_gate(tmp_path / "another").replica


def test_what_very_many_photos_have_says_little_in_a_pool_of_one(fed: Fed) -> None:
    """As it would among 50,000: the background is in the order of this gate's bits, as the photo is."""
    common = background.shipped()[:256]
    rows = sorted(row.tobytes() for row in permuted(common, ORDER))
    expires = fed.gate.clock.now() + timedelta(days=30)
    fed._apply(TraceAddition(fed._next(), EntryId(random_id()), b"".join(rows), expires, b""))  # pyright: ignore[reportPrivateUsage]
    (found,) = fed.pool.candidates(replace(query(1), descriptors=common, mirrored=common), 16)
    assert found.votes > 200
    assert found.score < 0.05 * found.votes


def test_an_upload_without_keypoints_finds_nothing(fed: Fed) -> None:
    fed.add(1)
    flat = trace.query(altered.file_of(np.full((200, 200, 3), 128, np.uint8)))
    assert fed.pool.candidates(flat, 16) == []


def test_a_change_that_the_pool_could_not_take_in_is_made_good_by_the_next(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = fed.add(1)
    with monkeypatch.context() as broken:
        broken.setattr(pool_module, "_index_of", _no_memory)
        for change in (lambda: fed.add(2), lambda: fed.remove(gone), lambda: fed.pool.follow(Applied((), ()))):
            with pytest.raises(MemoryError):
                change()
    fed.pool.follow(Applied((), ()))
    assert [fed.finds(seed) for seed in (1, 2)] == [False, True]
    assert len(fed.pool) == 1


def _no_memory(*_: object) -> None:
    raise MemoryError


def test_what_came_since_is_found_while_the_large_index_is_built_anew(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_FEW", 2)
    gone = fed.add(1)
    fed.pool = TracePool(fed.gate.replica)
    fed.add(2)
    fed.add(3)
    seen: list[list[bool]] = []
    rebuilt = TracePool._rebuilt  # pyright: ignore[reportPrivateUsage]

    def looking(pool: TracePool) -> object:
        seen.append([fed.finds(seed) for seed in (1, 2, 3, 4)])
        return rebuilt(pool)

    monkeypatch.setattr(TracePool, "_rebuilt", looking)
    fed.add(4)
    assert seen == [[True, True, True, True]]
    for entry in (gone, fed.add(5)):
        fed.remove(entry)
    assert [fed.finds(seed) for seed in (1, 2, 3, 4, 5)] == [False, True, True, True, False]


def test_many_photos_are_read_beside_the_start(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_FEW", 1)
    for seed in (1, 2):
        fed.add(seed)
    begun, go_on = threading.Event(), threading.Event()
    held = fed.gate.replica.held_traces

    def slowly() -> Iterator[HeldTrace]:
        begun.set()
        assert go_on.wait(60)
        return held()

    monkeypatch.setattr(fed.gate.replica, "held_traces", slowly)
    fed.pool = TracePool(fed.gate.replica)
    assert begun.wait(60)
    assert fed.pool.loading
    assert len(fed.pool) == 2
    assert not fed.finds(1)
    go_on.set()
    joined = fed.pool._loader  # pyright: ignore[reportPrivateUsage]
    joined.join(60)
    assert not fed.pool.loading
    assert fed.finds(1)
    fed.pool.close()


def test_photos_that_could_not_be_read_at_the_start_are_read_with_the_next_page(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_FEW", 1)
    for seed in (1, 2):
        fed.add(seed)
    with monkeypatch.context() as broken:
        broken.setattr(pool_module, "_index_of", _no_memory)
        fed.pool = TracePool(fed.gate.replica)
        fed.pool._loader.join(60)  # pyright: ignore[reportPrivateUsage]
    assert fed.pool.loading
    fed.pool.follow(Applied((), ()))
    assert not fed.pool.loading
    assert fed.finds(1)


def test_a_gate_that_stops_while_it_reads_photos_reads_no_further(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_FEW", 1)
    for seed in (1, 2):
        fed.add(seed)
    begun, read = threading.Event(), list(fed.gate.replica.held_traces())
    taken: list[int] = []

    def endless() -> Iterator[HeldTrace]:
        while True:
            begun.set()
            taken.append(1)
            yield read[0]

    monkeypatch.setattr(fed.gate.replica, "held_traces", endless)
    fed.pool = TracePool(fed.gate.replica)
    assert begun.wait(60)
    fed.pool.close()
    many = len(taken)
    assert fed.pool.loading
    assert len(taken) == many
