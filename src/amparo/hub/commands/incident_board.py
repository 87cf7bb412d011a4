"""The board of one incident: how many people, how many pictures, where they were seen, and what is open. No words are opened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np

from amparo.case.machine import Case
from amparo.case.outcome import Outcome
from amparo.case.people import Door
from amparo.core.ids import CaseId, IncidentId
from amparo.hub.commands.incidents import Named, named_incident
from amparo.hub.commands.queue import QueueRow, check_works_on_cases, row_of, staff_names
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase
from amparo.notice.machine import Phase
from amparo.notice.pack import RulePack
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS
from amparo.store import Transaction
from amparo.store.notices.protocol import NoticeRecord
from amparo.store.staff.protocol import StaffRecord

_OVER: Final = frozenset({Phase.REMOVED, Phase.ABANDONED})
"""Phases of a notice in which nobody has anything to do."""


@dataclass(frozen=True, slots=True)
class BoardCase:
    """One case of the incident. pictures: protected now; held: uploads that wait for a partner's reviewer."""

    row: QueueRow
    linked_by: str
    linked_at: datetime
    pictures: int
    photos: int
    sightings: int
    held: int


@dataclass(frozen=True, slots=True)
class SeenBy:
    """What one partner saw of all these cases. held, confirmed: altered versions of photos, waiting and decided."""

    partner: str
    seen: int
    stopped: int
    held: int
    confirmed: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class OpenNotice:
    """A notice that is not over, by the number of its case. late: its time is over."""

    number: int
    rule: RulePack
    record: NoticeRecord
    late: bool


@dataclass(frozen=True, slots=True)
class IncidentBoard:
    """people: cases of people in pictures, of whom one may have two; witnesses: cases of witnesses; pictures: protected ones
    that do not look alike, of ``protected`` in all.

    seen_by_day: sightings and held uploads, by the day in UTC. notices: those whose time is over, then the nearest clock first.
    """

    named: Named
    opened_at: datetime
    opened_by: str
    cases: tuple[BoardCase, ...]
    people: int
    witnesses: int
    pictures: int
    protected: int
    photos: int
    seen: tuple[SeenBy, ...]
    seen_by_day: dict[date, int]
    unread: int
    held: int
    notices: tuple[OpenNotice, ...]

    @property
    def sightings(self) -> int:
        return sum(one.seen for one in self.seen)

    @property
    def late(self) -> int:
        return sum(one.late for one in self.notices)


def incident_board(hub: Hub, by: StaffRecord, incident: IncidentId) -> IncidentBoard:
    """The incident in one consistent picture. Raises Rejected ``role_missing``, NotFound ``incident_unknown``."""
    check_works_on_cases(by)
    now = hub.clock.now()
    with hub.store.read() as transaction:
        named, record = named_incident(hub, transaction, incident)
        links = {link.case: link for link in transaction.incidents.cases(incident)}
        names = staff_names(transaction)
        rows = [row_of(line, by, names, now) for line in transaction.queue.lines_of(list(links), len(links))]
        states = {row.line.case: _state(hub, transaction, row.line.case) for row in rows}
        pictures, protected = _pictures(hub, transaction, states.keys())
        notices = [
            OpenNotice(row.line.number, hub.office.packs.get(one.pack), one, _late(one, now))
            for row in rows
            for one in transaction.notices.of_case(row.line.case)
            if one.phase not in _OVER
        ]
    cases = tuple(
        BoardCase(
            row,
            names.get(links[row.line.case].linked_by, ""),
            links[row.line.case].linked_at,
            protected[row.line.case],
            sum(photo.removed_at is None for photo in states[row.line.case].photos),
            len(states[row.line.case].sightings),
            _waiting(states[row.line.case]),
        )
        for row in rows
    )
    notices.sort(key=_nearest_first)
    witnesses = sum(row.line.door is Door.WITNESS for row in rows)
    return IncidentBoard(
        named=named,
        opened_at=record.opened_at,
        opened_by=names.get(record.opened_by, ""),
        cases=cases,
        people=len(cases) - witnesses,
        witnesses=witnesses,
        pictures=pictures,
        protected=protected.total(),
        photos=sum(one.photos for one in cases),
        seen=_seen(states.values()),
        seen_by_day=_by_day(states.values()),
        unread=sum(row.line.waits for row in rows),
        held=sum(one.held for one in cases),
        notices=tuple(notices),
    )


def _late(notice: NoticeRecord, now: datetime) -> bool:
    # A clock that has told its end has nothing more to say.
    return notice.phase is Phase.EXPIRED or (notice.due_at is not None and notice.due_at <= now)


def _nearest_first(one: OpenNotice) -> tuple[bool, bool, datetime, int]:
    record = one.record
    return not one.late, record.due_at is None, record.due_at or record.changed_at, one.number


def _state(hub: Hub, transaction: Transaction, case: CaseId) -> Case:
    record = transaction.case(case)
    assert record is not None  # it has a line, in this same transaction
    return OpenedCase.read(transaction, record, hub.vault).state


def _pictures(hub: Hub, transaction: Transaction, cases: Collection[CaseId]) -> tuple[int, Counter[CaseId]]:
    """How many pictures these cases protect now that do not look alike, and how many each protects."""
    _, held = hub.banked.held(hub.vault, transaction)
    ours = [(case, value) for case, value in held.values() if case in cases]
    values = np.frombuffer(b"".join(value for _, value in ours), np.uint8).reshape(-1, PDQ_BYTES)
    group = list(range(len(ours)))
    for row in range(len(ours)):
        apart = np.bitwise_count(values[:row] ^ values[row]).sum(axis=1)
        for other in np.flatnonzero(apart <= PDQ_MATCH_RADIUS).tolist():
            if group[other] != group[row]:
                kept, gone = group[other], group[row]
                group = [kept if one == gone else one for one in group]
    return len(set(group)), Counter(case for case, _ in ours)


def _waiting(state: Case) -> int:
    return sum(one.outcome is Outcome.WAITING for one in state.derivatives)


def _seen(states: Iterable[Case]) -> tuple[SeenBy, ...]:
    """By partner, the one that saw most first."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    moments: defaultdict[str, list[datetime]] = defaultdict(list)
    for state in states:
        for sighting in state.sightings:
            counted[sighting.partner_name].update(seen=1, stopped=int(sighting.stopped))
            moments[sighting.partner_name].append(sighting.seen_at)
        for one in state.derivatives:
            waits, agreed = one.outcome is Outcome.WAITING, one.outcome is Outcome.CONFIRMED
            counted[one.held.partner_name].update(held=int(waits), confirmed=int(agreed))
            moments[one.held.partner_name].append(one.held.seen_at)
    seen = [
        SeenBy(
            name,
            counts["seen"],
            counts["stopped"],
            counts["held"],
            counts["confirmed"],
            min(moments[name]),
            max(moments[name]),
        )
        for name, counts in counted.items()
    ]
    return tuple(sorted(seen, key=lambda one: (-one.seen, -one.held, one.partner)))


def _by_day(states: Iterable[Case]) -> dict[date, int]:
    counted: Counter[date] = Counter()
    for state in states:
        counted.update(one.seen_at.date() for one in state.sightings)
        counted.update(one.held.seen_at.date() for one in state.derivatives)
    return dict(counted)
