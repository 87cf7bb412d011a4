"""Tables of notices. All of it goes with its case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from amparo.store.tables import STRICT, metadata

notice_table: Final = Table(
    "notice",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("pack", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("due_at", Text, nullable=True),
    Column("changed_at", Text, nullable=False),
    Column("clock", Text, nullable=False),
    Index("notice_case", "case_id"),
    Index("notice_due", "due_at", "changed_at"),
    Index("notice_phase", "phase", "changed_at"),
    Index("notice_clock", "clock"),
    sqlite_autoincrement=True,
    **STRICT,
)

notice_event_table: Final = Table(
    "notice_event",
    metadata,
    Column("notice_id", Text, ForeignKey("notice.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("notice_id", "version"),
    **STRICT,
)
