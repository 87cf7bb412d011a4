"""Looking at the clocks of notices: whose warning or end has come is told once, however often and by how many this is asked.

What is told follows from stored moments and the present one, so that it survives restarts and nights. Where the machine's
clock ran ahead, an end may be told too early; it is then told no second time, but the notice's standing, its next steps and
the queue go by the stored moments again as soon as the clock is right.
"""

from __future__ import annotations

from typing import Final

from amparo.core.errors import AmparoError, NotFound
from amparo.core.logs import get_logger
from amparo.hub.context import Hub
from amparo.hub.notice_file import OpenedNotice, due_of, keep_next
from amparo.notice import machine
from amparo.notice.content import NoticeId
from amparo.notice.machine import ClockRanOut

log: Final = get_logger("amparo.hub.clocks")

_AT_ONCE: Final = 500


def look_at_clocks(hub: Hub) -> int:
    """One look at every clock that is due; returns how many had something to say. When this returns, that is on disk.

    A notice that cannot be read is left out and logged: it must not silence the others.
    """
    spoken, unreadable = 0, set[NoticeId]()
    while True:
        with hub.store.read() as transaction:
            due = transaction.notices.due(hub.clock.now(), _AT_ONCE + len(unreadable))
        todo = [record.id for record in due if record.id not in unreadable]
        for notice in todo:
            try:
                spoken += _look(hub, notice)
            except NotFound:
                continue  # Withdrawn since.
            except AmparoError as error:
                log.error("clock_not_looked_at", code=error.code, detail=error.detail)
                unreadable.add(notice)
        if not todo:
            return spoken


def _look(hub: Hub, notice: NoticeId) -> bool:
    now, warn_at = hub.clock.now(), hub.office.warn_at
    with hub.store.write() as transaction:
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        events = machine.tick(opened.state, now, warn_at)
        if events:
            opened.append(transaction, events, warn_at, now)
            if any(isinstance(event, ClockRanOut) for event in events):
                transaction.queue.set_waits(opened.case, True)
            return True
        due = due_of(opened.state, warn_at, now)
        # Nothing to say, though the line says so: the operator's warnings changed, or the clock ran ahead once.
        transaction.notices.set_due(notice, None if due is not None and due <= now else due)
        keep_next(transaction, opened.case)
        return False
