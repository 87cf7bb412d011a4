"""From which score a gate asks its hub: the operator's figure, or the operator's share of the gate's own uploads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from amparo.core.errors import InvalidInput
from amparo.gate.tracing.calibration import Calibration
from amparo.gate.tracing.settings import TraceSettings
from amparo.index.trace import DEFAULT_LEVEL


def fed(folder: Path, count: int, share: float = 0.1) -> Calibration:
    made = Calibration(TraceSettings(share=share), folder)
    for number in range(count):
        made.note(number / count)
    return made


def test_the_operators_level_stands_whatever_comes(tmp_path: Path) -> None:
    made = Calibration(TraceSettings(level=2.5), tmp_path)
    for _ in range(1000):
        made.note(9.0)
    made.keep()
    assert made.level == 2.5
    assert list(tmp_path.iterdir()) == []


def test_a_share_is_found_once_there_are_enough_uploads(tmp_path: Path) -> None:
    assert fed(tmp_path, 49).level == DEFAULT_LEVEL
    made = fed(tmp_path, 1000)
    assert 0.85 < made.level <= 0.9
    # As the pool grows, scores fall, and the old ones are forgotten.
    for number in range(10_000):
        made.note(number / 20_000)
    assert 0.4 < made.level <= 0.45


def test_scores_outlive_a_restart_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    made = fed(tmp_path, 1000)
    made.keep()
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Calibration(TraceSettings(share=0.1), tmp_path).level == pytest.approx(made.level, abs=1e-3)


@pytest.mark.parametrize("content", [b"", b"{}", b"[[1]]", b"[null]", b"\xff", b"[" * 5000])
def test_a_damaged_file_is_a_new_beginning(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trace-scores.json").write_bytes(content)
    assert Calibration(TraceSettings(share=0.1), tmp_path).level == DEFAULT_LEVEL


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "trace-scores.json").write_text("[" + "NaN, Infinity, -1, " * 100 + "0.5]", encoding="ascii")
    assert Calibration(TraceSettings(share=0.1), tmp_path).level == DEFAULT_LEVEL


@pytest.mark.parametrize(
    "wrong", [{"level": -1.0}, {"level": float("nan")}, {"share": 0.0}, {"share": 1.0}, {"seconds": 0.0}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput) as caught:
        TraceSettings(**wrong)
    assert caught.value.code == "trace_settings_invalid"
