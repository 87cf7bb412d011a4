"""An index of the gate on disk, sealed, so that a gate of a million entries is ready in a moment after a restart.

One file, replaced whole::

    "amparo-sealed-2\\n" · length of the header (4, big-endian) · sealed header · chunk · chunk · ...

The header is JSON: the snapshot's own random id, the last number it covers, name, type and shape of each array. The database
knows the id of its snapshot: one of before a backup was restored speaks of numbers that have been given again. Chunks are the
arrays' bytes in order, at most 8 MB each, AES-256-GCM (NIST SP 800-38D) under a key derived from the data folder's key and from
a secret that the database keeps for this snapshot alone, so the nonce can be a counter; a chunk that is cut, moved or changed
does not open, and once the secret is gone nothing does, wherever the disk still has blocks of a file that was replaced.

A file is named ``<something>.sealed``. It is a cache: whatever is wrong with it, the database has everything.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from amparo.core.errors import AmparoError, Unavailable, VerificationFailed
from amparo.core.keys import derive, seal, unseal
from amparo.gate.numbered import Arrays

_MAGIC: Final = b"amparo-sealed-2\n"
_CHUNK: Final = 8 << 20
_TAG: Final = 16
_RANDOM: Final = 4
"""Bytes in the name of a file that is not whole yet."""
_HEADER_CONTEXT: Final = "amparo-gate-snapshot-header-1"
BytesT = TypeVar("BytesT", bytearray, memoryview)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """id: 32 hexadecimal digits; covered: what has a number up to here is in the arrays, unless it was removed before."""

    id: str
    covered: int
    arrays: Arrays


def write(path: Path, key: bytes, secret: bytes, snapshot: Snapshot) -> None:
    """When this returns, the snapshot is on disk under its name; until then the one before is.

    secret: random, of this snapshot alone. Raises Unavailable ``snapshot_not_written`` (disk full, no permission); then the one
    before still stands.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM)}")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for part in _parts(key, secret, snapshot):
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(
            "snapshot_not_written", "The gate's snapshot could not be written.", detail=str(error)
        ) from error


def sweep(folder: Path) -> None:
    """Delete what writers of snapshots left that were killed before they could give a file its name.

    Only where nobody writes any: while the folder is ours alone (``occupied``).
    """
    for left in folder.glob(f".*.sealed.{'[0-9a-f]' * (2 * _RANDOM)}"):
        left.unlink(missing_ok=True)


def read(path: Path, key: bytes, secret_of: Callable[[str], bytes | None]) -> Snapshot | None:
    """The snapshot, or None where there is none.

    secret_of: by the snapshot's id; None where it belongs to another state of the database. Raises VerificationFailed
    ``snapshot_invalid`` for that, step ``database``, and for a damaged one.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return _read(file, key, secret_of)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _invalid("size", str(error)) from error


def _parts(key: bytes, secret: bytes, snapshot: Snapshot) -> Iterator[bytes]:
    arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()}
    about = [{"name": name, "dtype": array.dtype.str, "shape": array.shape} for name, array in arrays.items()]
    header = json.dumps({"id": snapshot.id, "covered": snapshot.covered, "arrays": about}).encode()
    sealed = seal(key, header, _HEADER_CONTEXT)
    yield _MAGIC + len(sealed).to_bytes(4) + sealed
    cipher = _cipher(key, secret, snapshot.id)
    counter = 0
    for array in arrays.values():
        octets = _octets(array)
        for start in range(0, len(octets), _CHUNK):
            yield cipher.encrypt(counter.to_bytes(12), octets[start : start + _CHUNK], None)
            counter += 1


def _read(file: io.FileIO, key: bytes, secret_of: Callable[[str], bytes | None]) -> Snapshot:
    if bytes(_next(file, bytearray(len(_MAGIC)))) != _MAGIC:
        raise _invalid("magic")
    left = os.fstat(file.fileno()).st_size - len(_MAGIC) - 4
    length = int.from_bytes(_next(file, bytearray(4)))
    if not 0 <= length <= left:
        raise _invalid("size")
    try:
        header = cast("dict[str, Any]", json.loads(unseal(key, bytes(_next(file, bytearray(length))), _HEADER_CONTEXT)))
    except (AmparoError, ValueError) as error:
        raise _invalid("header") from error
    secret = secret_of(header["id"])
    if secret is None:
        raise _invalid("database", "it belongs to another state of the database")
    cipher = _cipher(key, secret, header["id"])
    # One buffer for all chunks, not the mapped file: its pages are there already, and 144 MB of them need not be mapped.
    buffer = memoryview(bytearray(_CHUNK + _TAG))
    counter = 0
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for about in header["arrays"]:
        array = np.empty(about["shape"], np.dtype(about["dtype"]))
        octets = _octets(array)
        for offset in range(0, len(octets), _CHUNK):
            target = octets[offset : offset + _CHUNK]
            chunk = _next(file, buffer[: len(target) + _TAG])
            try:
                cipher.decrypt_into(counter.to_bytes(12), chunk, None, target)
            except (InvalidTag, ValueError) as error:
                raise _invalid("checksum", f"chunk {counter}") from error
            counter += 1
        arrays[about["name"]] = array
    if file.read(1):
        raise _invalid("size", "something follows the last chunk")
    return Snapshot(header["id"], header["covered"], arrays)


def _next(file: io.FileIO, buffer: BytesT) -> BytesT:
    """``buffer`` full of what follows in the file."""
    at = 0
    with memoryview(buffer) as whole:
        while at < len(whole):
            taken = file.readinto(whole[at:])
            if not taken:
                raise _invalid("size", "the file ends too early")
            at += taken
    return buffer


def _cipher(key: bytes, secret: bytes, identifier: str) -> AESGCM:
    return AESGCM(derive(key, f"amparo-gate-snapshot-2 {identifier} {secret.hex()}"))


def _octets(array: npt.NDArray[np.generic]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _invalid(step: str, detail: str = "") -> VerificationFailed:
    return VerificationFailed("snapshot_invalid", "The gate's snapshot is damaged.", step=step, detail=detail)
