"""Traces of ordinary photos in the bank, and uploads recognised as altered that wait for a person's decision."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("bank_entry", sa.Column("signal_type", sa.Text, nullable=False, server_default="pdq"))
    op.add_column("partner", sa.Column("whole_records", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "trace_review",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, sa.ForeignKey("case_record.id", ondelete="CASCADE"), nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("value_tag", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("trace_review_of", "trace_review", ["entry_id", "partner_id", "state"])
    op.create_index("trace_review_case", "trace_review", ["case_id"])
    op.create_index("trace_review_at", "trace_review", ["state", "at"])


def downgrade() -> None:
    """Registered photos are forgotten: the schema before knows fingerprints of one type only, and would read a trace as one."""
    op.drop_table("trace_review")
    traces = "SELECT id FROM bank_entry WHERE signal_type = 'trace'"
    for table in ("opinion", "recall", "sighting", "feed_change"):
        op.execute(f"DELETE FROM {table} WHERE entry_id IN ({traces})")  # noqa: S608  # names from the line above
    op.execute("DELETE FROM bank_entry WHERE signal_type = 'trace'")
    op.drop_column("partner", "whole_records")
    op.drop_column("bank_entry", "signal_type")
