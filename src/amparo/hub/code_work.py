"""The slow computation behind every case code, bounded: a crowd at one hour waits in line and never fills the memory."""

from __future__ import annotations

import threading
from typing import Final

from amparo.case.code import CaseCode, CodeKeys, keys_of

AT_ONCE: Final = 4
"""Each takes 19 MiB while it runs (``case.code``): 76 MiB, however many people come."""


class CodeWork:
    """Safe to use from several threads; who comes when all places are taken waits."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    def keys_of(self, code: CaseCode, pepper: bytes) -> CodeKeys:
        """As ``case.code.keys_of``."""
        with self._places:
            return keys_of(code, pepper)
