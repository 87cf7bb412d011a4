"""The first schema: cases, their sealed events, the bank, its feed, partners, exports, sightings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "case_record",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("code_tag", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("request_tag", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "case_event",
        sa.Column("case_id", sa.Text, sa.ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "bank_entry",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("added_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("bank_entry_case", "bank_entry", ["case_id"])
    op.create_index("bank_entry_expiry", "bank_entry", ["state", "expires_at"])
    op.create_table(
        "feed_change",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("feed_change_entry", "feed_change", ["entry_id"])
    op.create_table(
        "partner",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("key_digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("key_expires_at", sa.Text, nullable=True),
        sa.Column("suspended_at", sa.Text, nullable=True),
        sa.Column("last_sync_at", sa.Text, nullable=True),
        sa.Column("acknowledged", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "partner_export",
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
        sa.Column("after", sa.Integer, nullable=False),
        sa.Column("additions", sa.Integer, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "after", "cursor"),
        sqlite_strict=True,
    )
    op.create_table(
        "sighting",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.UniqueConstraint("partner_id", "id"),
        sqlite_strict=True,
    )
    op.create_index("sighting_at", "sighting", ["at"])


def downgrade() -> None:
    for table in (
        "sighting",
        "partner_export",
        "partner",
        "feed_change",
        "bank_entry",
        "case_event",
        "case_record",
    ):
        op.drop_table(table)
