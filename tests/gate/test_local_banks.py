from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from amparo.bank.famous import Fingerprints
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, InvalidInput
from amparo.core.keys import new_key
from amparo.gate.local_banks import PDQ, VIDEO_MD5, About, Bank, LocalBanks
from amparo.gate.numbered import NumberedIndex

KEY = new_key()
VALUES = [bytes(np.random.default_rng(seed).integers(0, 256, 32, dtype=np.uint8)) for seed in range(8)]


@pytest.fixture
def banks(tmp_path: Path) -> Generator[LocalBanks]:
    made = LocalBanks(tmp_path, KEY, SteppedClock())
    yield made
    made.close()


def found(banks: LocalBanks, value: bytes) -> list[tuple[int, int]]:
    return [(near.number, near.distance) for near in banks.near(value, 31)]


def test_content_matches_as_soon_as_it_is_added_and_no_more_once_deleted(banks: LocalBanks) -> None:
    banks.create_bank("ONE")
    first = banks.add_content("ONE", {PDQ: VALUES[0].hex()})
    second = banks.add_content("ONE", {PDQ: VALUES[1].hex()})
    assert (first, second) == (1, 2)
    assert found(banks, VALUES[0]) == [(1, 0)]
    assert banks.delete_content("ONE", 1)
    assert found(banks, VALUES[0]) == []
    assert found(banks, VALUES[1]) == [(2, 0)]
    assert not banks.delete_content("ONE", 1)


def test_everything_is_there_after_a_restart_under_the_same_ids(tmp_path: Path) -> None:
    banks = LocalBanks(tmp_path, KEY, SteppedClock())
    banks.create_bank("ONE")
    banks.create_bank("TWO", 0.5)
    for value in VALUES[:3]:
        banks.add_content("ONE", {PDQ: value.hex()})
    banks.delete_content("ONE", 2)
    banks.add_content("TWO", {VIDEO_MD5: "ab" * 16}, About("a note", "https://example.org/1", {"content_id": "x"}))
    banks.close()
    again = LocalBanks(tmp_path, KEY, SteppedClock())
    assert again.banks() == (Bank("ONE"), Bank("TWO", 0.5))
    assert [found(again, value) for value in VALUES[:3]] == [[(1, 0)], [], [(3, 0)]]
    assert again.content("TWO", 4).about == About("a note", "https://example.org/1", {"content_id": "x"})
    assert again.same(VIDEO_MD5, "ab" * 16) == [4]
    assert again.add_content("ONE", {PDQ: VALUES[5].hex()}) == 5
    again.close()


def test_a_long_list_comes_in_parts_each_of_which_is_matched_once_it_is_on_disk(
    banks: LocalBanks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amparo.gate.local_banks._ADDED_AT_ONCE", 3)
    banks.create_bank("ONE")
    parts: list[list[int]] = []
    real = NumberedIndex.add

    def add(index: NumberedIndex, numbers: Sequence[int], values: bytes) -> None:
        parts.append(list(numbers))
        real(index, numbers, values)

    with monkeypatch.context() as watched:
        watched.setattr(NumberedIndex, "add", add)
        banks.add_fingerprints("ONE", [value.hex() for value in VALUES[:5]])
    assert parts == [[1, 2, 3], [4, 5]]
    assert [found(banks, value) for value in VALUES[:6]] == [[(1, 0)], [(2, 0)], [(3, 0)], [(4, 0)], [(5, 0)], []]


def test_others_use_the_banks_between_the_parts_of_a_long_list(
    banks: LocalBanks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amparo.gate.local_banks._ADDED_AT_ONCE", 2)
    banks.create_bank("ONE")
    asked: list[bool] = []
    real = LocalBanks._seal  # pyright: ignore[reportPrivateUsage]

    def seal(self: LocalBanks, text: str) -> bytes:
        # Nobody holds the banks while fingerprints are sealed: another thread gets them.
        other = threading.Thread(target=lambda: asked.append(banks.delete_bank("NOBODY")))
        other.start()
        other.join(20)
        return real(self, text)

    with monkeypatch.context() as watched:
        watched.setattr(LocalBanks, "_seal", seal)
        banks.add_fingerprints("ONE", [value.hex() for value in VALUES[:5]])
    assert asked == [False] * 6
    assert banks.count_in("ONE") == 5


FAMOUS = Fingerprints([VALUES[0], VALUES[1]])


def altered(value: bytes, bits: int) -> bytes:
    return (int.from_bytes(value) ^ ((1 << bits) - 1)).to_bytes(32)


def test_what_is_near_a_famous_picture_cannot_be_banked_by_hand(tmp_path: Path) -> None:
    with closing(LocalBanks(tmp_path, KEY, SteppedClock(), FAMOUS)) as banks:
        banks.create_bank("ONE")
        for value in (VALUES[0], altered(VALUES[1], 31)):
            with pytest.raises(InvalidInput) as caught:
                banks.add_content("ONE", {PDQ: value.hex()})
            assert caught.value.code == "picture_famous"
        number = banks.add_content("ONE", {PDQ: altered(VALUES[1], 32).hex()})
        assert number == banks.count_in("ONE") == 1
        assert banks.left_out == 0


def test_what_a_source_brings_of_a_famous_picture_is_kept_counted_and_matches_nothing(tmp_path: Path) -> None:
    near = altered(VALUES[0], 31)
    with closing(LocalBanks(tmp_path, KEY, SteppedClock(), FAMOUS)) as banks:
        banks.create_bank("ONE")
        banks.add_fingerprints("ONE", [value.hex() for value in (VALUES[2], near, VALUES[3], VALUES[1])])
        assert [found(banks, value) for value in (VALUES[2], near, VALUES[0], VALUES[3], VALUES[1])] == [
            [(1, 0)], [], [], [(3, 0)], [],
        ]  # fmt: skip
        assert (banks.left_out, banks.count_in("ONE")) == (2, 4)
        assert banks.delete_content("ONE", 2)
        assert (banks.left_out, banks.count_in("ONE")) == (1, 3)
        assert banks.delete_bank("ONE")
        assert (banks.left_out, len(banks)) == (0, 0)


def test_a_list_of_famous_pictures_counts_for_what_was_banked_before(tmp_path: Path) -> None:
    with closing(LocalBanks(tmp_path, KEY, SteppedClock())) as banks:
        banks.create_bank("ONE")
        banks.add_fingerprints("ONE", [value.hex() for value in VALUES[:3]])
    with closing(LocalBanks(tmp_path, KEY, SteppedClock(), FAMOUS)) as banks:
        assert [found(banks, value) for value in VALUES[:3]] == [[], [], [(3, 0)]]
        assert banks.left_out == 2
    with closing(LocalBanks(tmp_path, KEY, SteppedClock())) as banks:
        assert [found(banks, value) for value in VALUES[:3]] == [[(1, 0)], [(2, 0)], [(3, 0)]]


def test_an_id_is_never_given_twice(banks: LocalBanks) -> None:
    banks.create_bank("ONE")
    banks.add_content("ONE", {PDQ: VALUES[0].hex()})
    banks.delete_content("ONE", 1)
    assert banks.add_content("ONE", {PDQ: VALUES[0].hex()}) == 2


def test_a_content_is_not_found_under_another_bank(banks: LocalBanks) -> None:
    banks.create_bank("ONE")
    banks.create_bank("TWO")
    banks.add_content("ONE", {PDQ: VALUES[0].hex()})
    with pytest.raises(AmparoError) as caught:
        banks.content("TWO", 1)
    assert caught.value.code == "content_unknown"
    assert not banks.delete_content("TWO", 1)
    assert found(banks, VALUES[0]) == [(1, 0)]


def test_deleting_a_bank_takes_its_contents_along_and_no_others(banks: LocalBanks) -> None:
    banks.create_bank("ONE")
    banks.create_bank("TWO")
    banks.add_content("ONE", {PDQ: VALUES[0].hex(), VIDEO_MD5: "cd" * 16})
    banks.add_content("TWO", {PDQ: VALUES[1].hex()})
    assert banks.delete_bank("ONE")
    assert not banks.delete_bank("ONE")
    assert found(banks, VALUES[0]) == []
    assert banks.same(VIDEO_MD5, "cd" * 16) == []
    assert found(banks, VALUES[1]) == [(2, 0)]


def test_nothing_readable_is_on_disk(tmp_path: Path) -> None:
    banks = LocalBanks(tmp_path, KEY, SteppedClock())
    banks.create_bank("ONE")
    banks.add_content("ONE", {PDQ: VALUES[0].hex()}, About(note="only for curators"))
    banks.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert VALUES[0] not in written
    assert VALUES[0].hex().encode() not in written
    assert b"only for curators" not in written


@pytest.mark.parametrize(
    ("kind", "value"), [("pdq", "ab"), ("pdq", "g" * 64), ("video_md5", "a" * 64), ("text", "a" * 64), ("pdq", 7)]
)
def test_what_is_no_fingerprint_is_refused_and_changes_nothing(banks: LocalBanks, kind: str, value: str) -> None:
    banks.create_bank("ONE")
    with pytest.raises(AmparoError):
        banks.add_content("ONE", {kind: value})
    assert banks.add_content("ONE", {PDQ: VALUES[0].hex()}) == 1


@pytest.mark.parametrize("name", ["", "one", "1ONE", "ONE TWO", "ÖNE", "A" * 300, "ONE\n"])
def test_a_bank_is_named_in_capitals(banks: LocalBanks, name: str) -> None:
    with pytest.raises(AmparoError) as caught:
        banks.create_bank(name)
    assert caught.value.code == "bank_name_invalid"
