"""``amparo trace register`` and ``amparo compare`` as they are typed."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from amparo import cli
from amparo.exchange.native.base64url import from_base64url
from amparo.signal.trace import codec
from tests.altered import altered, file_of, photo

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def amparo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["amparo", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    flat = np.full((200, 200, 3), 128, np.uint8)
    for name, content in (("a", photo(1)), ("b", altered(1)), ("c", photo(9)), ("flat", file_of(flat))):
        (tmp_path / f"{name}.jpg").write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(("other", "relation"), [("a", "copy"), ("b", "altered"), ("c", "unrelated")])
def test_compare_prints_one_object(amparo: Run, files: Path, other: str, relation: str) -> None:
    status, out, _ = amparo("compare", files / "a.jpg", files / f"{other}.jpg", "--json")
    told: dict[str, Any] = json.loads(out)
    assert status == 0
    assert list(told) == ["relation", "altered_fraction", "region", "inliers", "agreeing_tiles", "pdq_distance"]
    assert told["relation"] == relation
    assert (told["region"] is not None) == (relation == "altered")
    assert (told["altered_fraction"] > 0.2) == (relation == "altered")
    region: list[list[float]] = told["region"] or []
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in region)


@pytest.mark.parametrize("other", ["b", "c"])
def test_the_drawing_shows_both_pictures(amparo: Run, files: Path, other: str) -> None:
    plot = files / "drawing.png"
    assert amparo("compare", files / "a.jpg", files / f"{other}.jpg", "--plot", plot)[0] == 0
    with Image.open(plot) as drawn:
        assert drawn.size == (512 + 16 + 512, 384)
        red = np.asarray(drawn)[:, :512] == np.array([0xC1, 0x12, 0x1F])
    assert bool(red.all(axis=2).any()) == (other == "b")


def test_compare_says_what_is_wrong_with_a_picture(amparo: Run, files: Path) -> None:
    status, _, error = amparo("compare", files / "flat.jpg", files / "a.jpg")
    assert status == 2
    assert "picture_too_plain" in error
    status, _, error = amparo("compare", files / "a.jpg", files / "none.jpg", "--json")
    assert status == 5
    assert "file_missing" in error


def test_register_prints_traces_and_goes_on_after_a_failure(amparo: Run, files: Path) -> None:
    status, out, _ = amparo("trace", "register", files / "flat.jpg", files / "a.jpg", "--json")
    failed, done = map(json.loads, out.splitlines())
    assert status == 1
    assert failed["error"]["code"] == "picture_too_plain"
    assert done["bytes"] == len(from_base64url(done["trace"])) <= 6144
    codec.decode(from_base64url(done["trace"]))


def test_register_writes_files_for_their_owner_only(amparo: Run, files: Path) -> None:
    status, out, _ = amparo("trace", "register", files / "a.jpg", "--out", files / "traces")
    made = files / "traces" / "a.jpg.amtr"
    assert (status, out) == (0, "")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    codec.decode(made.read_bytes())


def test_photos_of_one_name_in_two_folders_are_both_kept(amparo: Run, files: Path) -> None:
    for folder, seed in (("d1", 1), ("d2", 9)):
        (files / "all" / folder).mkdir(parents=True)
        (files / "all" / folder / "IMG.jpg").write_bytes(photo(seed))
    assert amparo("trace", "register", files / "all", "--out", files / "traces")[0] == 0
    made = [(files / "traces" / folder / "IMG.jpg.amtr").read_bytes() for folder in ("d1", "d2")]
    assert made[0] != made[1]
    status, _, error = amparo(
        "trace", "register", *(files / "all" / folder / "IMG.jpg" for folder in ("d1", "d2")), "--out", files / "more"
    )
    assert status == 1
    assert "trace_name_taken" in error
    assert (files / "more" / "IMG.jpg.amtr").read_bytes() == made[0]


def test_the_drawing_is_its_owners_only_and_never_costs_a_photo(amparo: Run, files: Path) -> None:
    a, b, plot = files / "a.jpg", files / "b.jpg", files / "drawing.png"
    for _ in range(2):
        assert amparo("compare", a, b, "--plot", plot)[0] == 0
        assert stat.S_IMODE(plot.stat().st_mode) == 0o600
        plot.chmod(0o644)
    status, _, error = amparo("compare", a, b, "--plot", a)
    assert status != 0
    assert "plot_taken" in error
    assert a.read_bytes() == photo(1)
