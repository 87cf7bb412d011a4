"""Writes the sealed snapshots of the gate's indexes now and then, so that the next start need not build them anew."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from amparo.core.logs import get_logger
from amparo.gate.kept_index import LOOK_EVERY, KeptIndex

log: Final = get_logger("amparo.gate")


class SnapshotKeeper:
    """One thread for all of them. ``stop`` writes a last snapshot where enough has changed, or something was removed."""

    def __init__(self, indexes: Sequence[KeptIndex]) -> None:
        self._indexes = indexes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="amparo-snapshot", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        for index in self._indexes:
            index.save_if_due(stopping=True)

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            for index in self._indexes:
                try:
                    index.save_if_due()
                except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                    log.error("snapshot_not_written", code="snapshot_broken", detail=type(error).__name__)
