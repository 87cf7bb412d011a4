"""A hub that really listens, on a free port of loopback, and the real threatexchange library and ``tx`` beside it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from amparo.bank import Entry, EntryState
from amparo.case.code import CaseCode
from amparo.core.clock import Clock, SystemClock
from amparo.core.ids import CaseId, EntryId, random_id
from amparo.gate.card import PartnerCard
from amparo.hub.app import public_app
from amparo.hub.commands import partners, person
from amparo.hub.context import Hub, HubSettings
from amparo.signal.fingerprint import Pdq
from amparo.store import CaseRecord, EntryRecord
from tests.hub.hubs import new_folder

TX = Path(sys.executable).with_name("tx")
MANY = int(os.environ.get("AMPARO_MANY_RECORDS", "2500"))
"""Records to page through; 100,000 by hand."""


@dataclass(frozen=True)
class Served:
    """A listening hub."""

    hub: Hub
    url: str

    def join(self, name: str) -> PartnerCard:
        return partners.add_partner(self.hub, name)

    def protect(self, pictures: Sequence[Pdq]) -> CaseCode:
        """A new case with these fingerprints."""
        return person.open_case(self.hub, os.urandom(32), "en", pictures)

    def entry(self, fingerprint: Pdq) -> EntryRecord:
        """The newest entry of this value that has not ended."""
        with self.hub.store.read() as transaction:
            return transaction.entries_tagged([self.hub.vault.value_tag(fingerprint.value)])[-1]


@contextmanager
def serving(folder: Path, canaries: int = 0, clock: Clock | None = None) -> Generator[Served]:
    """A hub in ``folder``, listening; stopped at the end."""
    hub = Hub.open(new_folder(folder), HubSettings(canaries=canaries), clock or SystemClock())
    server = uvicorn.Server(uvicorn.Config(public_app(hub), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        yield Served(replace(hub, settings=replace(hub.settings, url=url)), url)
    finally:
        hub.bell.close()
        server.should_exit = True
        thread.join(timeout=10)
        hub.close()


def fill(hub: Hub, fingerprints: Sequence[Pdq]) -> None:
    """Many entries of one case in one transaction, faster than a person could ask for them."""
    now = hub.clock.now()
    case = CaseId(random_id())
    key, wrapped = hub.vault.new_case_key(case)
    with hub.store.write() as transaction:
        transaction.add_case(CaseRecord(case, os.urandom(32), os.urandom(32), wrapped))
        for fingerprint in fingerprints:
            entry = Entry(EntryId(random_id()), case, EntryState.ACTIVE, now, now + hub.settings.retention)
            sealed = key.seal_fingerprint(entry.id, fingerprint)
            transaction.add_entry(EntryRecord(entry, sealed, hub.vault.value_tag(fingerprint.value)))


def library(module: str) -> Any:
    """A module of the installed threatexchange library, untyped as it is."""
    with warnings.catch_warnings():
        # It warns, on import, about the version of its own PDQ.
        warnings.simplefilter("ignore")
        return importlib.import_module(f"threatexchange.{module}")


@dataclass(frozen=True)
class Tx:
    """The ``tx`` command line with a home and a state of its own."""

    folder: Path
    settings: dict[str, str]
    program: tuple[str, ...] = (str(TX),)

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it prints on standard output; the test fails where it ends with another status."""
        done = subprocess.run(
            [*self.program, *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "TX_STATEDIR": str(self.folder / "state"),
                "TZ": "UTC",
                "PYTHONWARNINGS": "ignore",
                "TX_VERBOSE": "1",
                **self.settings,
            },
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def follow(self, api: str, **settings: str) -> None:
        """What ``tx config collab edit API --create hub`` writes, without the two seconds that ``tx`` takes to start."""
        folder = self.folder / "state" / "collab_configs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hub.json").write_text(json.dumps({"name": "hub", "api": api, "enabled": True, **settings}))

    def match(self, fingerprint: Pdq) -> str:
        """What ``tx match`` says of this fingerprint; empty where nothing matches."""
        file = self.folder / "asked.txt"
        file.write_text(fingerprint.hex + "\n")
        return self("match", "--hashes", "--only-signal", "pdq", "photo", str(file))
