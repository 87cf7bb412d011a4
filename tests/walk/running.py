"""``amparo up`` as a process of its own, on free ports of loopback."""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Addresses:
    hub: str
    gate: str
    demo: str
    desk_link: str


_PORTS: Final = range(20_000, 32_000)
"""Below those that systems hand out by themselves: nobody who asks for any port gets one of these."""
_LOCKS: Final = Path(tempfile.gettempdir()) / f"amparo-test-ports-{os.getuid()}"
_taken: dict[int, int] = {}


def free_ports(count: int, *, in_a_row: bool = False) -> list[int]:
    """Ports of loopback that nothing listens on, and that no other test gets, in whatever process, before this one ends."""
    width = count if in_a_row else 1
    ports: list[int] = []
    first = random.choice(_PORTS)
    for start in itertools.chain(range(first, _PORTS.stop), range(_PORTS.start, first)):
        row = range(start, start + width)
        if all(take(port) for port in row):
            ports += row
        if len(ports) >= count:
            return ports
    raise AssertionError("no ports are free")


def take(port: int) -> bool:
    """Whether the port is ours from now on: the lock is the operating system's, which gives it back with our end."""
    if port in _taken:
        return False
    lock = os.open(_LOCKS, os.O_RDWR | os.O_CREAT, 0o600) if not _taken else next(iter(_taken.values()))
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        # Without SO_REUSEADDR: not everything that is started there sets it.
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
    except OSError:
        return False
    _taken[port] = lock
    return True


def heed_hangups() -> None:
    """In a program that is about to be started: whoever runs the tests may have told theirs to ignore them (nohup)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def started(data: Path) -> Generator[tuple[subprocess.Popen[str], list[str], list[int]]]:
    """``amparo up``, when it says that it is up: the process, the lines that it prints, its ports (hub, gate, demo, desk)."""
    ports = free_ports(4)
    command = [sys.executable, "-m", "amparo", "up", "--data", str(data)]
    for name, port in zip(("hub", "gate", "demo", "desk"), ports, strict=True):
        command += [f"--{name}-port", str(port)]
    # No other address may be asked by a test: the way out leads to the demo site.
    command += ["--exit-url", f"http://127.0.0.1:{ports[2]}/"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        start_new_session=True,
        preexec_fn=heed_hangups,
    )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)  # pyright: ignore[reportOptionalMemberAccess]
    reader.start()
    try:
        end = time.monotonic() + 120
        while not any("Ctrl-C stops everything" in line for line in lines):
            assert process.poll() is None, "".join(lines)
            assert time.monotonic() < end, "".join(lines)
            time.sleep(0.1)
        yield process, lines, ports
    finally:
        # Its children end with it, and with them the last who could print.
        process.kill()
        process.wait()
        reader.join(60)
        process.stdout.close()


@contextmanager
def amparo_up(data: Path) -> Generator[Addresses]:
    """The three parts, running; stopped as Ctrl-C stops them, and the stop itself is checked."""
    with started(data) as (process, lines, (hub, gate, demo, _desk)):
        link = next(line for line in lines if "The desk: " in line).rpartition(" ")[2].strip()
        here = "http://127.0.0.1"
        yield Addresses(f"{here}:{hub}", f"{here}:{gate}", f"{here}:{demo}", link)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, "".join(lines)
    assert "Stopped." in lines[-1], "".join(lines)
