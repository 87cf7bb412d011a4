"""The hub's tables. Times are RFC 3339 text in UTC: they sort, and they mean the same in every database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData()

STRICT: Final[dict[str, Any]] = {"sqlite_strict": True}

case_table: Final = Table(
    "case_record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code_tag", LargeBinary, nullable=False, unique=True),
    Column("request_tag", LargeBinary, nullable=False, unique=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("words_wrap", LargeBinary, nullable=False, server_default=text("x''")),
    **STRICT,
)

spent_request_table: Final = Table(
    "spent_request",
    metadata,
    Column("tag", LargeBinary, primary_key=True),
    **STRICT,
)

event_table: Final = Table(
    "case_event",
    metadata,
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "version"),
    **STRICT,
)

# case_id has no foreign key: an ended entry outlives its destroyed case, so that its tombstone stays in the feed.
entry_table: Final = Table(
    "bank_entry",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("value_tag", LargeBinary, nullable=False),
    Column("canary_of", Text, nullable=True),
    Column("signal_type", Text, nullable=False, server_default="pdq"),
    Index("bank_entry_case", "case_id"),
    Index("bank_entry_tag", "value_tag"),
    Index("bank_entry_expiry", "state", "expires_at"),
    **STRICT,
)

change_table: Final = Table(
    "feed_change",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("reason", Text, nullable=True),
    Column("at", Text, nullable=False),
    Index("feed_change_entry", "entry_id"),
    Index("feed_change_at", "at"),
    # AUTOINCREMENT: a sequence is never given twice, even if the newest rows were ever removed.
    sqlite_autoincrement=True,
    **STRICT,
)

partner_table: Final = Table(
    "partner",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("key_digest", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("key_expires_at", Text, nullable=True),
    Column("suspended_at", Text, nullable=True),
    Column("last_sync_at", Text, nullable=True),
    Column("acknowledged", Integer, nullable=False),
    Column("interface", Text, nullable=False),
    Column("full_fetch", Integer, nullable=False),
    Column("recall_key", LargeBinary, nullable=False),
    Column("daily_opinions", Integer, nullable=False),
    Column("whole_records", Integer, nullable=False, server_default="0"),
    Column("daily_sightings", Integer, nullable=False, server_default="100000"),
    Column("fetches_a_minute", Integer, nullable=False, server_default="600"),
    **STRICT,
)

export_table: Final = Table(
    "partner_export",
    metadata,
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("cursor", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("additions", Integer, nullable=False),
    Column("at", Text, nullable=False),
    PrimaryKeyConstraint("partner_id", "after", "cursor"),
    **STRICT,
)

sighting_table: Final = Table(
    "sighting",
    metadata,
    Column("id", Text, nullable=False),
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("at", Text, nullable=False),
    UniqueConstraint("partner_id", "id"),
    Index("sighting_at", "at"),
    Index("sighting_partner", "partner_id", "at"),
    Index("sighting_entry", "entry_id"),
    **STRICT,
)

# Kept beside the sightings themselves, so that a figure over half a year reads some thousand rows and not a million.
sighting_day_table: Final = Table(
    "sighting_day",
    metadata,
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("day", Text, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("partner_id", "day"),
    **STRICT,
)

opinion_table: Final = Table(
    "opinion",
    metadata,
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("opinion", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("settled", Integer, nullable=False),
    PrimaryKeyConstraint("partner_id", "entry_id"),
    Index("opinion_entry", "entry_id"),
    **STRICT,
)

recall_table: Final = Table(
    "recall",
    metadata,
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
    PrimaryKeyConstraint("partner_id", "entry_id"),
    **STRICT,
)

# Sealed with the case's key, and gone with the case: what waits here is the fingerprint of somebody's upload.
review_table: Final = Table(
    "trace_review",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("value_tag", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
    Index("trace_review_of", "entry_id", "partner_id", "state"),
    Index("trace_review_case", "case_id"),
    Index("trace_review_at", "state", "at"),
    **STRICT,
)

alert_table: Final = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("partner_id", Text, ForeignKey("partner.id"), nullable=False),
    Column("told_by", Text, ForeignKey("partner.id"), nullable=False),
    Column("at", Text, nullable=False),
    **STRICT,
)

desk_act_table: Final = Table(
    "desk_act",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("act", Text, nullable=False),
    Column("entry_id", Text, ForeignKey("bank_entry.id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    **STRICT,
)
