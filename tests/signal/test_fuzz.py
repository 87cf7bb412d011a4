"""Files bent in every way: each ends in a plane within the limits or in an error of ours, never in anything
else.

Quick here; ``AMPARO_FUZZ_SECONDS=600 pytest -s tests/signal/test_fuzz.py`` for the long run
(``AMPARO_FUZZ_SEED`` chooses another sequence). The file being decoded lies in ``AMPARO_FUZZ_LAST`` (if
set), should the process die of it. What it finds is kept in ``fixtures/`` and decoded by
``test_findings_stay_fixed``.
"""

from __future__ import annotations

import os
import random
import resource
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.signal.decode import luma, rgb
from amparo.signal.limits import Limits
from tests.signal.pictures import every_kind

SMALL = Limits(max_bytes=100_000, max_pixels=1_000_000, max_side=20_000, max_seconds=5)
FIXTURES = Path(__file__).parent / "fixtures"
SECONDS = float(os.environ.get("AMPARO_FUZZ_SECONDS", "0"))
LAST = os.environ.get("AMPARO_FUZZ_LAST")
TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

# Pillow warns of oddities it can live with; which of them comes up is not the matter of these tests, and an
# application decides itself whether warnings are errors. Both ways of running are tried.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")


def outcome(source: bytes) -> str:
    """The code of the error, or "decoded"; anything but an error of ours passes through and fails the test."""
    try:
        plane, picture = luma(source, SMALL), rgb(source, SMALL)
    except InvalidInput as error:
        return error.code
    assert plane.pixels.dtype == np.uint8
    assert plane.pixels.ndim == 2
    assert plane.pixels.flags.c_contiguous
    assert 0 < plane.full_width * plane.full_height <= SMALL.max_pixels
    assert picture.pixels.shape == (plane.full_height, plane.full_width, 3)
    return "decoded"


def bent(source: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A copy with one to a few injuries, most of them near the beginning, where the structure is."""
    copy = bytearray(source)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        reach = len(copy) if rng.random() < 0.4 else min(len(copy), 400)
        at = rng.randrange(max(1, reach))
        way = rng.randrange(9)
        if way == 0 and at < len(copy):
            copy[at] ^= 1 << rng.randrange(8)
        elif way == 1 and at < len(copy):
            copy[at] = rng.randrange(256)
        elif way == 2:
            copy[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(TELLING))
        elif way == 3:
            copy[at : at + 2] = struct.pack(rng.choice("<>") + "H", rng.choice(TELLING) & 0xFFFF)
        elif way == 4:
            del copy[rng.randrange(len(copy) + 1) :]
        elif way == 5:
            del copy[at : at + rng.randrange(1, 64)]
        elif way == 6:
            copy[at:at] = rng.randbytes(rng.randrange(1, 32))
        elif way == 7:
            copy[at:at] = copy[at : at + rng.randrange(1, 256)] * rng.choice((1, 1, 50))
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            copy[at : at + rng.randrange(1, 200)] = other[start : start + rng.randrange(1, 200)]
        if not copy:
            break
    result = bytes(copy)
    return checksummed(result) if result[:4] == b"\x89PNG" and rng.random() < 0.8 else result


def checksummed(source: bytes) -> bytes:
    """A PNG with its checksums made right again, or every injury would end at the checksum."""
    out, at = bytearray(source[:8]), 8
    while at + 12 <= len(source):
        length = int.from_bytes(source[at : at + 4])
        body = source[at + 4 : at + 8 + length]
        out += source[at : at + 4] + body
        if at + 12 + length <= len(source):
            out += struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(out + source[at:])


def injuries(seed: int) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(seed)
    seeds = every_kind()
    sources = list(seeds.values())
    while True:
        for name, source in seeds.items():
            yield name, bent(source, sources, rng)


def test_bent_files_end_in_a_plane_or_in_an_error_of_ours() -> None:
    started = time.monotonic()
    seen: Counter[str] = Counter()
    slowest = (0.0, "", b"")
    for number, (name, source) in enumerate(injuries(int(os.environ.get("AMPARO_FUZZ_SEED", "0")))):
        if SECONDS and LAST:
            Path(LAST).write_bytes(source)
        before = time.monotonic()
        if before - started > SECONDS and number >= 1_500:
            break
        seen[outcome(source)] += 1
        slowest = max(slowest, (time.monotonic() - before, name, source))
    assert all(code == "decoded" or code.startswith("picture_") for code in seen)
    assert seen["decoded"]
    assert seen["picture_unreadable"]
    assert seen["picture_truncated"]
    if SECONDS:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"\n{seen.total()} files, {dict(seen)}, slowest {slowest[0]:.2f} s ({slowest[1]}), {memory} MB")
        if LAST:
            Path(LAST).with_suffix(".slowest").write_bytes(slowest[2])


@given(st.binary(max_size=300))
def test_noise_is_never_more_than_unreadable(source: bytes) -> None:
    assert outcome(source).startswith("picture_")


SIGNATURES = [source[:size] for source in every_kind().values() for size in (3, 8, 12, 24)]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_noise_behind_a_signature_ends_in_an_error_of_ours(signature: bytes, noise: bytes) -> None:
    outcome(signature + noise)


@pytest.mark.parametrize("name", every_kind())
def test_a_file_cut_anywhere_ends_in_a_plane_or_in_an_error_of_ours(name: str) -> None:
    source = every_kind()[name]
    for length in range(0, len(source), max(1, len(source) // 40)):
        outcome(source[:length])


# What each file of fixtures/ is to end as; a file without an entry fails.
FINDINGS = {
    "avif-slowest.bin": "decoded",
    "jpeg-claims-more-lines.bin": "picture_truncated",
    "tiff-fax-floods-the-log.bin": "picture_unsupported",
}


@pytest.mark.parametrize("name", sorted({path.name for path in FIXTURES.iterdir()} | FINDINGS.keys()))
def test_findings_stay_fixed(name: str) -> None:
    assert outcome((FIXTURES / name).read_bytes()) == FINDINGS[name]
