"""Quotas of each partner for sightings and fetches; what the desk decided is on record."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("partner", sa.Column("daily_sightings", sa.Integer, nullable=False, server_default="100000"))
    op.add_column("partner", sa.Column("fetches_a_minute", sa.Integer, nullable=False, server_default="600"))
    op.create_index("sighting_partner", "sighting", ["partner_id", "at"])
    op.create_table(
        "desk_act",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entry.id"), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("desk_act")
    op.drop_index("sighting_partner", "sighting")
    op.drop_column("partner", "fetches_a_minute")
    op.drop_column("partner", "daily_sightings")
