"""An upload that is too long for memory, on a disk that must not keep it.

Its bytes are encrypted (AES-256-CTR) with a key that lives in this process's memory only, in a file without a name: when the
process ends, in whatever way, neither a file is left nor anything that could be read from the disk's free blocks.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from amparo.core.errors import Unavailable

_PREFIX: Final = "incoming-"
_BLOCK: Final = 16
_BUFFER: Final = 1 << 16


class Unbuffered(Protocol):
    """A file that is opened for reading and writing without a buffer."""

    def write(self, content: memoryview, /) -> int | None: ...

    def fileno(self) -> int: ...


class SealedSpool:
    """Written from beginning to end by ``write``, then read by as many ``reader`` as there are. One thread at a time."""

    def __init__(self, file: Unbuffered) -> None:
        """file: empty."""
        self._file = file
        # Each spool has a key of its own, so the counter may begin at 0.
        self._key = os.urandom(32)
        self._sealing = Cipher(AES(self._key), CTR(bytes(_BLOCK))).encryptor()

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Generator[SealedSpool]:
        """In ``folder`` until the block ends. Raises Unavailable ``spool_unavailable`` where the disk takes nothing."""
        try:
            # Without a name from the start where the file system can (O_TMPFILE), else from the moment after.
            file = tempfile.TemporaryFile(buffering=0, dir=folder, prefix=_PREFIX)  # noqa: SIM115  # closed below
        except OSError as error:
            raise _unavailable(error) from error
        with file:
            yield cls(file)

    def write(self, chunk: bytes) -> None:
        """Raises Unavailable ``spool_unavailable``."""
        left = memoryview(self._sealing.update(chunk))
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            raise _unavailable(error) from error

    def reader(self) -> BinaryIO:
        """What was written, from its beginning."""
        return io.BufferedReader(_Plain(self._file.fileno(), self._key), _BUFFER)


class _Plain(io.RawIOBase):
    """The decrypted bytes of a file. Where it stands is its own: several may read at once."""

    def __init__(self, descriptor: int, key: bytes) -> None:
        self._descriptor = descriptor
        self._key = key
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer, as BufferedReader gives it
        sealed = os.pread(self._descriptor, len(buffer), self._at)
        block, within = divmod(self._at, _BLOCK)
        opening = Cipher(AES(self._key), CTR(block.to_bytes(_BLOCK))).decryptor()
        opening.update(bytes(within))
        buffer[: len(sealed)] = opening.update(sealed)
        self._at += len(sealed)
        return len(sealed)


def sweep(folder: Path) -> None:
    """Delete files that a process left which ended between their making and the loss of their name."""
    for left in folder.glob(f"{_PREFIX}*"):
        left.unlink(missing_ok=True)


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(
        "spool_unavailable", "There is no room for this upload now.", retry_after=30.0, detail=str(error.strerror)
    )
