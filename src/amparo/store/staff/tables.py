"""Tables of the desk's staff.

``desk_reveal`` and ``staff_deed`` are append-only: triggers (migration 0006) refuse to change or remove a line. Those of
``desk_proposal`` refuse to remove one, and to change one that is decided, except that what was approved is used.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from amparo.store.tables import STRICT, metadata

staff_table: Final = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("subject", Text, nullable=True, unique=True),
    Column("created_at", Text, nullable=False),
    Column("disabled_at", Text, nullable=True),
    Column("generation", Integer, nullable=False),
    **STRICT,
)

passkey_table: Final = Table(
    "passkey",
    metadata,
    Column("credential", LargeBinary, primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("last_used_at", Text, nullable=True),
    Index("passkey_staff", "staff_id"),
    **STRICT,
)

invitation_table: Final = Table(
    "staff_invitation",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    Column("until", Text, nullable=False),
    **STRICT,
)

# case_id without a foreign key: that words were read stays on record when the case is gone.
reveal_table: Final = Table(
    "desk_reveal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    Column("case_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
    Index("desk_reveal_case", "case_id"),
    Index("desk_reveal_staff", "staff_id", "at"),
    sqlite_autoincrement=True,
    **STRICT,
)

deed_table: Final = Table(
    "staff_deed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("deed", Text, nullable=False),
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("by_id", Text, ForeignKey("staff.id"), nullable=True),
    Column("agreed_id", Text, ForeignKey("staff.id"), nullable=True),
    Index("staff_deed_kind", "deed", "at"),
    sqlite_autoincrement=True,
    **STRICT,
)

# An act that needs two people: asked by one, decided by another.
proposal_table: Final = Table(
    "desk_proposal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("act", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("asked_by", Text, ForeignKey("staff.id"), nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, ForeignKey("staff.id"), nullable=True),
    Column("decided_at", Text, nullable=True),
    Index("desk_proposal_state", "state", "asked_at"),
    **STRICT,
)

policy_table: Final = Table(
    "desk_policy",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    **STRICT,
)
