"""``amparo demo`` as a process of its own: it plays to the end, stays up, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.walk.running import free_ports

pytestmark = pytest.mark.browser


def test_the_demo_plays_to_the_end_stays_up_and_cleans_up(tmp_path: Path) -> None:
    first = free_ports(6, in_a_row=True)[0]
    command = [sys.executable, "-m", "amparo", "demo", "--no-pause", "--port", str(first)]
    command += ["--exit-url", f"http://127.0.0.1:{first + 1}/"]
    told = tmp_path / "told.txt"
    environment = {**os.environ, "COLUMNS": "200", "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with told.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        end = time.monotonic() + 150
        while "Ctrl-C stops everything" not in told.read_text(encoding="utf-8"):
            assert process.poll() is None, told.read_text(encoding="utf-8")
            assert time.monotonic() < end, told.read_text(encoding="utf-8")
            time.sleep(0.3)
        text = told.read_text(encoding="utf-8")
        assert "13. Rosa takes everything back" in text
        links = [line.rpartition(" ")[2] for line in text.splitlines() if "demo-enter" in line]
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as browser:
            assert "<h1>Queue</h1>" in browser.get(links[-4]).text
            assert browser.get(links[0].replace("ticket=", "ticket=x")).status_code == 403
            for place in (0, 1, 2, 4):
                assert browser.get(f"http://127.0.0.1:{first + place}/").status_code == 200
            assert "TAKE IT DOWN" in browser.get(f"http://127.0.0.1:{first + 4}/").text
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, told.read_text(encoding="utf-8")
        text = told.read_text(encoding="utf-8")
        assert text.rstrip().endswith("Stopped.")
        assert "Traceback" not in text
        assert list(tmp_path.glob("amparo-demo-*")) == [], "the temporary folder is gone"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
