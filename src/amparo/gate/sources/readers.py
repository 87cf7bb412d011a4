"""The readers: StopNCII's format, NCMEC's, and files of fingerprints."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from amparo.core.clock import Clock
from amparo.core.errors import InvalidInput, VerificationFailed
from amparo.exchange import csv, ncmec, stopncii, threatexchange
from amparo.exchange.ncmec.wire import MAXIMUM_BYTES as NCMEC_BYTES
from amparo.exchange.stopncii.wire import MAXIMUM_BYTES as STOPNCII_BYTES
from amparo.gate.sources.delta import Delta
from amparo.gate.sources.http import Ask, Asker
from amparo.signal.fingerprint import PDQ_MINIMUM_QUALITY, Pdq

_FILE_BYTES: Final = 1_000_000_000
_FROM_THE_BEGINNING: Final = 10
_PAGE: Final = 800
_OVERLAP: Final = timedelta(minutes=5)
_LEFT_OUT: Final = timedelta(seconds=5)


class StopNciiReader:
    """credentials: ``function_key`` and ``subscription_key``. The checkpoint is the time of the last complete fetch."""

    def __init__(self, address: str, credentials: Mapping[str, str]) -> None:
        keys = {
            "x-functions-key": credentials.get("function_key", ""),
            "Ocp-Apim-Subscription-Key": credentials.get("subscription_key", ""),
        }
        self._asker = Asker(address, STOPNCII_BYTES, keys)

    def read(self, checkpoint: str | None) -> Iterator[Delta]:
        with self._asker.connected() as ask:
            yield from self._pages(ask, _FROM_THE_BEGINNING if checkpoint is None else int(checkpoint))

    def _pages(self, ask: Ask, start: int) -> Iterator[Delta]:
        token = ""
        while True:
            question: dict[str, str | int] = {"startTimestamp": start, "pageSize": _PAGE}
            if token:
                question["nextPageToken"] = token
            page = stopncii.decode_page(ask.get("/FetchHashes", **question))
            if page.next_timestamp < start:
                raise VerificationFailed("feed_went_back", "The source's time has gone back.", step="time")
            records = {record.value: record for record in page.records if record.kind is stopncii.SignalKind.IMAGE_PDQ}
            held = {value: value for value, record in records.items() if not record.status.ended and _is_pdq(value)}
            # What is not held ends: also a record that was an image's and is not understood any more.
            ended = frozenset(records) - frozenset(held)
            yield Delta(held, ended, checkpoint=None if page.more else str(page.next_timestamp))
            if not page.more:
                return
            token = page.next_token or ""


class NcmecReader:
    """credentials: ``user`` and ``password``. The checkpoint is the end of the last complete range."""

    def __init__(self, address: str, credentials: Mapping[str, str], clock: Clock) -> None:
        auth = (credentials.get("user", ""), credentials.get("password", ""))
        self._asker = Asker(address, NCMEC_BYTES, {}, auth)
        self._clock = clock

    def read(self, checkpoint: str | None) -> Iterator[Delta]:
        # Entries come in no order of time, so only a complete range moves the checkpoint; the next one overlaps a little.
        end = self._clock.now() - _LEFT_OUT
        start = datetime(1970, 1, 1, tzinfo=UTC) if checkpoint is None else ncmec.from_moment(checkpoint) - _OVERLAP
        with self._asker.connected() as ask:
            yield from self._pages(ask, ncmec.to_moment(start), ncmec.to_moment(end))

    def _pages(self, ask: Ask, start: str, end: str) -> Iterator[Delta]:
        page = ncmec.decode_page(ask.get("/v2/entries", **{"from": start, "to": end}))
        while True:
            held: dict[str, str] = {}
            ended: set[str] = set()
            for entry in page.entries:
                key = f"{entry.member}-{entry.id}"
                held.pop(key, None)
                ended.add(key)
                if isinstance(entry, ncmec.ImageEntry) and entry.pdq is not None and _is_pdq(entry.pdq.lower()):
                    held[key] = entry.pdq.lower()
                    ended.discard(key)
            following = page.following
            yield Delta(held, frozenset(ended), checkpoint=end if following is None else None)
            if following is None:
                return
            if not following.startswith("/v2/entries?"):
                raise VerificationFailed("page_out_of_order", "The source's next page is elsewhere.", step="order")
            page = ncmec.decode_page(ask.get(following))


class FileReader:
    """A file that is read whole whenever it has changed; the checkpoint is its SHA-256."""

    def __init__(self, path: Path, parse: Callable[[str], Iterable[Pdq]]) -> None:
        self._path = path
        self._parse = parse

    def read(self, checkpoint: str | None) -> Iterator[Delta]:
        try:
            about = self._path.stat()
            # What is no file, such as a pipe, may have no end or never begin.
            if not stat.S_ISREG(about.st_mode) or about.st_size > _FILE_BYTES:
                raise InvalidInput("source_file_unreadable", f"{self._path} is no file, or too large.")
            raw = self._path.read_bytes()
            text = raw.decode()
        except (OSError, ValueError) as error:
            raise InvalidInput("source_file_unreadable", f"{self._path} cannot be read as text.") from error
        digest = hashlib.sha256(raw).hexdigest()
        if digest != checkpoint:
            values = [f.hex for f in self._parse(text) if f.quality >= PDQ_MINIMUM_QUALITY]
            yield Delta(dict(zip(values, values, strict=True)), whole=True, checkpoint=digest)


def csv_reader(path: Path) -> FileReader:
    """Files of ``hash,quality,path``; what is below PDQ's lowest useful quality is passed over."""
    return FileReader(path, lambda text: (line.fingerprint for line in csv.read_lines(text)))


def threatexchange_reader(path: Path) -> FileReader:
    """Signal files of the threatexchange library."""
    return FileReader(path, threatexchange.read_signals)


def _is_pdq(value: str) -> bool:
    try:
        Pdq.from_hex(value, 100)
    except InvalidInput:
        return False
    return True
