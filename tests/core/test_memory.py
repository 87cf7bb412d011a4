"""Giving memory back: this process grows for a moment only. And memory that begins at a line."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from amparo.core.memory import aligned, give_back_memory


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_what_was_freed_between_kept_blocks_leaves_the_process() -> None:
    # Small enough to come from the heap, and every hundredth kept, so that its end does not simply move down.
    blocks = [np.ones(12_500) for _ in range(2000)]
    kept = blocks[::100]
    full = resident()
    del blocks
    give_back_memory()
    assert resident() < full - 100_000_000
    assert sum(len(block) for block in kept) == 20 * 12_500


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(_name: str | None) -> object:
        return object()

    monkeypatch.setattr(ctypes, "CDLL", other)
    give_back_memory()


@pytest.mark.parametrize("shape", [(0, 128), (1,), (3, 5), (2, 32, 128)])
def test_aligned_memory_is_empty_and_begins_at_a_line(shape: tuple[int, ...]) -> None:
    for _ in range(20):
        made = aligned(*shape)
        assert made.shape == shape
        assert made.size == 0 or made.ctypes.data % 64 == 0
        assert not made.any()
        made[...] = 255
