"""A pool of a few photos weighs votes as one of 50,000 would, and nothing that it knows this by is ever found."""

from __future__ import annotations

import numpy as np
import pytest

from amparo.index.trace import DEFAULT_LEVEL, Candidate, PooledIndex, background
from tests.index.trace.rows import Bits, drawn, noisy

COMMON = drawn(123, 128)
"""Patches that a great many photos have."""


def known() -> Bits:
    """A background of which all is like one of the common patches."""
    return noisy(np.tile(COMMON, (8, 1)), 0.04, 1)


def pool_of(photos: list[Bits], known: Bits | None) -> PooledIndex:
    index = PooledIndex(bits=16, background=known)
    for number, rows in enumerate(photos):
        index.add(number, rows)
    return index


def score(found: list[Candidate], photo: int = 0) -> float:
    return next((one.score for one in found if one.photo == photo), 0.0)


def test_a_stranger_who_shares_common_patches_gets_next_to_nothing_in_a_pool_of_one() -> None:
    photo = np.concatenate((noisy(COMMON, 0.03, 2), drawn(5, 128)))
    stranger = np.concatenate((noisy(COMMON, 0.03, 3), drawn(6, 400)))
    altered = np.concatenate((noisy(COMMON, 0.03, 4), noisy(photo[128:][:30], 0.04, 5)))
    assert score(pool_of([photo], None).candidates(stranger)) > 20 * DEFAULT_LEVEL
    helped = pool_of([photo], known())
    assert score(helped.candidates(stranger)) < 0.1 * DEFAULT_LEVEL
    assert score(helped.candidates(altered)) > 10 * DEFAULT_LEVEL


def test_a_pool_with_every_photo_scores_as_it_does_without_a_background(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [np.concatenate((noisy(COMMON, 0.03, seed), drawn(seed, 128))) for seed in range(20)]
    asked, mirrored = noisy(photos[7], 0.04, 99), noisy(COMMON, 0.04, 98)
    plain = pool_of(photos, None).candidates(asked, mirrored)
    monkeypatch.setattr(background, "PHOTOS", 20)
    assert pool_of(photos, known()).candidates(asked, mirrored) == plain
    monkeypatch.setattr(background, "PHOTOS", 21)
    fewer = pool_of(photos, known()).candidates(asked, mirrored)
    assert fewer[0].photo == plain[0].photo == 7
    assert 0.5 * plain[0].score < fewer[0].score < plain[0].score


def test_a_pool_of_one_scores_as_one_that_holds_the_photos_which_it_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are made of the base as the expectation thinks of them, and registered; here every patch is somewhat common."""
    base, photos = drawn(40, 4000), 200
    random = np.random.default_rng(41)
    made = [
        noisy(base[random.integers(0, len(base), background.A_PHOTO)], float(random.uniform(0.04, 0.12)), 1000 + seed)
        for seed in range(photos - 1)
    ]
    hers = noisy(base[:256], 0.03, 42)
    upload = noisy(base[:256], 0.05, 43)
    monkeypatch.setattr(background, "PHOTOS", photos)
    monkeypatch.setattr(background, "CROWDING", 1)
    full = score(pool_of([hers, *made], None).candidates(upload))
    alone = score(pool_of([hers], None).candidates(upload))
    expected = score(pool_of([hers], base).candidates(upload))
    assert full < 0.5 * alone
    assert 0.75 * full < expected < 1.1 * full


def test_nothing_of_the_background_is_found_counted_or_kept() -> None:
    index = pool_of([drawn(1), drawn(2)], known())
    assert index.candidates(known()[:500], known()[500:]) == []
    assert len(index) == 2
    assert index.arrays()["numbers"].tolist() == [0, 1]
    assert len(index.arrays()["rows"]) == 512
    assert pool_of([], known()).candidates(known()) == []


def test_the_background_that_ships_answers_the_same_each_time() -> None:
    first = background.shipped()
    background.shipped.cache_clear()
    again = background.shipped()
    assert first.shape == (65_536, 16)
    assert np.array_equal(first, again)
    photo = np.concatenate((noisy(first[:128], 0.05, 7), drawn(8, 128)))
    asked = noisy(photo, 0.05, 9)
    assert pool_of([photo], first).candidates(asked) == pool_of([photo], again).candidates(asked)
    assert 0 < score(pool_of([photo], first).candidates(asked)) < score(pool_of([photo], None).candidates(asked))


def test_no_two_descriptors_that_ship_next_to_each_other_are_of_one_photo_more_often_than_others() -> None:
    """Descriptors of a photo resemble one another a little; in an order that says nothing, neighbours do no more than any."""
    bits = np.unpackbits(background.shipped(), axis=1).astype(np.int16)
    near = float(np.abs(bits[:-1] - bits[1:]).sum(axis=1).mean())
    far = float(np.abs(bits[:-30_000] - bits[30_000:]).sum(axis=1).mean())
    assert abs(near - far) < 0.3
