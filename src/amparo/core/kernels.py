"""Compiled kernels: the one place that decides whether and how numba compiles our loops.

Kernels release the GIL, are cached on disk, and never use fast-math: a fingerprint must come out bit for bit the same
on every machine and in TypeScript. A read-only install (no writable ``__pycache__``, no usable HOME) would make numba
refuse ``cache=True``; then the kernels are cached in a private folder below the temporary directory, or, where even
that cannot be written, compiled anew in each process.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

from amparo.core.logs import get_logger

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def _compiler_works() -> bool:
    if os.environ.get("AMPARO_JIT", "1") == "0":
        return False
    try:
        import_module("numba")
    except Exception as error:  # noqa: BLE001  # a numba that does not fit its numpy, its LLVM or its Python raises anything
        get_logger("amparo.core").warning("kernels_not_compiled", reason=type(error).__name__, detail=str(error)[:300])
        return False
    return True


JIT: Final = _compiler_works()
"""Whether kernels are compiled. ``AMPARO_JIT=0``, or a numba that is missing or cannot be loaded, turns every room to its
numpy fallback; results are the same, and slower."""


def _cache_usable(source: Path) -> bool:
    for folder in (source.parent / "__pycache__", source.parent):
        if folder.is_dir():
            return os.access(folder, os.W_OK)
    return False


def _prepare_cache(source: Path) -> bool:
    """Whether numba may cache a kernel of ``source``; points it at a private folder where the install is read-only."""
    if "NUMBA_CACHE_DIR" in os.environ or _cache_usable(source):
        return True
    private = Path(tempfile.gettempdir()) / f"amparo-kernels-{os.getuid()}"
    try:
        private.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return False
    owner = private.stat()
    # Somebody else's folder under our name could hand us code to run.
    if owner.st_uid != os.getuid() or owner.st_mode & 0o077 or not os.access(private, os.W_OK):
        return False
    from numba.core import config

    config.CACHE_DIR = str(private)
    return True


def kernel(function: FunctionT) -> FunctionT:
    """Compile ``function`` with numba (no GIL, no Python objects, cached), or return it as it is when JIT is off."""
    if not JIT:
        return function
    import numba

    cache = _prepare_cache(Path(function.__code__.co_filename))  # type: ignore[attr-defined]
    return numba.njit(nogil=True, cache=cache)(function)
