"""The demo's clock: the machine's own, put forward by hand, so that two days pass while somebody watches."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from amparo.core.keys import write_private


class ShiftedClock:
    """Handed to the hub and the gates of the demo; nothing else has one. Safe to use from several threads.

    ``file`` keeps how far it is ahead, in seconds: a folder whose story has been played goes on from where it ended.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._file = file
        self._ahead = timedelta(seconds=float(file.read_text(encoding="ascii"))) if file.exists() else timedelta()

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(UTC) + self._ahead

    def advance(self, step: timedelta) -> None:
        """Put the hands forward; a clock that is set back is another story. When this returns, it is on disk."""
        assert step >= timedelta()
        with self._lock:
            self._ahead += step
            write_private(self._file, f"{self._ahead.total_seconds()}".encode())
