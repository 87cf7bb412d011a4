"""What ``make`` does on a machine where something is missing: the Makefile itself, over stand-ins for what it calls."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser import chromium_path

MAKEFILE = Path(__file__).parents[1] / "Makefile"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(MAKEFILE, folder)
    command = ["make", f"VENV={folder / 'venv'}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


NO_VENV = """case "$2" in venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 1;; esac"""
NO_PIP = """case "$2" in venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";; pip) exit 1;; esac"""


@pytest.mark.parametrize("python", [NO_VENV, NO_PIP], ids=["no ensurepip", "no pip"])
def test_half_an_environment_is_taken_away_and_told_what_to_install(tmp_path: Path, python: str) -> None:
    stand_in = program(tmp_path / "python", python)
    for _ in range(2):
        made = make(tmp_path, f"PYTHON={stand_in}", str(tmp_path / "venv/bin/python"))
        assert made.returncode != 0
        assert "python3-venv" in made.stderr
        assert not (tmp_path / "venv").exists()


def test_a_whole_environment_stays(tmp_path: Path) -> None:
    stand_in = program(tmp_path / "python", NO_PIP.replace("exit 1", "exit 0"))
    made = make(tmp_path, f"PYTHON={stand_in}", str(tmp_path / "venv/bin/python"))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "venv/bin/python").exists()


@pytest.mark.parametrize(("browser", "fails"), [(1, True), (0, True), (1, False)])
def test_every_run_of_tests_takes_place_without_a_browser_and_after_a_failure(
    tmp_path: Path, browser: int, fails: bool
) -> None:
    program(tmp_path / "scripts/ensure-chromium", f"exit {browser}")
    said = tmp_path / "said"
    program(tmp_path / "venv/bin/python", f"echo $* | tee -a {said}; case $* in *not*) exit {int(fails)};; esac")
    made = make(tmp_path, "-o", "web", "-o", str(tmp_path / "venv/.tests"), "test")
    assert (made.returncode != 0) == fails
    lines = said.read_text().splitlines()
    scripts, kernels = sorted(lines[:2], key=lambda line: "warm_up" in line)
    browsers, others = sorted(lines[2:], key=lambda line: "not" in line)
    assert "warm_up" in kernels
    assert scripts == "hatch_build.py run test"
    assert others.endswith("-m not browser")
    assert browsers.endswith("-m browser")
    assert made.stdout.splitlines()[-1] == browsers, "what it says stands by itself, behind the other"


def test_without_a_browser_its_tests_fail_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMPARO_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(pytest.fail.Exception, match=r"^No Chromium: install the package chromium") as failed:
        chromium_path()
    assert not failed.value.pytrace
