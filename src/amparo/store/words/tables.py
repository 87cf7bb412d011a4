"""Tables of sealed words. All of it goes with its case."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from amparo.store.tables import STRICT, metadata

desk_key_table: Final = Table(
    "desk_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("retired_at", Text, nullable=True),
    **STRICT,
)

desk_wrap_table: Final = Table(
    "case_desk_wrap",
    metadata,
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("desk_key_id", Text, ForeignKey("desk_key.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "desk_key_id"),
    **STRICT,
)

words_table: Final = Table(
    "case_words",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("case_words_case", "case_id"),
    **STRICT,
)

words_tag_table: Final = Table(
    "case_words_tag",
    metadata,
    Column("words_id", Text, ForeignKey("case_words.id", ondelete="CASCADE"), nullable=False),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("tag", LargeBinary, nullable=False),
    PrimaryKeyConstraint("words_id", "tag"),
    # All columns: who shares what is read off this index alone.
    Index("case_words_tag_tag", "tag", "case_id", "words_id"),
    Index("case_words_tag_case", "case_id"),
    **STRICT,
)
