"""The pooled trace index of a gate, and the level from which an upload is sent on to the hub."""

from amparo.index.trace.level import DEFAULT_LEVEL, level_for
from amparo.index.trace.pooled import Candidate, PooledIndex

__all__ = ["DEFAULT_LEVEL", "Candidate", "PooledIndex", "level_for"]
