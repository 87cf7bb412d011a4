"""The table of jobs. A job of a case goes with the case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from amparo.store.tables import STRICT, metadata

job_table: Final = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", Text, nullable=False),
    Column("claimed_until", Text, nullable=True),
    Column("ended_at", Text, nullable=True),
    Column("problem", Text, nullable=False),
    Index("job_due", "state", "due_at"),
    Index("job_case", "case_id"),
    sqlite_autoincrement=True,
    **STRICT,
)
