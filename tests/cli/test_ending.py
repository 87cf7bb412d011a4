"""What ``amparo up`` and ``amparo demo`` leave behind when they are ended in whatever way: no part that runs on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.walk.running import free_ports, heed_hangups, started

SIGNALS = [signal.SIGKILL, signal.SIGHUP]


def until_free(ports: list[int]) -> None:
    """Returns when nothing listens on the ports any more."""
    end = time.monotonic() + 60
    for port in ports:
        while True:
            with suppress(OSError):
                socket.create_server(("127.0.0.1", port)).close()
                break
            assert time.monotonic() < end, f"somebody still listens on {port}"
            time.sleep(0.1)


@pytest.mark.parametrize("number", SIGNALS)
def test_all_parts_end_with_amparo_up(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (process, lines, ports):
        process.send_signal(number)
        status = process.wait(60)
        until_free(ports)
    assert status == (-signal.SIGKILL if number is signal.SIGKILL else 0), "".join(lines)
    assert ("Stopped." in lines[-1]) == (number is not signal.SIGKILL), "".join(lines)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_demo_ends_at_every_signal_and_takes_its_folder_with_it(tmp_path: Path, number: signal.Signals) -> None:
    ports = free_ports(6, in_a_row=True)
    command = [sys.executable, "-m", "amparo", "demo", "--port", str(ports[0]), "--exit-url", "http://127.0.0.1/"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        preexec_fn=heed_hangups,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            # It waits for Enter behind its first step, with all parts up.
            told = ""
            while "next step" not in told:
                letter = process.stdout.read(1)
                assert letter, told
                told += letter
            process.send_signal(number)
            assert process.wait(60) == (-signal.SIGKILL if number is signal.SIGKILL else 130)
            until_free(ports)
        finally:
            process.kill()
    if number is not signal.SIGKILL:
        assert list(tmp_path.glob("amparo-demo-*")) == []
