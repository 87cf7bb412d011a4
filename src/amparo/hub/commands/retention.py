"""How long things are kept, what each rule does next and when, and doing it.

A case that protects nothing any more (every fingerprint has ended) and has no clock running is due after so many days without a
step. It is then shown as due for the days of notice, in which anybody who works on cases can keep it, and erased after them. A
change of policy starts the notice anew, so that no change erases anything at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from amparo.core.errors import NotFound, Rejected, Unavailable
from amparo.core.logs import get_logger
from amparo.hub.commands.ending import RECALL_LIVES, erase_case
from amparo.hub.commands.reviews import REVIEW_LIVES
from amparo.hub.commands.staff import INVITATION_LIVES
from amparo.hub.context import Hub
from amparo.hub.desk.access import CASES
from amparo.hub.jobs.worker import KEEP_SETTLED
from amparo.hub.policy import CASE_IDLE_DAYS, CASE_NOTICE_DAYS, FINGERPRINT_DAYS, SettingNow, settings_now, time_of
from amparo.hub.vault import OpenedCase
from amparo.store import Transaction
from amparo.store.queue.protocol import QueueLine
from amparo.store.staff.protocol import StaffRecord

log: Final = get_logger("amparo.hub")

SHOWN: Final = 100
_AT_ONCE: Final = 50
_SOON: Final = timedelta(days=30)
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """what: is removed; keeps: for how long; next_at: when it does its work next, None while nothing waits for it; soon: how
    much within thirty days, None where that is not counted; ends: whether anything of it ever ends."""

    what: str
    keeps: str
    next_at: datetime | None = None
    soon: int | None = None
    ends: bool = True


@dataclass(frozen=True, slots=True)
class DueCase:
    number: int
    untouched_since: datetime
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class RetentionPanel:
    """due: cases whose days of notice run, the first to go first, at most 100."""

    rules: tuple[Rule, ...]
    due: tuple[DueCase, ...]
    settings: tuple[SettingNow, ...]


def retention_panel(hub: Hub) -> RetentionPanel:
    """Every rule, in one consistent picture."""
    now = hub.clock.now()
    with hub.store.read() as transaction:
        settings = {one.setting.name: one for one in settings_now(hub, transaction)}
        idle, notice = (timedelta(days=settings[name].days) for name in (CASE_IDLE_DAYS, CASE_NOTICE_DAYS))
        first = transaction.entries_due(_FAR, 1)
        ending = transaction.entries_due(now + _SOON, SHOWN)
        lines = transaction.queue.idle_since(now - idle, SHOWN)
        coming = transaction.queue.idle_since(_FAR, 1)
        erasure = _erasure(hub, transaction)
        invitations = transaction.staff.invitations()
        reviews, recalls = transaction.oldest_review(), transaction.oldest_recall()
        jobs = transaction.jobs.oldest_settled()
    due = tuple(DueCase(one.number, one.touched_at, erasure.of(one)) for one in lines)
    rules = (
        Rule(
            "Fingerprints, with everything sealed of them",
            f"{settings[FINGERPRINT_DAYS].days} days from when they were protected, unless their person ends them before",
            first[0].entry.expires_at if first else None,
            len(ending),
        ),
        Rule(
            "Cases that protect nothing any more, with their words, notices and keys",
            f"{idle.days} days without a step, and {notice.days} days of notice",
            erasure.of(coming[0]) if coming else None,
            sum(one.erased_at <= now + _SOON for one in due),
        ),
        Rule("Uploads that a partner asked about", _days(REVIEW_LIVES), _after(reviews, REVIEW_LIVES)),
        Rule(
            "Values that were taken back, sealed for partners that fetch by value",
            f"until the partner has fetched them, at most {_days(RECALL_LIVES)}",
            _after(recalls, RECALL_LIVES),
        ),
        Rule("Letters that were sent or dropped, as jobs", _days(KEEP_SETTLED), _after(jobs, KEEP_SETTLED)),
        Rule(
            "Invitations to the desk",
            _days(INVITATION_LIVES),
            min((one.until for one in invitations), default=None),
        ),
        Rule(
            "The reveal log, what was done about accounts, proposals and decisions on holds",
            "as long as the hub stands; they name no person of a case",
            ends=False,
        ),
    )
    return RetentionPanel(rules, due, tuple(settings.values()))


def keep_case(hub: Hub, by: StaffRecord, number: int) -> None:
    """Somebody has looked: the case's days begin anew. When this returns, it is on disk.

    Raises Rejected ``role_missing``, NotFound ``case_unknown``.
    """
    if by.role not in CASES:
        raise Rejected("role_missing", "Only who works on cases keeps one.")
    with hub.store.write() as transaction:
        line = transaction.queue.numbered(number)
        if line is None:
            raise NotFound("case_unknown", "There is no case with this number. It may have been withdrawn.")
        transaction.queue.show(line.case, line.door, line.urgency, hub.clock.now())


def erase_idle_cases(hub: Hub) -> int:
    """Erase every case whose notice is over; returns how many. When this returns, they are gone from every command."""
    erased = 0
    while True:
        now = hub.clock.now()
        with hub.store.write() as transaction:
            erasure = _erasure(hub, transaction)
            over = [
                line
                for line in transaction.queue.idle_since(now - erasure.idle - erasure.notice, _AT_ONCE)
                if erasure.of(line) <= now
            ]
            for line in over:
                record = transaction.case(line.case)
                if record is not None:
                    erase_case(hub.vault, transaction, OpenedCase.read(transaction, record, hub.vault), now)
        erased += len(over)
        if len(over) < _AT_ONCE:
            break
    if erased:
        log.info("cases_erased", count=erased)
        hub.bell.ring()
        with suppress(Unavailable):
            hub.store.scrub()
    return erased


@dataclass(frozen=True, slots=True)
class _Erasure:
    """not_before: a change of policy gives everybody the days of notice again."""

    idle: timedelta
    notice: timedelta
    not_before: datetime

    def of(self, line: QueueLine) -> datetime:
        return max(line.touched_at + self.idle + self.notice, self.not_before)


def _erasure(hub: Hub, transaction: Transaction) -> _Erasure:
    notice = time_of(hub, transaction, CASE_NOTICE_DAYS)
    ours = (CASE_IDLE_DAYS, CASE_NOTICE_DAYS)
    changed = [one.changed_at for one in transaction.staff.policy() if one.name in ours]
    not_before = max(changed) + notice if changed else datetime.min.replace(tzinfo=UTC)
    return _Erasure(time_of(hub, transaction, CASE_IDLE_DAYS), notice, not_before)


def _after(oldest: datetime | None, lives: timedelta) -> datetime | None:
    return None if oldest is None else oldest + lives


def _days(lives: timedelta) -> str:
    return f"{lives.days} days"
