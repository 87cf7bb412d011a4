"""The table of the desk's queue. No words, no fingerprints: a number, hours, and how urgent it is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from amparo.store.tables import STRICT, metadata

queue_table: Final = Table(
    "case_queue",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("door", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("touched_at", Text, nullable=False),
    Column("waits", Integer, nullable=False),
    Column("arrived", Integer, nullable=False),
    Column("next_at", Text, nullable=True),
    Column("assigned_to", Text, ForeignKey("staff.id"), nullable=True),
    Index("case_queue_order", "urgency", "next_at", "touched_at"),
    Index("case_queue_waits", "waits"),
    # AUTOINCREMENT: the number of an erased case is never another's.
    sqlite_autoincrement=True,
    **STRICT,
)
