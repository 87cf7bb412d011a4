"""``JobLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects import sqlite

from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId
from amparo.store.jobs.protocol import LONGEST_WAIT, JobRecord, JobState, NewJob
from amparo.store.jobs.tables import job_table

_SETTLED = (JobState.DONE, JobState.DROPPED)


class SqlJobs:
    """See ``JobLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enqueue(self, job: NewJob, now: datetime) -> bool:
        row = sqlite.insert(job_table).values(
            kind=job.kind,
            name=job.name,
            case_id=job.case,
            sealed=job.sealed,
            asked_at=to_text(now),
            due_at=to_text(now),
            state=JobState.WAITING,
            attempts=0,
            claimed_by="",
            problem="",
        )
        done = self._connection.execute(row.on_conflict_do_nothing(index_elements=[job_table.c.name]))
        return done.rowcount == 1

    def ready(self, kinds: Collection[str], now: datetime) -> bool:
        query = select(job_table.c.id).where(_ready(kinds, now)).limit(1)
        return self._connection.execute(query).one_or_none() is not None

    def claim(self, kinds: Collection[str], by: str, now: datetime, lease: timedelta) -> JobRecord | None:
        first = (
            select(job_table.c.id)
            .where(_ready(kinds, now))
            .order_by(job_table.c.due_at, job_table.c.id)
            .limit(1)
            .scalar_subquery()
        )
        claimed = self._connection.execute(
            update(job_table)
            .where(job_table.c.id == first)
            .values(
                state=JobState.CLAIMED,
                attempts=job_table.c.attempts + 1,
                claimed_by=by,
                claimed_until=to_text(now + min(lease, LONGEST_WAIT)),
            )
            .returning(job_table)
        ).one_or_none()
        return None if claimed is None else _record_of(claimed)

    def complete(self, job: int, by: str, now: datetime) -> bool:
        return self._end(job, by, state=JobState.DONE, ended_at=to_text(now), problem="")

    def finish(self, job: int, by: str) -> bool:
        return self._connection.execute(delete(job_table).where(_claim(job, by))).rowcount == 1

    def put_off(self, job: int, by: str, now: datetime, wait: timedelta, problem: str) -> bool:
        due = to_text(now + min(wait, LONGEST_WAIT))
        return self._end(job, by, state=JobState.WAITING, due_at=due, problem=problem)

    def give_up(self, job: int, by: str, now: datetime, problem: str) -> bool:
        return self._end(job, by, state=JobState.FAILED, ended_at=to_text(now), problem=problem)

    def drop(self, name: str, now: datetime) -> bool:
        named = job_table.c.name == name
        self._connection.execute(
            update(job_table)
            .where(named, job_table.c.state.in_((JobState.WAITING, JobState.FAILED)))
            .values(state=JobState.DROPPED, ended_at=to_text(now))
        )
        busy = select(job_table.c.id).where(named, job_table.c.state == JobState.CLAIMED)
        return self._connection.execute(busy).one_or_none() is None

    def again(self, job: int, now: datetime) -> bool:
        done = self._connection.execute(
            update(job_table)
            .where(job_table.c.id == job, job_table.c.state.in_((JobState.WAITING, JobState.FAILED)))
            .values(state=JobState.WAITING, due_at=to_text(now), ended_at=None)
        )
        return done.rowcount == 1

    def job(self, job: int) -> JobRecord | None:
        return self._one(job_table.c.id == job)

    def named(self, name: str) -> JobRecord | None:
        return self._one(job_table.c.name == name)

    def lines(
        self, kinds: Collection[str], states: Collection[JobState], limit: int, offset: int = 0
    ) -> list[JobRecord]:
        query = (
            select(job_table)
            .where(job_table.c.kind.in_(kinds), job_table.c.state.in_(states))
            .order_by(job_table.c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return [_record_of(row) for row in self._connection.execute(query)]

    def count(self, kinds: Collection[str]) -> dict[JobState, int]:
        query = select(job_table.c.state, func.count()).where(job_table.c.kind.in_(kinds)).group_by(job_table.c.state)
        return {JobState(state): int(count) for state, count in self._connection.execute(query)}

    def oldest_settled(self) -> datetime | None:
        query = select(func.min(job_table.c.ended_at)).where(job_table.c.state.in_(_SETTLED))
        at = self._connection.execute(query).scalar_one()
        return None if at is None else from_text(at)

    def forget(self, before: datetime) -> int:
        old = and_(job_table.c.state.in_(_SETTLED), job_table.c.ended_at < to_text(before))
        return self._connection.execute(delete(job_table).where(old)).rowcount

    def _end(self, job: int, by: str, **values: Any) -> bool:
        ended = update(job_table).where(_claim(job, by)).values(claimed_by="", claimed_until=None, **values)
        return self._connection.execute(ended).rowcount == 1

    def _one(self, condition: ColumnElement[bool]) -> JobRecord | None:
        row = self._connection.execute(select(job_table).where(condition)).one_or_none()
        return None if row is None else _record_of(row)


def _ready(kinds: Collection[str], now: datetime) -> ColumnElement[bool]:
    return and_(
        job_table.c.kind.in_(kinds),
        or_(
            and_(job_table.c.state == JobState.WAITING, _come(job_table.c.due_at, now)),
            and_(job_table.c.state == JobState.CLAIMED, _come(job_table.c.claimed_until, now)),
        ),
    )


def _come(moment: Any, now: datetime) -> ColumnElement[bool]:
    # Further ahead than anything is ever set: a clock was wrong when it was written, or is wrong now.
    return or_(moment <= to_text(now), moment > to_text(now + LONGEST_WAIT))


def _claim(job: int, by: str) -> ColumnElement[bool]:
    return and_(job_table.c.id == job, job_table.c.state == JobState.CLAIMED, job_table.c.claimed_by == by)


def _record_of(row: Row[Any]) -> JobRecord:
    return JobRecord(
        id=row.id,
        kind=row.kind,
        name=row.name,
        case=CaseId(row.case_id) if row.case_id else None,
        sealed=row.sealed,
        asked_at=from_text(row.asked_at),
        due_at=from_text(row.due_at),
        state=JobState(row.state),
        attempts=row.attempts,
        claimed_by=row.claimed_by,
        claimed_until=from_text(row.claimed_until) if row.claimed_until else None,
        ended_at=from_text(row.ended_at) if row.ended_at else None,
        problem=row.problem,
    )
