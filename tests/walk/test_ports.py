"""The ports that tests are given belong to one test, also where many run beside each other."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.walk import running
from tests.walk.running import free_ports


def test_no_port_is_given_twice() -> None:
    ports = free_ports(20) + free_ports(20)
    assert len(set(ports)) == 40


def test_ports_in_a_row_stand_in_a_row() -> None:
    ports = free_ports(6, in_a_row=True)
    assert ports == list(range(ports[0], ports[0] + 6))


def test_a_port_that_somebody_listens_on_or_that_another_process_was_given_is_not_free() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        assert not running.take(listening.getsockname()[1])
    (ours,) = free_ports(1)
    asked = f"from tests.walk import running; print(running.take({ours}), len(running.free_ports(1)))"
    other = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert other.stdout.split() == ["False", "1"]
