"""Does the hub's jobs, one after the other, and looks at the clocks of notices every half minute.

One thread in each process that serves the hub. Several processes may run on one database: a job is claimed by one of them, and
a clock speaks once whoever looks. What a killed worker had claimed comes back when its lease is over.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError
from amparo.core.logs import get_logger
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.sending import SEND, do_send, wait_after
from amparo.hub.commands.sighting_notices import DRAFT, do_draft
from amparo.hub.context import Hub
from amparo.store.jobs.protocol import JobRecord

log: Final = get_logger("amparo.hub.worker")

LEASE: Final = timedelta(minutes=10)
"""Longer than the longest conversation with a mail server, each of whose steps ends after half a minute."""
LOOK_EVERY: Final = 30.0
_POLL_EVERY: Final = 1.0
KEEP_SETTLED: Final = timedelta(days=90)

Doer: TypeAlias = Callable[[Hub, JobRecord, str], None]
DOERS: Final[Mapping[str, Doer]] = {SEND: do_send, DRAFT: do_draft}


class Worker:
    """Start it once; ``stop`` waits for the job that is under way."""

    def __init__(self, hub: Hub, look_every: float = LOOK_EVERY) -> None:
        self._hub = hub
        self._look_every = look_every
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="amparo-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 8.0) -> bool:
        """Whether it ended in that time. A job that is cut off by the end of the process is done again by the next one."""
        self._stopping.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def work_once(self) -> bool:
        """Do the job that is due longest; False where none is. What fails unforeseen is put off, and never lost."""
        hub = self._hub
        with hub.store.read() as transaction:
            if not transaction.jobs.ready(DOERS.keys(), hub.clock.now()):
                return False
        with hub.store.write() as transaction:
            job = transaction.jobs.claim(DOERS.keys(), self._name, hub.clock.now(), LEASE)
        if job is None:
            return False
        try:
            DOERS[job.kind](hub, job, self._name)
        except AmparoError as error:
            self._put_off(job, error.code, error.detail)
        except Exception as error:  # noqa: BLE001  # a mistake of ours in one job must not end everybody's clocks
            self._put_off(job, "job_broken", type(error).__name__)
        return True

    def look(self) -> None:
        """One look at the clocks, and at what has been settled for long."""
        look_at_clocks(self._hub)
        with self._hub.store.write() as transaction:
            transaction.jobs.forget(self._hub.clock.now() - KEEP_SETTLED)

    def _put_off(self, job: JobRecord, code: str, detail: str) -> None:
        log.error("job_failed", code=code, detail=detail)
        with self._hub.store.write() as transaction:
            transaction.jobs.put_off(job.id, self._name, self._hub.clock.now(), wait_after(job.attempts), code)

    def _run(self) -> None:
        look_at = monotonic()
        while not self._stopping.is_set():
            try:
                if monotonic() >= look_at:
                    # Set first: a look that fails is repeated at its time, and not all the time.
                    look_at = monotonic() + self._look_every
                    self.look()
                # A hundred letters to a server that does not answer must not keep the clocks waiting.
                while not self._stopping.is_set() and monotonic() < look_at and self.work_once():
                    pass
            except AmparoError as error:
                # A full disk or a busy database must not end the clocks: the next round tries again.
                log.warning("worker_failed", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                log.error("worker_failed", code="worker_broken", detail=type(error).__name__)
            self._stopping.wait(_POLL_EVERY)
