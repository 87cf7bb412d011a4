"""The parts of a gate that sources need, and sources that answer what a test wants."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from amparo.core.clock import SystemClock
from amparo.gate.local_banks import LocalBanks
from amparo.gate.sources import Ledger, Puller

KEY = bytes(range(32))


class MovedClock(SystemClock):
    """Ahead of the time of day by what the test says."""

    ahead = timedelta(0)

    def now(self):  # as SystemClock
        return super().now() + self.ahead


class GateFolder:
    """The parts of a gate that sources need."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = MovedClock()
        self.open()

    def open(self) -> None:
        self.banks = LocalBanks(self.folder, KEY, self.clock)
        self.ledger = Ledger(self.folder, KEY)
        self.puller = Puller(self.ledger, self.banks, self.clock)

    def close(self) -> None:
        self.puller.stop()
        self.banks.close()
        self.ledger.close()

    def pull(self) -> int:
        (source,) = self.ledger.sources()
        return self.puller.pull(source)

    def matches(self, value: bytes) -> list[str]:
        """The banks in which this fingerprint finds something."""
        found = self.banks.contents([one.number for one in self.banks.near(value, 31)])
        return [content.bank.name for content in found.values()]


def answering(monkeypatch: pytest.MonkeyPatch, status: int, body: str, headers: dict[str, str] | None = None) -> None:
    """Every question of a source gets this answer, without any network."""
    answer = httpx.MockTransport(lambda _request: httpx.Response(status, text=body, headers=headers))
    real = httpx.Client

    def client(**arguments: object) -> httpx.Client:
        return real(transport=answer, **{k: v for k, v in arguments.items() if k != "transport"})  # pyright: ignore[reportArgumentType]  # passed through as it came

    monkeypatch.setattr(httpx, "Client", client)
