"""What became of an upload that a partner held."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """lapsed: nobody decided, and nobody is asked any more."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"
