"""Floor 3: exact search for near fingerprints."""

from amparo.index.hamming import HammingIndex
from amparo.index.linear import LinearIndex
from amparo.index.protocol import FingerprintIndex, Matches

__all__ = ["FingerprintIndex", "HammingIndex", "LinearIndex", "Matches"]
