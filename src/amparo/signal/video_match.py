"""vPDQ's matching rule: which share of each video's frames is found in the other.

Frames are an unordered bag without repetitions; those below the quality limit do not count. Source:
ThreatExchange, vpdq/README.md, "Comparison (Matching) Algorithm". Where its programs differ, the README is
followed: a distance equal to the radius matches (their C++ wants less), and repeated fingerprints count
once (their C++ counts each).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, PDQ_MINIMUM_QUALITY
from amparo.signal.video_format import VideoFrame

_BLOCK: Final = 256
"""Query frames compared at once: with 20,000 bank frames a block needs some 160 MB at most."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Percent (0..100) of the distinct, good enough frames of each video that are found in the other."""

    query: float
    bank: float


@dataclass(frozen=True, slots=True)
class VideoRule:
    """When two videos count as the same. Percentages 0..100; raises InvalidInput ``video_rule_invalid``.

    The defaults are the README's: most of the banked video must be found, and the upload may hold any
    amount of other material around it. ThreatExchange's Python index asks the other way round (80 % of the
    query, 0 % of the bank), which finds excerpts but lets a copy through when something is appended to it;
    ``EXCERPT`` is that rule.
    """

    bank_percent: float = 80.0
    query_percent: float = 0.0
    radius: int = PDQ_MATCH_RADIUS
    minimum_quality: int = PDQ_MINIMUM_QUALITY

    def __post_init__(self) -> None:
        if not (0 <= self.bank_percent <= 100 and 0 <= self.query_percent <= 100):
            raise InvalidInput("video_rule_invalid", "Percentages lie between 0 and 100.")
        if not (0 <= self.radius <= 256 and 0 <= self.minimum_quality <= 100):
            raise InvalidInput("video_rule_invalid", "A radius lies in 0..256, a quality in 0..100.")


COPY: Final = VideoRule()
EXCERPT: Final = VideoRule(bank_percent=0.0, query_percent=80.0)


def shares(query: Iterable[VideoFrame], bank: Iterable[VideoFrame], rule: VideoRule = COPY) -> Shares:
    """How much of each video is found in the other. Both are 0 when either has no frame that is good enough."""
    asked, held = _distinct(query, rule.minimum_quality), _distinct(bank, rule.minimum_quality)
    if not (len(asked) and len(held)):
        return Shares(0.0, 0.0)
    found_asked = 0
    found_held = np.zeros(len(held), np.bool_)
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        distances = np.bitwise_count(block[:, None, :] ^ held[None, :, :]).sum(axis=2, dtype=np.int16)
        near = distances <= rule.radius
        found_asked += int(near.any(axis=1).sum())
        found_held |= near.any(axis=0)
    return Shares(100.0 * found_asked / len(asked), 100.0 * int(found_held.sum()) / len(held))


def matches(query: Iterable[VideoFrame], bank: Iterable[VideoFrame], rule: VideoRule = COPY) -> bool:
    """Whether the videos are the same by ``rule``. Never where nothing at all was found, not even for 0 percent."""
    found = shares(query, bank, rule)
    return found.query > 0 and found.query >= rule.query_percent and found.bank >= rule.bank_percent


def _distinct(frames: Iterable[VideoFrame], minimum_quality: int) -> NDArray[np.uint64]:
    values = {frame.fingerprint.value for frame in frames if frame.fingerprint.quality >= minimum_quality}
    return np.frombuffer(b"".join(sorted(values)), np.uint64).reshape(-1, 4)
