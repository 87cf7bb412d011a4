"""Compiled kernels: the one place that decides whether, when and how numba compiles our loops.

Loading numba and the machine code it has cached takes half a second and more, which a gate that starts does not have. So
nothing is loaded before a kernel is called for the first time, and ``postpone`` lets a process begin without any, where a room
can do without for a moment.

Kernels release the GIL, are cached on disk, and never use fast-math: a fingerprint must come out bit for bit the same
on every machine and in TypeScript. A read-only install (no writable ``__pycache__``, no usable HOME) would make numba
refuse ``cache=True``; then the kernels are cached in a private folder below the temporary directory, or, where even
that cannot be written, compiled anew in each process.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from functools import update_wrapper
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from amparo.core.logs import get_logger

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_WANTED: Final = os.environ.get("AMPARO_JIT", "1") != "0"


class _Compiler:
    """Of this process. works: None: nobody has tried to load it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.works: bool | None = None if _WANTED else False
        self.postponed = False


_compiler: Final = _Compiler()


def compiles() -> bool:
    """Whether kernels are compiled; the first call loads the compiler. ``AMPARO_JIT=0``, or a numba that is missing or cannot be
    loaded, turns every room to its numpy fallback; results are the same, and slower."""
    if _compiler.works is None:
        with _compiler.lock:
            if _compiler.works is None:
                _compiler.works = _loads()
    return _compiler.works


def ready() -> bool:
    """As ``compiles``, but False too while that would have to load a compiler which was postponed."""
    return compiles() if _compiler.works is not None or not _compiler.postponed else False


def postpone() -> None:
    """Let ``ready`` be False until somebody calls ``compiles``, or a kernel."""
    _compiler.postponed = True


def machine_has(feature: str) -> bool:
    """Whether kernels are compiled for a machine that has this, in LLVM's word: settings can make less of it than it is.

    Loads the compiler, which has to be one that loads.
    """
    from llvmlite import binding  # pyright: ignore[reportMissingTypeStubs]  # it has none
    from numba.core import config

    features = getattr(config, "CPU_FEATURES", None)
    told = binding.get_host_cpu_features().flatten() if features is None else features
    return f"+{feature}" in told.split(",")


def _loads() -> bool:
    try:
        import_module("numba")
    except Exception as error:  # noqa: BLE001  # a numba that does not fit its numpy, its LLVM or its Python raises anything
        get_logger("amparo.core").warning("kernels_not_compiled", reason=type(error).__name__, detail=str(error)[:300])
        return False
    return True


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
    """``function``, compiled with numba at its first call (no GIL, no Python objects, cached), or as it is where nothing is."""
    return cast("FunctionT", _Kernel(function)) if _WANTED else function


class _Kernel:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._made: Callable[..., Any] | None = None
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return (self._made or self.made())(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made(), name)

    def made(self) -> Callable[..., Any]:
        """What is called: numba's, or the function as it is."""
        with _compiler.lock:
            if self._made is None:
                self._made = self._compiled() if compiles() else self._function
            return self._made

    def _compiled(self) -> Callable[..., Any]:
        import numba

        function: Any = self._function
        # Numba wants to see what a kernel calls as it is itself.
        for name in function.__code__.co_names:
            called = function.__globals__.get(name)
            if isinstance(called, _Kernel | _Deferred) and called is not self:
                function.__globals__[name] = called.made()
        cache = _prepare_cache(Path(function.__code__.co_filename))
        made = numba.njit(nogil=True, cache=cache)(function)
        if function.__globals__.get(function.__name__) is self:
            function.__globals__[function.__name__] = made
        return made


def deferred(module: str, name: str, plain: Callable[..., Any] | None = None) -> Any:
    """Something that kernels call, of a module which needs the compiler to be imported. plain: does the same without one."""
    return _Deferred(module, name, plain)


class _Deferred:
    def __init__(self, module: str, name: str, plain: Callable[..., Any] | None) -> None:
        self._module = module
        self._name = name
        self._plain = plain

    def __call__(self, *arguments: Any) -> Any:
        assert self._plain is not None, "called without a compiler"
        return self._plain(*arguments)

    def made(self) -> Any:
        """The thing itself."""
        return getattr(import_module(self._module), self._name)
