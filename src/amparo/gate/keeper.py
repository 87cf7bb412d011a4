"""Writes the engine's sealed snapshot now and then, so that the next start need not build the index anew."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from amparo.core.errors import AmparoError, VerificationFailed
from amparo.core.logs import get_logger
from amparo.gate.engine import Engine
from amparo.gate.replica import Replica
from amparo.gate.sealed_snapshot import Snapshot, read, write

log: Final = get_logger("amparo.gate")

FILE: Final = "index.sealed"
_LOOK_EVERY: Final = 20.0
_FEWEST_CHANGES: Final = 2000
"""Below so many changes, reading them from the replica at the next start takes no time worth a write of everything."""


def load_engine(replica: Replica, folder: Path) -> Engine:
    """The engine of this data folder: from its snapshot, or from the replica where that is missing, damaged or another's."""
    try:
        snapshot = read(folder / FILE, replica.sealing_key)
        if snapshot is not None:
            return Engine.load(replica, snapshot)
    except VerificationFailed as error:
        log.warning("snapshot_rebuilt", code=error.code, reason=error.step, detail=error.detail)
    return Engine.load(replica)


class SnapshotKeeper:
    """One thread. ``stop`` writes a last snapshot where enough has changed."""

    def __init__(self, replica: Replica, engine: Engine, folder: Path) -> None:
        self._replica = replica
        self._engine = engine
        self._path = folder / FILE
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="amparo-snapshot", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.save_if_due()

    def save_if_due(self) -> None:
        """Write where so much has changed that the next start would notice. A full disk is logged: nothing is lost."""
        if self._engine.unsaved < max(_FEWEST_CHANGES, len(self._engine) // 50):
            return
        try:
            self._engine.save(self._write)
        except AmparoError as error:
            log.warning("snapshot_not_written", code=error.code, detail=error.detail)

    def _write(self, snapshot: Snapshot) -> None:
        write(self._path, self._replica.sealing_key, snapshot)

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY):
            try:
                self.save_if_due()
            except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                log.error("snapshot_not_written", code="snapshot_broken", detail=type(error).__name__)
