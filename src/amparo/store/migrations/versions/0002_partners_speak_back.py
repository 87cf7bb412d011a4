"""Partners speak back: opinions, recalls, alerts; canaries and value tags in the bank; how a partner fetches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_EMPTY = sa.text("x''")


def upgrade() -> None:
    op.add_column("bank_entry", sa.Column("value_tag", sa.LargeBinary, nullable=False, server_default=_EMPTY))
    op.add_column("bank_entry", sa.Column("canary_of", sa.Text, nullable=True))
    op.create_index("bank_entry_tag", "bank_entry", ["value_tag"])
    op.create_index("feed_change_at", "feed_change", ["at"])
    op.add_column("partner", sa.Column("interface", sa.Text, nullable=False, server_default="native"))
    op.add_column("partner", sa.Column("full_fetch", sa.Integer, nullable=False, server_default="0"))
    op.add_column("partner", sa.Column("recall_key", sa.LargeBinary, nullable=False, server_default=_EMPTY))
    op.add_column("partner", sa.Column("daily_opinions", sa.Integer, nullable=False, server_default="10000"))
    op.create_table(
        "opinion",
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("opinion", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("settled", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "entry_id"),
        sqlite_strict=True,
    )
    op.create_index("opinion_entry", "opinion", ["entry_id"])
    op.create_table(
        "recall",
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "entry_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("told_by", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def downgrade() -> None:
    for table in ("alert", "recall", "opinion"):
        op.drop_table(table)
    for column in ("daily_opinions", "recall_key", "full_fetch", "interface"):
        op.drop_column("partner", column)
    op.drop_index("feed_change_at", "feed_change")
    op.drop_index("bank_entry_tag", "bank_entry")
    op.drop_column("bank_entry", "canary_of")
    op.drop_column("bank_entry", "value_tag")
