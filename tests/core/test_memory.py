from __future__ import annotations

import pytest

from amparo.core.memory import aligned


@pytest.mark.parametrize("shape", [(0, 128), (1,), (3, 5), (2, 32, 128)])
def test_aligned_memory_is_empty_and_begins_at_a_line(shape: tuple[int, ...]) -> None:
    for _ in range(20):
        made = aligned(*shape)
        assert made.shape == shape
        assert made.size == 0 or made.ctypes.data % 64 == 0
        assert not made.any()
        made[...] = 255
