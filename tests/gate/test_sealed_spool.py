"""A video that is taken in leaves nothing on the disk, however the gate ends."""

from __future__ import annotations

import io
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from amparo.core.errors import Unavailable
from amparo.gate.runtime import GateRuntime
from amparo.gate.sealed_spool import SealedSpool, sweep
from tests.gate.feeding import new_gate

MARK = b"ordinary-holiday-video"
GATE = """
import sys
from pathlib import Path
from tests.gate.feeding import key_for, new_gate
from tests.gate.listening import serving
from amparo.gate.server import create_app

gate = new_gate(Path(sys.argv[1]))
with serving(create_app(gate)) as url:
    print(url.rpartition(":")[2], key_for(gate, "match"), flush=True)
    sys.stdin.read()
"""


def open_files(process: int) -> list[Path]:
    """Those that a process holds, by the links that open them, a file without a name too."""
    return list(Path(f"/proc/{process}/fd").iterdir())


def holds_mark(link: Path) -> bool:
    try:
        return link.readlink().is_absolute() and link.is_file() and MARK in link.read_bytes()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_gate_that_is_killed_in_the_middle_of_a_video_leaves_no_file_and_had_no_plain_one(tmp_path: Path) -> None:
    folder = tmp_path / "gate"
    process = subprocess.Popen(
        [sys.executable, "-c", GATE, str(folder)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port, key = process.stdout.readline().split()
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            head = f"POST /v1/video HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\nContent-Length: 400000000\r\n\r\n"
            connection.sendall(head.encode() + MARK * 50_000)
            wait_for_spool(process.pid, folder)
            assert [link for link in open_files(process.pid) if holds_mark(link)] == []
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    finally:
        process.kill()
        process.communicate()
    assert list(folder.glob("incoming-*")) == []
    assert [path.name for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()] == []


def wait_for_spool(process: int, folder: Path) -> None:
    """Until all that was sent is in a file of the folder that has no name any more."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for link in open_files(process):
            target = str(link.readlink()) if link.is_symlink() else ""
            nameless = target.startswith(str(folder)) and target.endswith("(deleted)")
            if nameless and link.stat().st_size >= len(MARK) * 50_000:
                return
        time.sleep(0.02)
    raise AssertionError("nothing was taken in")


def test_what_an_earlier_process_left_is_gone_at_the_next_start(tmp_path: Path) -> None:
    gate = new_gate(tmp_path)
    gate.stop()
    (tmp_path / "incoming-abc").write_bytes(b"left")
    GateRuntime(gate.card, tmp_path, gate.clock).stop()
    assert not (tmp_path / "incoming-abc").exists()
    sweep(tmp_path)


def test_what_is_read_is_what_was_written_from_any_place(tmp_path: Path) -> None:
    chance = random.Random(7)
    content = chance.randbytes(200_003)
    with SealedSpool.opened(tmp_path) as spool:
        at = 0
        while at < len(content):
            step = chance.randint(1, 9_999)
            spool.write(content[at : at + step])
            at += step
        reader, other = spool.reader(), spool.reader()
        assert reader.read() == content
        assert reader.read(1) == b""
        for _ in range(200):
            start, count = chance.randint(0, len(content) + 50), chance.randint(0, 70_000)
            assert reader.seek(start) == start
            assert reader.read(count) == content[start : start + count]
        assert reader.seek(-3, io.SEEK_END) == len(content) - 3
        assert reader.read() == content[-3:]
        assert other.read(10) == content[:10]
        with pytest.raises(ValueError, match="beginning"):
            other.seek(-1)
    assert list(tmp_path.iterdir()) == []


def test_where_the_disk_takes_nothing_an_upload_is_to_come_again(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused, SealedSpool.opened(tmp_path / "nowhere"):
        pass
    assert refused.value.code == "spool_unavailable"
    with Path("/dev/full").open("r+b", buffering=0) as full, pytest.raises(Unavailable):
        SealedSpool(full).write(b"x" * 100)


def test_the_gates_folder_has_no_file_of_a_video_that_was_answered(gate: GateRuntime) -> None:
    with SealedSpool.opened(gate.folder) as spool:
        spool.write(b"x" * 1000)
        assert list(gate.folder.glob("incoming-*")) == []
