"""What platforms import from ``amparo.gate``."""

from __future__ import annotations

import pytest

from amparo import gate


def test_every_public_name_is_there_and_no_other() -> None:
    assert {name for name in gate.__all__ if getattr(gate, name).__name__ != name} == set()
    assert set(gate.__all__) == set(vars(gate)["_HOMES"])
    with pytest.raises(AttributeError, match="no attribute"):
        getattr(gate, "no_name_of_ours")  # noqa: B009  # as a mistake of a platform's that checks no types
