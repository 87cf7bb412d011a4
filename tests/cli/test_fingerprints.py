"""``amparo fingerprint`` over files that have impossible names or may not be read: all others are still done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amparo.cli.bank_file import read_bank
from amparo.signal import video
from amparo.signal.video_format import from_text, to_text
from tests.gate.feeding import png
from tests.signal.videos import scenes, write_video


def run(*arguments: object) -> tuple[int, list[str], str]:
    """As a terminal with strict UTF-8 does."""
    done = subprocess.run(
        [sys.executable, "-m", "amparo", "fingerprint", "--workers", "0", *map(os.fsencode, map(str, arguments))],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode("ascii").splitlines(), done.stderr.decode()


def test_a_path_that_is_too_long_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(1))
    status, lines, _ = run("--json", tmp_path / ("x" * 300), tmp_path / "good.png")
    failed, done = map(json.loads, lines)
    assert status == 1
    assert failed["error"]["code"] == "file_unreadable"
    assert done["path"] == str(tmp_path / "good.png")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_name_that_is_no_text_is_printed_all_the_same(tmp_path: Path, form: list[str]) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    odd.write_bytes(png(1))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    status, lines, error = run(*form, odd, tmp_path / "broken.png")
    assert status == 1
    assert "Traceback" not in error
    assert ("caf\\udce9.png" if form else "caf\\xe9.png") in lines[0]
    if form:
        assert json.loads(lines[0])["path"] == str(odd)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(1))
    (tmp_path / "shut").mkdir(mode=0)
    status, lines, _ = run("--json", tmp_path)
    assert status == 1
    assert {json.loads(line).get("error", {}).get("code") for line in lines} == {None, "file_unreadable"}


def test_a_video_is_a_line_of_vpdq_among_the_pictures(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mkv", scenes((1, 2), 15))
    (tmp_path / "cut.mkv").write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    (tmp_path / "good.png").write_bytes(png(1))
    expected = video.fingerprint(film)
    status, lines, _ = run("--json", film, tmp_path / "cut.mkv", tmp_path / "good.png")
    first, failed, last = map(json.loads, lines)
    assert status == 1
    assert first == {
        "path": str(film),
        "signal_type": "vpdq",
        "value": to_text(expected.frames),
        "md5": expected.md5,
        "seconds": expected.seconds,
        "damaged": 0,
    }
    assert failed["error"]["code"] == "video_truncated"
    assert last["signal_type"] == "pdq"
    (tmp_path / "bank.jsonl").write_text(lines[0] + "\n" + lines[2] + "\n")
    bank = read_bank(tmp_path / "bank.jsonl")
    assert [name for _, name in bank.pictures] == [str(tmp_path / "good.png")]
    assert bank.videos == ((expected.frames, str(film)),)


def test_a_video_in_words_is_its_md5_and_a_line_a_frame(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mkv", scenes((1, 2), 15))
    status, lines, _ = run(film)
    assert status == 0
    assert lines[0].endswith(f"3.000 s  {film}")
    assert from_text("\n".join(lines[1:])) == video.fingerprint(film).frames
