"""The demo's pictures behave as photographs do: copies are near, strangers far, and altered ones are told as such."""

from __future__ import annotations

from itertools import combinations

import pytest

from amparo.demo.pictures import altered, landscape
from amparo.signal import pdq, trace
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, PDQ_MINIMUM_QUALITY
from amparo.signal.trace import Relation, compare


def test_copies_match_and_other_pictures_do_not() -> None:
    seeds = range(1, 6)
    fingerprints = {seed: pdq.fingerprint(landscape(seed)) for seed in seeds}
    assert all(one.quality >= PDQ_MINIMUM_QUALITY for one in fingerprints.values())
    for one, other in combinations(seeds, 2):
        assert fingerprints[one].distance(fingerprints[other]) > 2 * PDQ_MATCH_RADIUS
    for seed, fingerprint in fingerprints.items():
        assert fingerprint.distance(pdq.fingerprint(landscape(seed, quality=60, scale=0.5))) <= PDQ_MATCH_RADIUS


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_altered_picture_is_no_match_and_is_recognised_by_the_trace(seed: int) -> None:
    fake = altered(seed, 900 + seed)
    assert pdq.fingerprint(fake).distance(pdq.fingerprint(landscape(seed))) > 40
    told = compare(trace.register(landscape(seed)), trace.query(fake))
    assert told.relation is Relation.ALTERED
    assert 0.25 < told.altered_fraction < 0.55
    copy = compare(trace.register(landscape(seed)), trace.query(landscape(seed, quality=60, scale=0.5)))
    assert copy.relation is Relation.COPY


def test_the_same_seed_is_the_same_file() -> None:
    assert landscape(4) == landscape(4)
    assert altered(4) == altered(4)
    assert landscape(4) != altered(4)
