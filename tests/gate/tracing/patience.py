"""Settings of a gate that waits for its hub however busy the machine is."""

from __future__ import annotations

from typing import Final

from amparo.gate.tracing.settings import TraceSettings

PATIENT: Final = TraceSettings(seconds=60)
