"""Photos are told to be alike by their descriptors, whatever else a record says, while photos come and go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amparo.core.ids import EntryId
from amparo.hub.likeness import IN_COMMON, Likeness, in_common

ONE, TWO, THREE = EntryId("1" * 32), EntryId("2" * 32), EntryId("3" * 32)


def descriptors(seed: int, count: int = 256) -> NDArray[np.uint8]:
    """Random ones, hence about 64 bits from each other."""
    return np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)


def turned(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """So many bits of each, drawn at random."""
    random = np.random.default_rng(7)
    each = np.unpackbits(rows, axis=1)
    for row in each:
        row[random.choice(128, bits, replace=False)] ^= 1
    return np.packbits(each, axis=1)


def test_a_photo_is_found_by_its_descriptors_and_by_slightly_different_ones() -> None:
    photos = Likeness()
    for seed, entry in enumerate((ONE, TWO, THREE)):
        photos.add(entry, descriptors(seed))
    for bits in (0, 1, 4, 8):
        assert photos.like(turned(descriptors(1), bits)) == [TWO]
    assert photos.like(descriptors(9)) == []


def test_a_share_of_a_photo_is_enough_and_a_few_descriptors_are_not() -> None:
    photos = Likeness()
    photos.add(ONE, descriptors(1))
    for own, found in ((IN_COMMON, [ONE]), (IN_COMMON - 1, [])):
        mixed = np.concatenate([descriptors(1)[:own], descriptors(2)[: 256 - own]])
        assert photos.like(mixed) == found
        assert (in_common(mixed, descriptors(1)) >= IN_COMMON) == bool(found)


def test_what_comes_and_goes_is_followed_in_whatever_order() -> None:
    photos, held = Likeness(), dict[EntryId, int]()
    random = np.random.default_rng(3)
    for step in range(60):
        entry = EntryId(f"{random.integers(8):032x}")
        if entry in held and random.random() < 0.6:
            photos.remove(entry)
            del held[entry]
        else:
            seed = int(random.integers(5))
            photos.add(entry, descriptors(seed, 64))
            held[entry] = seed
        if step % 3 == 0:
            for seed in range(5):
                expected = sorted(entry for entry, of in held.items() if of == seed)
                assert sorted(photos.like(descriptors(seed, 64))) == expected
    assert len(photos) == len(held)


def test_an_empty_one_finds_nothing_and_forgets_what_it_never_knew() -> None:
    photos = Likeness()
    photos.remove(ONE)
    assert photos.like(descriptors(1)) == []


def test_a_removed_photo_leaves_memory_with_the_next_question() -> None:
    photos = Likeness()
    photos.add(ONE, descriptors(1))
    photos.like(descriptors(2))
    photos.remove(ONE)
    photos.like(descriptors(2))
    assert len(photos._rows) == 0  # pyright: ignore[reportPrivateUsage]
