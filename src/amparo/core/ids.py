"""Identifiers: random, meaningless, and a type of their own each."""

from __future__ import annotations

import re
import secrets
from typing import Final, NewType

CaseId = NewType("CaseId", str)
EntryId = NewType("EntryId", str)
PartnerId = NewType("PartnerId", str)
SightingId = NewType("SightingId", str)
ReviewId = NewType("ReviewId", str)
HubId = NewType("HubId", str)
WordsId = NewType("WordsId", str)
StaffId = NewType("StaffId", str)
IncidentId = NewType("IncidentId", str)
ProposalId = NewType("ProposalId", str)

_ID: Final = re.compile(r"[0-9a-f]{32}")


def random_id() -> str:
    """128 random bits as 32 lowercase hexadecimal digits."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether ``text`` has the shape of an identifier."""
    return _ID.fullmatch(text) is not None
