"""Compiles what uploads are judged with before the first one comes, so that it does not wait longer than its site does."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from amparo.index import HammingIndex
from amparo.index.trace import PooledIndex
from amparo.signal import decode, pdq
from amparo.signal.fingerprint import PDQ_BYTES
from amparo.signal.trace import compare, query, register

_MARK: Final = "compiled-for"
"""The file in a gate's folder that says for what it has compiled once."""


def compiled_before(folder: Path) -> bool:
    """Whether a gate of this folder has compiled with these versions on this machine, so that numba's cache should have it."""
    try:
        return (folder / _MARK).read_text(encoding="utf-8") == _circumstances()
    except OSError:
        return False


def note_compiled(folder: Path) -> None:
    """Best effort: where it cannot be written, the next start waits for the compiler's cache once more."""
    try:
        (folder / _MARK).write_text(_circumstances(), encoding="utf-8")
    except OSError:
        return


def _circumstances() -> str:
    return f"amparo {version('amparo')}, numba {version('numba')}, {platform.node()} {platform.machine()}\n"


@cache
def warm_up() -> None:
    """Once for each process: half a second, or the time of compiling (some 20 s) at the first start of an installation.

    numba keeps what it compiled beside the sources, or in its cache folder where those cannot be written.
    """
    picture = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8).repeat(2, 0).repeat(2, 1)
    pdq.turned(picture)
    decode.prepare()
    asked, record = query(picture), register(picture)
    compare(record, asked)
    pool = PooledIndex()
    pool.add(0, record.descriptors)
    pool.candidates(asked.descriptors, asked.mirrored)
    index = HammingIndex()
    index.add(np.zeros((1, PDQ_BYTES), np.uint8))
    index.search(np.zeros((1, PDQ_BYTES), np.uint8), 0)
