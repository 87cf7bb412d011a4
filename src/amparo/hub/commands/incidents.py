"""Incidents: which cases are suggested together and why, and what people at the desk say to it. Only people link cases.

Nothing of an incident ever reaches a person's page: who is in one is never told of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from amparo.case.incident import Ground, Suggestion, Tie, order
from amparo.core.errors import Conflict, InvalidInput, NotFound
from amparo.core.ids import CaseId, IncidentId, is_id, random_id
from amparo.hub.commands.queue import check_works_on_cases, line_numbered, staff_names
from amparo.hub.context import Hub
from amparo.store import Transaction
from amparo.store.incidents.protocol import ApartRecord, IncidentRecord, LinkRecord
from amparo.store.queue.protocol import QueueLine
from amparo.store.staff.protocol import StaffRecord

ROWS: Final = 20
"""How many suggestions or incidents a page shows."""
CASES_AT_ONCE: Final = 200
APART_AT_ONCE: Final = 50
"""Of how many cases it can be said at once that none belongs with another; the pairs grow with the square."""
LONGEST_TITLE: Final = 120
_SAID_LATELY: Final = 20


@dataclass(frozen=True, slots=True)
class Named:
    """An incident by what staff call it."""

    id: IncidentId
    title: str


@dataclass(frozen=True, slots=True)
class Member:
    """A case by its line of the queue; incident: the one it is in already."""

    line: QueueLine
    incident: Named | None


@dataclass(frozen=True, slots=True)
class Reason:
    """What these cases have in common, by number; several times over, where ``times`` is more than one."""

    ground: Ground
    numbers: tuple[int, ...]
    times: int


@dataclass(frozen=True, slots=True)
class SuggestedIncident:
    """Cases that may belong together. incidents: those that some of them are in; reasons: the strongest first."""

    members: tuple[Member, ...]
    incidents: tuple[Named, ...]
    reasons: tuple[Reason, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(member.line.number for member in self.members)


@dataclass(frozen=True, slots=True)
class ApartLine:
    """Two cases, by number, that somebody found apart."""

    first: int
    second: int
    said_by: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class SuggestionsPage:
    """page: from 1, the one that is shown; total: suggestions on all pages; apart: the newest of what was said."""

    suggestions: tuple[SuggestedIncident, ...]
    total: int
    page: int
    pages: int
    apart: tuple[ApartLine, ...]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    named: Named
    cases: int
    opened_at: datetime
    opened_by: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentsPage:
    """suggestions: how many wait for somebody to look."""

    rows: tuple[IncidentRow, ...]
    total: int
    page: int
    pages: int
    suggestions: int


def suggestions_page(hub: Hub, by: StaffRecord, page: int = 1) -> SuggestionsPage:
    """Cases that may belong together, the strongest grounds first. Nobody's words are opened.

    Raises Rejected ``role_missing``.
    """
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        found = _suggested(hub, transaction)
        page, pages = _page(page, len(found))
        shown = found[(page - 1) * ROWS : page * ROWS]
        wanted = {case for one in shown for case in one.cases}
        said = transaction.incidents.apart()[:_SAID_LATELY]
        wanted |= {case for record in said for case in (record.first, record.second)}
        lines = _lines(transaction, wanted)
        links = transaction.incidents.links()
        titles = {links[case]: _named(hub, transaction, links[case]) for case in wanted if case in links}
        names = staff_names(transaction)
    apart = tuple(
        ApartLine(min(pair), max(pair), names.get(one.said_by, ""), one.said_at)
        for one, pair in ((one, (lines[one.first].number, lines[one.second].number)) for one in said)
    )
    # What is kept in memory may be younger than this transaction, and know of a case that it does not.
    groups = tuple(_group(one, lines, links, titles) for one in shown if lines.keys() >= set(one.cases))
    return SuggestionsPage(groups, len(found), page, pages, apart)


def incidents_page(hub: Hub, by: StaffRecord, page: int = 1) -> IncidentsPage:
    """Incidents, the one with the newest link first. Raises Rejected ``role_missing``."""
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        total = transaction.incidents.count()
        page, pages = _page(page, total)
        lines = transaction.incidents.lines(ROWS, (page - 1) * ROWS)
        names = staff_names(transaction)
        waiting = len(_suggested(hub, transaction))
    rows = tuple(
        IncidentRow(
            Named(line.record.id, _title(hub, line.record)),
            line.cases,
            line.record.opened_at,
            names.get(line.record.opened_by, ""),
            line.linked_at,
        )
        for line in lines
    )
    return IncidentsPage(rows, total, page, pages, waiting)


def confirm(
    hub: Hub, by: StaffRecord, numbers: Sequence[int], into: IncidentId | None = None, title: str = ""
) -> IncidentId:
    """Put these cases into an incident, ``into`` or a new one of this title. When this returns, it is on disk.

    A case that is in another incident moves. What was said of two of them being apart is taken back by it. Raises Rejected
    ``role_missing``, NotFound ``case_unknown``, ``incident_unknown``, InvalidInput ``incident_title_invalid``,
    ``incident_cases_few``, ``incident_cases_many``; then nothing has changed.
    """
    check_works_on_cases(by)
    now, numbers = hub.clock.now(), _distinct(numbers, 1 if into else 2)
    with hub.store.write() as transaction:
        ledger = transaction.incidents
        cases = [line_numbered(transaction, number).case for number in numbers]
        if into is None:
            incident = IncidentId(random_id())
            ledger.open(IncidentRecord(incident, _sealed(hub, incident, title), now, by.id))
        else:
            incident = _known(transaction, into).id
        together = {link.case for link in ledger.cases(incident)} | set(cases)
        for said in ledger.apart():
            if {said.first, said.second} <= together:
                ledger.unsay_apart(said.first, said.second)
        for case in cases:
            ledger.link(LinkRecord(case, incident, by.id, now))
    return incident


def take_out(hub: Hub, by: StaffRecord, incident: IncidentId, number: int) -> bool:
    """Undo a link. When this returns, it is on disk. Returns whether the incident is still there: it goes with its last case.

    Nothing happens where the case is not in this incident. Raises Rejected ``role_missing``, NotFound ``case_unknown``.
    """
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        line = line_numbered(transaction, number)
        known = transaction.incidents.link_of(line.case)
        if known is not None and known.incident == incident:
            transaction.incidents.unlink(line.case)
        return transaction.incidents.incident(incident) is not None


def rename(hub: Hub, by: StaffRecord, incident: IncidentId, title: str) -> None:
    """Raises Rejected ``role_missing``, NotFound ``incident_unknown``, InvalidInput ``incident_title_invalid``."""
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        known = _known(transaction, incident)
        transaction.incidents.retitle(known.id, _sealed(hub, known.id, title))


def say_apart(hub: Hub, by: StaffRecord, numbers: Sequence[int], one: int | None = None) -> None:
    """Say that none of these cases belongs with another; with ``one``, that this one belongs with none of the others.

    They are not suggested together any more; two that are in one incident stay so. When this returns, it is on disk. Raises
    Rejected ``role_missing``, NotFound ``case_unknown``, InvalidInput ``incident_cases_few``, ``incident_cases_many``, Conflict
    ``cases_linked`` where ``one`` is in an incident with another.
    """
    check_works_on_cases(by)
    now = hub.clock.now()
    numbers = _distinct(numbers if one is None else (*numbers, one), 2)
    if one is None and len(numbers) > APART_AT_ONCE:
        raise InvalidInput("incident_cases_many", f"At most {APART_AT_ONCE} cases can be set apart at once.")
    pairs = combinations(numbers, 2) if one is None else [(one, other) for other in numbers if other != one]
    with hub.store.write() as transaction:
        cases = {number: line_numbered(transaction, number).case for number in numbers}
        links = {case: transaction.incidents.link_of(case) for case in cases.values()}
        for first, second in pairs:
            of_first, of_second = links[cases[first]], links[cases[second]]
            if of_first is not None and of_second is not None and of_first.incident == of_second.incident:
                if one is None:
                    continue
                raise Conflict("cases_linked", "These cases are in one incident. Take one of them out first.")
            transaction.incidents.say_apart(ApartRecord(cases[first], cases[second], by.id, now))


def unsay_apart(hub: Hub, by: StaffRecord, first: int, second: int) -> None:
    """Take it back; nothing happens where nobody said so. Raises Rejected ``role_missing``, NotFound ``case_unknown``."""
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        cases = [line_numbered(transaction, number).case for number in (first, second)]
        transaction.incidents.unsay_apart(*cases)


def named_incident(hub: Hub, transaction: Transaction, incident: IncidentId) -> tuple[Named, IncidentRecord]:
    """Raises NotFound ``incident_unknown``."""
    record = _known(transaction, incident)
    return Named(record.id, _title(hub, record)), record


def look_for_ties(hub: Hub) -> None:
    """Do beforehand what the first page of suggestions would otherwise wait for."""
    with hub.store.read() as transaction:
        _suggested(hub, transaction)


def incident_of(hub: Hub, by: StaffRecord, case: CaseId) -> Named | None:
    """The incident of a case, for its page at the desk. Raises Rejected ``role_missing``."""
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        link = transaction.incidents.link_of(case)
        return None if link is None else _named(hub, transaction, link.incident)


def _suggested(hub: Hub, transaction: Transaction) -> list[Suggestion]:
    return hub.kinship.suggestions(hub.vault, transaction, hub.banked, hub.ordinary)


def _group(
    one: Suggestion,
    lines: Mapping[CaseId, QueueLine],
    links: Mapping[CaseId, IncidentId],
    titles: Mapping[IncidentId, Named],
) -> SuggestedIncident:
    members = [Member(lines[case], titles.get(links[case]) if case in links else None) for case in one.cases]
    members.sort(key=lambda member: member.line.number)
    numbers = {case: lines[case].number for case in one.cases}
    return SuggestedIncident(
        tuple(members), tuple(titles[incident] for incident in one.incidents), reasons(one.ties, numbers)
    )


def reasons(ties: Sequence[Tie], numbers: Mapping[CaseId, int]) -> tuple[Reason, ...]:
    """For each ground the cases that hang together by it; the weightiest ground first."""
    heads: defaultdict[Ground, dict[int, int]] = defaultdict(dict)
    times: defaultdict[tuple[Ground, int], int] = defaultdict(int)

    def head(of: dict[int, int], number: int) -> int:
        while of.setdefault(number, number) != number:
            number = of[number]
        return number

    for tie in ties:
        for ground in dict.fromkeys(tie.grounds):
            of = heads[ground]
            first, second = sorted((head(of, numbers[tie.first]), head(of, numbers[tie.second])))
            of[second] = first
    for tie in ties:
        for ground in dict.fromkeys(tie.grounds):
            place = ground, head(heads[ground], numbers[tie.first])
            times[place] = max(times[place], tie.grounds.count(ground))
    found: list[Reason] = []
    for ground, of in heads.items():
        together: defaultdict[int, list[int]] = defaultdict(list)
        for number in sorted(of):
            together[head(of, number)].append(number)
        found += [Reason(ground, tuple(alike), times[ground, first]) for first, alike in sorted(together.items())]
    return tuple(sorted(found, key=lambda one: (order(one.ground), one.numbers)))


def _lines(transaction: Transaction, cases: Iterable[CaseId]) -> dict[CaseId, QueueLine]:
    wanted = sorted(cases)
    return {line.case: line for line in transaction.queue.lines_of(wanted, len(wanted))}


def _known(transaction: Transaction, incident: IncidentId) -> IncidentRecord:
    record = transaction.incidents.incident(incident) if is_id(incident) else None
    if record is None:
        raise NotFound("incident_unknown", "There is no such incident. Its last case may have been taken out.")
    return record


def _named(hub: Hub, transaction: Transaction, incident: IncidentId) -> Named:
    return named_incident(hub, transaction, incident)[0]


def _title(hub: Hub, record: IncidentRecord) -> str:
    return hub.vault.open_desk_text(record.sealed_title, f"incident {record.id}")


def _sealed(hub: Hub, incident: IncidentId, title: str) -> bytes:
    title = " ".join(title.split())
    if not title or not title.isprintable() or len(title) > LONGEST_TITLE:
        raise InvalidInput("incident_title_invalid", f"A title has 1 to {LONGEST_TITLE} letters.")
    return hub.vault.seal_desk_text(title, f"incident {incident}")


def _distinct(numbers: Iterable[int], at_least: int) -> list[int]:
    distinct = list(dict.fromkeys(numbers))
    if len(distinct) < at_least:
        raise InvalidInput("incident_cases_few", f"Choose at least {at_least} case{'s' if at_least > 1 else ''}.")
    if len(distinct) > CASES_AT_ONCE:
        raise InvalidInput("incident_cases_many", f"At most {CASES_AT_ONCE} cases at once.")
    return distinct


def _page(asked: int, total: int) -> tuple[int, int]:
    pages = max(1, -(-total // ROWS))
    return min(max(1, asked), pages), pages
