"""Snapshots: named arrays on disk such that a crash at any point leaves the old one or the new one, whole.

A folder holds one text file, ``CURRENT``, and folders of arrays, one of which it names::

    CURRENT                 "amparo-index 1 <generation> <SHA-256 of its manifest>\\n"
    <generation>/manifest   JSON: for each array its dtype, shape, size and checksum
    <generation>/<array>    the bytes of the array, little-endian, C order

``save`` writes a new generation under a new name, asks the disk to keep it, then replaces ``CURRENT`` in one
step (rename(2)), asks the disk to keep that, and only then removes the generations that nothing names any
more. Whoever has an old one mapped keeps reading it. One ``save`` at a time has the folder (flock(2)), of all
threads and processes; ``load`` waits for none: where a generation went away under it, it reads ``CURRENT`` again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from amparo.core.errors import NotFound, Unavailable, VerificationFailed
from amparo.index.arrays import invalid
from amparo.index.checksum import checksum

MAGIC: Final = "amparo-index"
VERSION: Final = "1"
_CURRENT: Final = "CURRENT"
_MANIFEST: Final = "manifest"
_SLICE: Final = 1 << 26  # bytes a write; Linux cuts one write at 2 GB


_GENERATION: Final = re.compile(r"generation-[0-9a-f]{16}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_DTYPES: Final = frozenset({"|u1", "<u2", "<u4", "<u8", "<i8"})
_NO_PLACE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def save(folder: Path, mapping: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write ``mapping`` as the current generation. On disk when this returns; the one before stands until
    then.

    Waits while another ``save`` has the folder; the last one to write stands. Raises Unavailable
    ``snapshot_not_written`` where the operating system refuses: the one before stands, or, where the refusal came
    after the last step, the new one, whole in either case. Nothing is left behind then but, at worst, an unnamed
    generation that the next ``save`` removes.
    """
    generation = f"generation-{secrets.token_hex(8)}"
    try:
        _make_folder(folder)
        with _taken(folder):
            try:
                (folder / generation).mkdir()
                digest = _write_generation(folder / generation, mapping)
                _sync_folder(folder)
                _point(folder, f"{MAGIC} {VERSION} {generation} {digest}\n")
            except OSError:
                if not _names(folder, generation):
                    shutil.rmtree(folder / generation, ignore_errors=True)
                raise
            _sweep(folder, generation)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise Unavailable(
            "snapshot_not_written",
            "The snapshot could not be written; one that is whole stands as before.",
            detail=str(error),
        ) from error


def load(folder: Path, *, verify: bool) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of the current generation, mapped privately. Raises as ``HammingIndex.open`` says."""
    pointer = _pointer(folder)
    while True:
        try:
            return _generation(folder, pointer, verify=verify)
        except VerificationFailed:
            # A save may have swept this generation away meanwhile; then CURRENT names another one.
            before, pointer = pointer, _pointer(folder)
            if pointer == before:
                raise


def _pointer(folder: Path) -> bytes:
    try:
        return (folder / _CURRENT).read_bytes()
    except IsADirectoryError:
        raise invalid("magic", "CURRENT is a folder") from None
    except ValueError as error:  # a path with a zero byte in it
        raise _missing(folder) from error
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise _missing(folder) from error
        raise _unreadable(error) from error


def _missing(folder: Path) -> NotFound:
    return NotFound("snapshot_missing", "There is no snapshot here.", detail=str(folder))


def _unreadable(error: OSError) -> Unavailable:
    return Unavailable("snapshot_unreadable", "The snapshot cannot be read.", detail=str(error))


def _generation(folder: Path, pointer: bytes, *, verify: bool) -> dict[str, npt.NDArray[np.generic]]:
    fields = pointer.decode("ascii", "replace").removesuffix("\n").split(" ")
    if fields[0] != MAGIC:
        raise invalid("magic", "CURRENT begins with other words")
    if len(fields) < 2 or fields[1] != VERSION:
        raise invalid("version", "CURRENT names another version")
    if len(fields) != 4 or not pointer.endswith(b"\n"):
        raise invalid("size", "CURRENT is cut short")
    if not (_GENERATION.fullmatch(fields[2]) and _DIGEST.fullmatch(fields[3])):
        raise invalid("size", "CURRENT names no generation")
    place = folder / fields[2]
    try:
        manifest = (place / _MANIFEST).read_bytes()
        if hashlib.sha256(manifest).hexdigest() != fields[3]:
            raise invalid("checksum", "the manifest has changed")
        described = cast("dict[str, dict[str, Any]]", json.loads(manifest))
        return {name: _map(place / name, about, verify=verify) for name, about in described.items()}
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise invalid("size", f"a file is missing: {error.filename}") from error
    except OSError as error:
        raise invalid("size", str(error)) if error.errno in _NO_PLACE else _unreadable(error) from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise invalid("content", "the manifest does not describe arrays") from error


def _make_folder(folder: Path) -> None:
    """``mkdir -p`` such that every new name is on disk too."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


@contextmanager
def _taken(folder: Path) -> Generator[None]:
    """Have the folder alone among those who write. The operating system gives it back should the process die."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_generation(place: Path, mapping: Mapping[str, npt.NDArray[np.generic]]) -> str:
    described: dict[str, dict[str, Any]] = {}
    for name, given in mapping.items():
        array = np.ascontiguousarray(given)
        if sys.byteorder == "big":
            array = array.astype(array.dtype.newbyteorder("<"))
        _write(place / name, array.reshape(-1).view(np.uint8).data)
        described[name] = {
            "dtype": array.dtype.newbyteorder("<").str,
            "shape": list(array.shape),
            "size": array.nbytes,
            "checksum": checksum(array),
        }
    manifest = json.dumps(described, indent=1, sort_keys=True).encode()
    _write(place / _MANIFEST, memoryview(manifest))
    _sync_folder(place)
    return hashlib.sha256(manifest).hexdigest()


def _write(path: Path, octets: memoryview) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        done = 0
        while done < len(octets):
            done += os.write(descriptor, octets[done : done + _SLICE])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(folder: Path, text: str) -> None:
    beside = folder / f"{_CURRENT}.{secrets.token_hex(8)}"
    try:
        _write(beside, memoryview(text.encode()))
        beside.replace(folder / _CURRENT)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(folder)


def _names(folder: Path, generation: str) -> bool:
    """Whether CURRENT names ``generation`` already, or cannot be asked."""
    try:
        return generation in (folder / _CURRENT).read_text("ascii", "replace")
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _sweep(folder: Path, kept: str) -> None:
    """Remove what no pointer names: older generations, and what a crash left. Failing to is no failure of
    ``save``."""
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.name.startswith("generation-") and entry.name != kept:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name.startswith(f"{_CURRENT}."):
                with suppress(OSError):
                    entry.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _map(path: Path, about: Mapping[str, Any], *, verify: bool) -> npt.NDArray[np.generic]:
    if about["dtype"] not in _DTYPES:
        raise invalid("size", f"{path.name} has another type")
    dtype, shape, size = np.dtype(about["dtype"]), tuple(about["shape"]), int(about["size"])
    present = path.stat().st_size
    if present != size:
        raise invalid("size", f"{path.name} has {present} bytes instead of {size}")
    if not size:
        return np.empty(shape, dtype)
    array: npt.NDArray[np.generic] = np.asarray(np.memmap(path, dtype, "c", shape=shape))
    if verify and checksum(array) != about["checksum"]:
        raise invalid("checksum", f"{path.name} has changed")
    return array
