"""Many files → fingerprints, in several processes, one bad file never stopping the others.

Each worker is a process of its own (``spawn``: no lock or thread of the parent is copied into it) with a
pipe of its own, so a worker that dies takes one file with it and we know which. Decoders are large C
libraries fed by strangers: a crash in one is an expected event here, not a catastrophe. A worker that
outlasts the hard deadline is killed; this is the one place where libraries that cannot be interrupted are
stopped for certain.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput, Unavailable
from amparo.signal import decode, pdq
from amparo.signal.fingerprint import Pdq
from amparo.signal.limits import DEFAULT, Limits

_AHEAD: Final = 2
"""Files handed to one worker at a time: it starts on the second while the parent still handles the first."""
_WINDOW: Final = 32
"""Results per worker that may wait for an earlier, slower file before no new ones are handed out."""
_GRACE_SECONDS: Final = 10.0
"""What a worker gets beyond the soft deadline of a picture before it is killed."""
_START_SECONDS: Final = 120.0
"""How long a fresh worker may take to import and load its kernels, on a slow disk with nothing cached."""

_LONGEST_WAIT: Final = 60.0
"""Seconds between two looks at the workers when none of them has a deadline."""

_Answer: TypeAlias = "tuple[Pdq, ...] | AmparoError"


@dataclass(frozen=True, slots=True)
class Hashed:
    """What became of one file: its fingerprint, or the error that says why there is none. turns: the fingerprints of its eight
    turns and mirrors, its own first, where they were asked for."""

    path: Path
    outcome: Pdq | AmparoError
    turns: tuple[Pdq, ...] = ()


def files_below(places: Iterable[Path]) -> Iterator[Path]:
    """The given files, and all files below the given folders, in the order of their names.

    Symbolic links to folders are not followed (they may go round in circles), and names that begin with a dot
    are left out below a folder. What does not exist, has an impossible name or is a folder that may not be read is handed
    through: hashing it reports it.
    """
    for place in places:
        # Of os.path: a name that is too long is no folder, instead of an error.
        if not os.path.isdir(place):  # noqa: PTH112
            yield place
            continue
        yield from _files_in(place)


def _files_in(place: Path) -> Iterator[Path]:
    unread: list[Path] = []

    def note(error: OSError) -> None:
        unread.append(Path(error.filename))

    for folder, subfolders, names in os.walk(place, onerror=note):
        yield from unread
        unread.clear()
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
    yield from unread


def hash_files(
    paths: Iterable[Path],
    *,
    workers: int | None = None,
    limits: Limits = DEFAULT,
    on_done: Callable[[int], None] | None = None,
    turned: bool = False,
) -> Generator[Hashed, None, None]:
    """Fingerprint every file of ``paths``, yielding one ``Hashed`` a path in the order given.

    workers: processes; None for one a processor, 0 for none (this process hashes, unprotected from a decoder
        that crashes or hangs).
    on_done: called with the number of files done so far, just before each result is yielded.
    turned: fingerprint the turns and mirrors of each picture as well.

    ``paths`` is read lazily and results are bounded: a million files need no more memory than a hundred. A
    worker that crashes or hangs makes InvalidInput ``decoder_crashed`` or ``picture_timeout`` the outcome of
    its file. Raises InvalidInput ``workers_invalid``; Unavailable ``workers_unavailable`` when no worker
    process can be started at all.
    """
    count = os.cpu_count() or 1 if workers is None else workers
    if count < 0:
        raise InvalidInput("workers_invalid", "The number of worker processes cannot be negative.")
    outcomes = _Crew(count, limits, turned=turned).run(paths) if count else _alone(paths, limits, turned=turned)
    return _reporting(outcomes, on_done or _unheard)


def _reporting(results: Generator[Hashed, None, None], on_done: Callable[[int], None]) -> Generator[Hashed, None, None]:
    with contextlib.closing(results):  # whoever leaves early ends the workers at once
        for done, hashed in enumerate(results, start=1):
            on_done(done)
            yield hashed


def _unheard(done: int) -> None:
    del done


def _alone(paths: Iterable[Path], limits: Limits, *, turned: bool) -> Generator[Hashed, None, None]:
    for path in paths:
        yield _hashed(path, _outcome(path, limits, turned=turned))


def _hashed(path: Path, answer: _Answer) -> Hashed:
    if isinstance(answer, AmparoError):
        return Hashed(path, answer)
    return Hashed(path, answer[0], answer if len(answer) > 1 else ())


def _outcome(path: Path, limits: Limits, *, turned: bool) -> _Answer:
    try:
        source = decode.read(path, limits)
        return pdq.turned(source, limits) if turned else (pdq.fingerprint(source, limits),)
    except AmparoError as error:
        return error


def _work(connection: Connection, limits: Limits, turned: bool) -> None:  # as a process is started
    """The life of one worker process: say hello when warm, then a path in, an outcome out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    # Load the compiled kernels before any file's clock runs.
    pdq.fingerprint(np.zeros((64, 64), np.uint8))
    decode.prepare()
    connection.send(None)
    while True:
        try:
            path: Path = connection.recv()
        except EOFError:
            return
        connection.send(_outcome(path, limits, turned=turned))


class _Worker:
    """One worker process as its parent sees it. pending: (number, path) handed over and not yet answered."""

    def __init__(self, limits: Limits, *, turned: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far_end = context.Pipe()
        self.process = context.Process(target=_work, args=(far_end, limits, turned), daemon=True)
        self.process.start()
        far_end.close()  # or the pipe would not end with the worker
        self.ready = False
        self.pending: deque[tuple[int, Path]] = deque()
        self.since = monotonic()

    def hand(self, number: int, path: Path) -> None:
        if not self.pending:
            self.since = monotonic()
        self.pending.append((number, path))
        # Where it has just died, reading from the pipe will say so, and the file is answered for there.
        with contextlib.suppress(OSError):
            self.connection.send(path)

    def end(self) -> int | None:
        """Kill, collect, and return the exit code: negative for a signal."""
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.connection.close()
        self.process.close()
        return code


class _Crew:
    """The workers, what they were handed, and what waits to be yielded in order."""

    def __init__(self, count: int, limits: Limits, *, turned: bool) -> None:
        self._limits = limits
        self._turned = turned
        self._count = count
        self._workers: list[_Worker] = []
        self._again: deque[tuple[int, Path]] = deque()
        self._finished: dict[int, Hashed] = {}
        self._handed = 0

    def run(self, paths: Iterable[Path]) -> Generator[Hashed, None, None]:
        fresh = enumerate(paths)
        yielded = 0
        try:
            for _ in range(self._count):
                self._workers.append(self._hired())
            while True:
                self._hand_out(fresh, yielded + self._count * _WINDOW)
                while yielded in self._finished:
                    yield self._finished.pop(yielded)
                    yielded += 1
                if any(worker.pending for worker in self._workers):
                    self._listen()
                elif not self._again and yielded not in self._finished:
                    return
        finally:
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def _hired(self) -> _Worker:
        try:
            return _Worker(self._limits, turned=self._turned)
        except OSError as error:
            raise Unavailable("workers_unavailable", "No worker process can be started.", detail=str(error)) from error

    def _hand_out(self, fresh: Iterator[tuple[int, Path]], before: int) -> None:
        for depth in range(_AHEAD):
            for worker in self._workers:
                while len(worker.pending) <= depth:
                    task = self._next(fresh, before)
                    if task is None:
                        return
                    worker.hand(*task)

    def _next(self, fresh: Iterator[tuple[int, Path]], before: int) -> tuple[int, Path] | None:
        if self._again:
            return self._again.popleft()
        if self._handed >= before:
            return None
        task = next(fresh, None)
        if task is not None:
            self._handed = task[0] + 1
        return task

    def _listen(self) -> None:
        """Wait until a worker says something, dies, or runs out of time, and act on it."""
        now = monotonic()
        patience = min(self._deadline_of(worker) for worker in self._workers) - now
        heard = wait([worker.connection for worker in self._workers], max(0.0, min(patience, _LONGEST_WAIT)))
        for place, worker in enumerate(self._workers):
            if worker.connection in heard:
                try:
                    self._take(worker, worker.connection.recv())
                except (EOFError, OSError):
                    self._replace(place, _crashed)
            elif monotonic() > self._deadline_of(worker):
                self._replace(place, _hung)

    def _deadline_of(self, worker: _Worker) -> float:
        if not worker.ready:
            return worker.since + _START_SECONDS
        return worker.since + self._limits.max_seconds + _GRACE_SECONDS if worker.pending else math.inf

    def _take(self, worker: _Worker, answer: _Answer | None) -> None:
        worker.since = monotonic()
        if answer is None:
            worker.ready = True
            return
        number, path = worker.pending.popleft()
        self._finished[number] = _hashed(path, answer)

    def _replace(self, place: int, error_of: Callable[[int | None], AmparoError]) -> None:
        """Put a new worker in the place of a dead or hanging one. The file it was at is answered for it; a
        file that it had not begun goes to another."""
        worker = self._workers[place]
        code = worker.end()
        if not worker.ready:
            del self._workers[place]
            raise Unavailable(
                "workers_unavailable",
                "A worker process ended before it could begin.",
                detail=f"exit code {code}",
            )
        if worker.pending:
            number, path = worker.pending.popleft()
            self._finished[number] = Hashed(path, error_of(code))
        self._again.extendleft(reversed(worker.pending))
        self._workers[place] = self._hired()


def _crashed(code: int | None) -> AmparoError:
    return InvalidInput("decoder_crashed", "The decoder crashed on this file.", detail=f"exit code {code}")


def _hung(code: int | None) -> AmparoError:
    del code
    return InvalidInput("picture_timeout", "Decoding the picture took too long and was ended.")
