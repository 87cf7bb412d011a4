"""Tables of incidents. An incident's title is sealed; who is in it goes with the case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from amparo.store.tables import STRICT, metadata

incident_table: Final = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed_title", LargeBinary, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    **STRICT,
)

# A case is in one incident at most.
incident_case_table: Final = Table(
    "incident_case",
    metadata,
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), primary_key=True),
    Column("incident_id", Text, ForeignKey("incident.id", ondelete="CASCADE"), nullable=False),
    Column("linked_by", Text, nullable=False),
    Column("linked_at", Text, nullable=False),
    Index("incident_case_incident", "incident_id"),
    **STRICT,
)

# Two cases that somebody has looked at and found apart; the lesser id stands first.
apart_table: Final = Table(
    "incident_apart",
    metadata,
    Column("first_case", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("second_case", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("said_by", Text, nullable=False),
    Column("said_at", Text, nullable=False),
    PrimaryKeyConstraint("first_case", "second_case"),
    Index("incident_apart_second", "second_case"),
    **STRICT,
)
