"""The outbox: which letters wait to be sent, which were, which could not be and why, and the very message of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amparo.core.errors import Conflict, NotFound, Rejected
from amparo.hub.commands.addressees import known_names, open_addressee
from amparo.hub.commands.notices import is_open, require_open
from amparo.hub.commands.queue import check_works_on_cases
from amparo.hub.commands.sending import SEND, message_of, read_job
from amparo.hub.context import Hub
from amparo.hub.mail import MailSettings, read_mail_settings
from amparo.hub.notice_file import OpenedNotice
from amparo.notice.content import NoticeId
from amparo.store import Transaction
from amparo.store.jobs.protocol import JobRecord, JobState
from amparo.store.staff.protocol import StaffRecord

ROWS: Final = 50


class Tray(StrEnum):
    WAITING = "waiting"
    FAILED = "failed"
    SENT = "sent"


_STATES: Final[dict[Tray, Collection[JobState]]] = {
    Tray.WAITING: (JobState.WAITING, JobState.CLAIMED),
    Tray.FAILED: (JobState.FAILED,),
    Tray.SENT: (JobState.DONE,),
}


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """number: of the case; addressee: "" where it is in the person's own words."""

    job: JobRecord
    number: int
    notice: NoticeId
    addressee: str


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """settings: None where this hub sends no mail."""

    tray: Tray
    page: int
    pages: int
    rows: tuple[OutboxRow, ...]
    counts: dict[Tray, int]
    settings: MailSettings | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One job. message: as it goes out, None until a reason to read the notice is on record."""

    row: OutboxRow
    message: bytes | None


def outbox(hub: Hub, by: StaffRecord, tray: Tray, page: int = 1) -> OutboxPage:
    """Raises Rejected ``role_missing``."""
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        tally = transaction.jobs.count([SEND])
        counts = {one: sum(tally.get(state, 0) for state in states) for one, states in _STATES.items()}
        pages = max(1, -(-counts[tray] // ROWS))
        page = min(max(1, page), pages)
        jobs = transaction.jobs.lines([SEND], _STATES[tray], ROWS, (page - 1) * ROWS)
        known = known_names(hub, transaction)
        rows = tuple(_row(hub, transaction, job, known) for job in jobs)
    return OutboxPage(tray, page, pages, rows, counts, read_mail_settings(hub.mail_file))


def letter(hub: Hub, by: StaffRecord, job: int) -> Letter:
    """Raises Rejected ``role_missing``, NotFound ``letter_unknown``."""
    check_works_on_cases(by)
    settings = read_mail_settings(hub.mail_file)
    with hub.store.read() as transaction:
        record = _job(transaction, job)
        opened = OpenedNotice.read(transaction, read_job(hub, record).notice, hub.vault)
        readable = is_open(hub, transaction, by, opened)
        row = _row(hub, transaction, record, known_names(hub, transaction))
    if not readable or settings is None:
        return Letter(row, None)
    try:
        return Letter(row, message_of(opened.state, read_job(hub, record), settings))
    except Rejected:
        # Revised since: what this job was to send is no letter any more.
        return Letter(row, None)


def try_again(hub: Hub, by: StaffRecord, job: int) -> None:
    """Send it now, or as soon as the worker comes to it.

    Raises Rejected ``role_missing``, ``notice_closed_to_you``, NotFound ``letter_unknown``, Conflict ``letter_settled``.
    """
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        record = _job(transaction, job)
        opened = OpenedNotice.read(transaction, read_job(hub, record).notice, hub.vault)
        require_open(hub, transaction, by, opened)
        if not transaction.jobs.again(job, hub.clock.now()):
            raise Conflict("letter_settled", "This letter is being sent, was sent, or is not wanted any more.")


def _job(transaction: Transaction, job: int) -> JobRecord:
    record = transaction.jobs.job(job) if 0 < job < 2**63 else None
    if record is None or record.kind != SEND:
        raise NotFound("letter_unknown", "There is no such letter in the outbox.")
    return record


def _row(hub: Hub, transaction: Transaction, job: JobRecord, known: Collection[str]) -> OutboxRow:
    notice = read_job(hub, job).notice
    line = transaction.queue.line(job.case) if job.case else None
    addressee = open_addressee(OpenedNotice.read(transaction, notice, hub.vault).state, known)
    return OutboxRow(job, line.number if line else 0, notice, addressee)
