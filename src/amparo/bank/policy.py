"""Policy: what a platform does about a match. A match is a lead, never proof; the platform chooses its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, PDQ_MINIMUM_QUALITY

MAXIMUM_RADIUS: Final = 50
"""Bits. Beyond this, unrelated pictures begin to meet."""


class Action(StrEnum):
    """What becomes of an upload, from mildest to strictest."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Match:
    """A fact: this bank entry lies ``distance`` bits from the upload."""

    entry: EntryId
    distance: int


@dataclass(frozen=True, slots=True)
class Policy:
    """block_within, review_within: radii in bits, 0..50, or -1 for never; minimum_quality: uploads below it are let pass.
    altered: what becomes of an upload that seems to be an altered version of a registered ordinary photo.

    Raises InvalidInput ``policy_invalid`` for a radius out of range or a review radius smaller than the blocking one.
    """

    block_within: int = PDQ_MATCH_RADIUS
    review_within: int = PDQ_MATCH_RADIUS
    minimum_quality: int = PDQ_MINIMUM_QUALITY
    altered: Action = Action.REVIEW

    def __post_init__(self) -> None:
        if not (-1 <= self.block_within <= MAXIMUM_RADIUS and -1 <= self.review_within <= MAXIMUM_RADIUS):
            raise InvalidInput(
                "policy_invalid", f"A policy's radius lies between 0 and {MAXIMUM_RADIUS} bits, or is -1."
            )
        if self.review_within < self.block_within:
            raise InvalidInput("policy_invalid", "The review radius must not be smaller than the blocking radius.")

    @property
    def search_radius(self) -> int:
        """How far the index must be searched for this policy."""
        return max(self.review_within, self.block_within)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Policy's answer to an upload; ``matches`` nearest first."""

    action: Action
    matches: tuple[Match, ...]


def decide(matches: Sequence[Match], quality: int, policy: Policy) -> Verdict:
    """The verdict on an upload of this quality with these matches."""
    near = tuple(sorted(matches, key=lambda match: (match.distance, match.entry)))
    if quality < policy.minimum_quality or not near or near[0].distance > policy.search_radius:
        return Verdict(Action.ALLOW, ())
    action = Action.BLOCK if near[0].distance <= policy.block_within else Action.REVIEW
    return Verdict(action, tuple(match for match in near if match.distance <= policy.search_radius))
