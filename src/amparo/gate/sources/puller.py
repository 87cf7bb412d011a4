"""Pulls every source into its bank, each beside the others, with growing pauses while one does not answer.

A step is applied so that a crash at any place is made good by applying it again: first the bank stops matching, then the
ledger forgets; first the ledger knows what a key holds, then the bank matches it; the checkpoint moves last.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from amparo.core.clock import Clock, monotonic
from amparo.core.errors import AmparoError, Conflict, Unavailable
from amparo.core.logs import get_logger
from amparo.gate.checker import FEED_BANK
from amparo.gate.local_banks import PDQ, LocalBanks
from amparo.gate.sources.delta import Delta, Reader
from amparo.gate.sources.ledger import Ledger, SourceKind, SourceRecord

log: Final = get_logger("amparo.gate")

_EVERY: Final = 60.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """pulled_at: the last complete fetch; problem: the code of what last went wrong, None while all is well; began_at: of the
    fetch that is under way."""

    name: str
    pulled_at: datetime | None = None
    problem: str | None = None
    failures: int = 0
    began_at: datetime | None = None


class _Pull:
    """One fetch under way. pause: seconds until the source is due again, once it has ended."""

    def __init__(self, work: Callable[[], float], name: str) -> None:
        self.pause = 0.0
        self._work = work
        self.thread = threading.Thread(target=self._run, name=f"amparo-source-{name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.pause = self._work()


class Puller:
    """One thread over all sources of the ledger, and one for each fetch: a source that is slow holds up no other."""

    def __init__(self, ledger: Ledger, banks: LocalBanks, clock: Clock, every: float = _EVERY) -> None:
        self._ledger = ledger
        self._banks = banks
        self._clock = clock
        self._every = every
        self._stopping = threading.Event()
        self._status: dict[str, SourceStatus] = {}
        self._problem: str | None = None
        self._due: dict[str, float] = {}
        self._pulls: dict[str, _Pull] = {}
        self._thread = threading.Thread(target=self._run, name="amparo-sources", daemon=True)

    def sources(self) -> tuple[SourceRecord, ...]:
        """All that are followed, by name; those that another process has added too."""
        return self._ledger.sources()

    def source(self, name: str) -> SourceRecord | None:
        return next((source for source in self._ledger.sources() if source.name == name), None)

    def status_of(self, name: str) -> SourceStatus:
        """What came of the last pulls since this process was started; where no source can be looked after, that."""
        status = self._status.get(name, SourceStatus(name))
        return status if self._problem is None else replace(status, problem=self._problem)

    @property
    def statuses(self) -> tuple[SourceStatus, ...]:
        return tuple(self._status.values())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is None:
            return
        until = monotonic() + 5
        for thread in (self._thread, *(pull.thread for pull in self._pulls.copy().values())):
            thread.join(max(0.0, until - monotonic()))

    def add(self, source: SourceRecord, *, with_waiting: bool = False) -> None:
        """A new source with a bank of its name. with_waiting: with the credentials that wait for one of its format.

        Raises Conflict ``source_exists`` / ``bank_exists``, and what the name or the address is refused for; then neither is
        kept."""
        if source.name == FEED_BANK:
            raise Conflict("bank_exists", "The hub's bank has this name.")
        reader_of(source, self._clock)
        self._banks.create_bank(source.name)
        try:
            (self._ledger.add_with_waiting if with_waiting else self._ledger.add)(source)
        except AmparoError:
            self._banks.delete_bank(source.name)
            raise

    def remove(self, name: str) -> None:
        """The source's fingerprints stop matching, then it is forgotten. Raises NotFound ``source_unknown``."""
        if self.source(name) is not None:
            self._banks.delete_bank(name)
        self._ledger.remove(name)

    def enable(self, name: str, enabled: bool) -> None:
        """A source that is not enabled is not asked, and nothing of it matches: what its owner takes back meanwhile would
        be unknown here. Raises NotFound ``source_unknown``."""
        source = self.source(name)
        if source is not None and source.enabled is enabled:
            return
        if source is not None and not enabled:
            self._banks.change_bank(name, enabled_ratio=0.0)
        self._ledger.enable(name, enabled)
        if enabled:
            self._banks.change_bank(name, enabled_ratio=1.0)

    def set_credentials(self, kind: SourceKind, credentials: Mapping[str, str]) -> None:
        """See ``Ledger.set_credentials``."""
        self._ledger.set_credentials(kind, credentials)

    def has_credentials(self, kind: SourceKind) -> bool:
        """Whether some are known for a source of this format, or wait for one."""
        return self._ledger.are_waiting(kind) or any(
            source.credentials for source in self._ledger.sources() if source.kind is kind
        )

    def pull(self, source: SourceRecord) -> int:
        """Fetch and apply everything that is new; returns how many steps. Raises what ``Reader.read`` raises."""
        steps = 0
        for delta in reader_of(source, self._clock).read(source.checkpoint):
            if self._stopping.is_set():
                break
            self._apply(source.name, delta)
            steps += 1
        return steps

    def _apply(self, name: str, delta: Delta) -> None:
        before = self._ledger.values(name, [*delta.held, *delta.ended])
        others = self._ledger.others(name, delta.held) if delta.whole else {}
        leaving = Counter(value for key, value in before.items() if delta.held.get(key) != value)
        leaving.update(others.values())
        staying = set(delta.held.values())
        for value, keys in leaving.items():
            if value not in staying and self._ledger.holders(name, value) == keys:
                self._stop_matching(name, value)
        self._ledger.forget(name, list(delta.ended))
        self._ledger.forget_tags(name, list(others))
        self._ledger.note(name, delta.held)
        self._match(name, staying)
        if delta.checkpoint is not None:
            self._ledger.move(name, delta.checkpoint)

    def _match(self, name: str, values: Iterable[str]) -> None:
        fresh = [value for value in values if not self._contents(name, value)]
        self._banks.add_fingerprints(name, fresh)

    def _stop_matching(self, name: str, value: str) -> None:
        for content in self._contents(name, value):
            self._banks.delete_content(name, content)

    def _contents(self, name: str, value: str) -> list[int]:
        held = self._banks.contents(self._banks.same(PDQ, value))
        return [number for number, content in held.items() if content.bank.name == name]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._problem = None
            except AmparoError as error:
                self._problem = error.code
                log.warning("sources_not_pulled", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                self._problem = "sources_broken"
                log.error("sources_not_pulled", code="sources_broken", detail=type(error).__name__)
            # Not longer than a second at a time: sources are added and taken away by other processes.
            self._stopping.wait(1.0)

    def _look(self) -> None:
        """Begin to pull what is due and not under way."""
        for name, pull in list(self._pulls.items()):
            if not pull.thread.is_alive():
                self._due[name] = monotonic() + pull.pause
                del self._pulls[name]
        followed = [source for source in self._ledger.sources() if source.enabled]
        # One that was away or switched off, and is back, is due at once.
        self._due = {source.name: self._due.get(source.name, 0.0) for source in followed}
        for source in followed:
            if source.name not in self._pulls and self._due[source.name] <= monotonic():
                self._pulls[source.name] = _Pull(partial(self._try, source), source.name)

    def _try(self, source: SourceRecord) -> float:
        """Pull once; returns the seconds until this source is due again."""
        status = self._status.get(source.name, SourceStatus(source.name))
        self._status[source.name] = replace(status, began_at=self._clock.now())
        try:
            self.pull(source)
        except AmparoError as error:
            return self._failed(status, error)
        except Exception as error:  # noqa: BLE001  # nobody would see that this source is not pulled any more
            told = "The source could not be pulled, in a way that nobody foresaw."
            return self._failed(status, Unavailable("source_broken", told, detail=type(error).__name__))
        self._status[source.name] = SourceStatus(source.name, self._clock.now())
        return self._every

    def _failed(self, status: SourceStatus, error: AmparoError) -> float:
        # Far more failures than any pause can tell apart are no number that a float can be.
        pause = min(_FIRST_PAUSE * 2 ** min(status.failures, 30), _LONGEST_PAUSE)
        pause = max(pause, min(error.retry_after or 0.0, _LONGEST_PAUSE))
        self._status[status.name] = replace(status, problem=error.code, failures=status.failures + 1)
        log.warning("source_not_pulled", source=status.name, code=error.code, detail=error.detail, retry_in=pause)
        return pause


def reader_of(source: SourceRecord, clock: Clock) -> Reader:
    """The client for this source. Raises InvalidInput ``source_address_invalid``."""
    # Most gates have no source, and no start waits for other hubs' formats.
    from amparo.gate.sources import readers

    match source.kind:
        case SourceKind.STOPNCII:
            return readers.StopNciiReader(source.address, source.credentials)
        case SourceKind.NCMEC:
            return readers.NcmecReader(source.address, source.credentials, clock)
        case SourceKind.CSV:
            return readers.csv_reader(Path(source.address))
        case SourceKind.THREATEXCHANGE:
            return readers.threatexchange_reader(Path(source.address))
