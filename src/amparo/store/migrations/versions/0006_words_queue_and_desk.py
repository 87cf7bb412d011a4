"""Sealed words and the desk's keys, the queue, staff, notices, jobs, incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_CASE = "case_record.id"


def upgrade() -> None:
    # Links to the desk are invitations now.
    op.drop_table("spent_link")
    op.add_column("case_record", sa.Column("words_wrap", sa.LargeBinary, nullable=False, server_default=sa.text("x''")))
    op.create_table("spent_request", sa.Column("tag", sa.LargeBinary, primary_key=True), sqlite_strict=True)
    _words()
    _staff()
    _queue()
    _notices()
    _jobs()
    _incidents()
    _sightings()


def downgrade() -> None:
    for table in (
        *("sighting_day", "incident_apart", "incident_case", "incident", "job", "notice_event", "notice", "case_queue"),
        *("desk_policy", "desk_proposal", "desk_reveal", "staff_deed", "staff_invitation", "passkey", "staff"),
        *("case_words_tag", "case_words", "case_desk_wrap", "desk_key", "spent_request"),
    ):
        op.drop_table(table)
    op.drop_column("case_record", "words_wrap")
    op.create_table(
        "spent_link",
        sa.Column("link", sa.LargeBinary, primary_key=True),
        sa.Column("until", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def _words() -> None:
    op.create_table(
        "desk_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("retired_at", sa.Text, nullable=True),
        sqlite_strict=True,
    )
    op.create_table(
        "case_desk_wrap",
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("desk_key_id", sa.Text, sa.ForeignKey("desk_key.id"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "desk_key_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "case_words",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("case_words_case", "case_words", ["case_id"])
    op.create_table(
        "case_words_tag",
        sa.Column("words_id", sa.Text, sa.ForeignKey("case_words.id", ondelete="CASCADE"), nullable=False),
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("tag", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("words_id", "tag"),
        sqlite_strict=True,
    )
    op.create_index("case_words_tag_tag", "case_words_tag", ["tag", "case_id", "words_id"])
    op.create_index("case_words_tag_case", "case_words_tag", ["case_id"])


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=True, unique=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("disabled_at", sa.Text, nullable=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "passkey",
        sa.Column("credential", sa.LargeBinary, primary_key=True),
        sa.Column("staff_id", sa.Text, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.Integer, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("last_used_at", sa.Text, nullable=True),
        sqlite_strict=True,
    )
    op.create_index("passkey_staff", "passkey", ["staff_id"])
    op.create_table(
        "staff_invitation",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("staff_id", sa.Text, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("until", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "desk_reveal",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("staff_id", sa.Text, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("desk_reveal_case", "desk_reveal", ["case_id"])
    op.create_index("desk_reveal_staff", "desk_reveal", ["staff_id", "at"])
    op.create_table(
        "staff_deed",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("deed", sa.Text, nullable=False),
        sa.Column("staff_id", sa.Text, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("by_id", sa.Text, sa.ForeignKey("staff.id"), nullable=True),
        sa.Column("agreed_id", sa.Text, sa.ForeignKey("staff.id"), nullable=True),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("staff_deed_kind", "staff_deed", ["deed", "at"])
    for log in ("desk_reveal", "staff_deed"):
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {log}_no_{act.lower()} BEFORE {act} ON {log} "
                f"BEGIN SELECT RAISE(ABORT, '{log} is append-only'); END"
            )
    op.create_table(
        "desk_proposal",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary, nullable=False),
        sa.Column("asked_by", sa.Text, sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("asked_at", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, sa.ForeignKey("staff.id"), nullable=True),
        sa.Column("decided_at", sa.Text, nullable=True),
        sqlite_strict=True,
    )
    op.execute(
        "CREATE TRIGGER desk_proposal_no_delete BEFORE DELETE ON desk_proposal "
        "BEGIN SELECT RAISE(ABORT, 'proposals stay on record'); END"
    )
    op.execute(
        "CREATE TRIGGER desk_proposal_once BEFORE UPDATE ON desk_proposal "
        "WHEN OLD.state <> 'waiting' AND NOT (OLD.state = 'approved' AND NEW.state = 'used') "
        "BEGIN SELECT RAISE(ABORT, 'a proposal is decided once'); END"
    )
    op.create_index("desk_proposal_state", "desk_proposal", ["state", "asked_at"])
    op.create_table(
        "desk_policy",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def _queue() -> None:
    op.create_table(
        "case_queue",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("touched_at", sa.Text, nullable=False),
        sa.Column("waits", sa.Integer, nullable=False),
        sa.Column("arrived", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Text, nullable=True),
        sa.Column("assigned_to", sa.Text, sa.ForeignKey("staff.id"), nullable=True),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("case_queue_order", "case_queue", ["urgency", "next_at", "touched_at"])
    op.create_index("case_queue_waits", "case_queue", ["waits"])


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("pack", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Text, nullable=True),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.Column("clock", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("notice_case", "notice", ["case_id"])
    op.create_index("notice_due", "notice", ["due_at", "changed_at"])
    op.create_index("notice_phase", "notice", ["phase", "changed_at"])
    op.create_index("notice_clock", "notice", ["clock"])
    op.create_table(
        "notice_event",
        sa.Column("notice_id", sa.Text, sa.ForeignKey("notice.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "version"),
        sqlite_strict=True,
    )


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("asked_at", sa.Text, nullable=False),
        sa.Column("due_at", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.Text, nullable=False),
        sa.Column("claimed_until", sa.Text, nullable=True),
        sa.Column("ended_at", sa.Text, nullable=True),
        sa.Column("problem", sa.Text, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("job_due", "job", ["state", "due_at"])
    op.create_index("job_case", "job", ["case_id"])


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sealed_title", sa.LargeBinary, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "incident_case",
        sa.Column("case_id", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False),
        sa.Column("linked_by", sa.Text, nullable=False),
        sa.Column("linked_at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("incident_case_incident", "incident_case", ["incident_id"])
    op.create_table(
        "incident_apart",
        sa.Column("first_case", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("second_case", sa.Text, sa.ForeignKey(_CASE, ondelete="CASCADE"), nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("said_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("first_case", "second_case"),
        sqlite_strict=True,
    )
    op.create_index("incident_apart_second", "incident_apart", ["second_case"])


def _sightings() -> None:
    op.create_table(
        "sighting_day",
        sa.Column("partner_id", sa.Text, sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "day"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO sighting_day (partner_id, day, count) "
        "SELECT partner_id, substr(at, 1, 10), count(*) FROM sighting GROUP BY 1, 2"
    )
