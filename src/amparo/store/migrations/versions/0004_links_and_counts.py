"""Desk links that were used, so that a restart brings none back; sightings are counted by their entry."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "spent_link",
        sa.Column("link", sa.LargeBinary, primary_key=True),
        sa.Column("until", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("sighting_entry", "sighting", ["entry_id"])


def downgrade() -> None:
    op.drop_index("sighting_entry", "sighting")
    op.drop_table("spent_link")
