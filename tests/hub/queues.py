"""Cases in the queue of a test's hub."""

from __future__ import annotations

import secrets
from datetime import datetime

from amparo.case.people import AgeBand, Door
from amparo.hub.commands import person
from amparo.hub.commands.person import Opening
from amparo.hub.context import Hub
from amparo.store.queue.protocol import QueueFilter


def newest_number(hub: Hub) -> int:
    with hub.store.read() as transaction:
        return max(line.number for line in transaction.queue.lines(QueueFilter(), 1000))


def open_case(hub: Hub, door: Door = Door.PICTURE, age: AgeBand = AgeBand.UNSAID) -> int:
    """A case without pictures; returns its number."""
    person.open_case(hub, secrets.token_bytes(16), Opening("en", door, age))
    return newest_number(hub)


def set_line(hub: Hub, number: int, *, waits: bool | None = None, next_at: datetime | None = None) -> None:
    """As notices and messages do."""
    with hub.store.write() as transaction:
        line = transaction.queue.numbered(number)
        assert line is not None
        transaction.queue.set_next(line.case, next_at)
        if waits is not None:
            transaction.queue.set_waits(line.case, waits)
