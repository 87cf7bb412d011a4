"""Files of hash,quality,path and of signals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.exchange.csv import Line, read_lines, write_line
from amparo.exchange.threatexchange import read_signals, write_signal
from amparo.signal.fingerprint import Pdq

fingerprints = st.builds(Pdq, st.binary(min_size=32, max_size=32), st.integers(0, 100))
paths = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=20)


@given(st.lists(st.builds(Line, fingerprints, paths), max_size=5), st.booleans())
def test_lines_come_back_as_they_were(lines: list[Line], headed: bool) -> None:
    text = "\n".join(["hash,quality,path"] * headed + [write_line(line) for line in lines])
    assert list(read_lines(text)) == lines


@given(st.lists(fingerprints, max_size=5))
def test_signals_come_back_as_they_were_but_for_their_quality(told: list[Pdq]) -> None:
    text = "\n".join(write_signal(one) for one in told)
    assert [one.value for one in read_signals(text)] == [one.value for one in told]


@pytest.mark.parametrize(
    "line", ["x", "ab" * 31, "ab" * 32 + ",101", "ab" * 32 + ",-1", "ab" * 32 + ",high", ",", "hash"]
)
def test_the_number_of_a_bad_line_is_told(line: str) -> None:
    with pytest.raises(InvalidInput, match="Line 3 "):
        list(read_lines(f"hash,quality\n{'ab' * 32}\n{line}\n"))
