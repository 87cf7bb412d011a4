"""Run as a process of its own, and killed by a test: notices from a sighting to a proof of receipt, every step repeated until
it is on record. ``python -m tests.hub.notice_life FOLDER HOURS STATEMENT``: a clock that is so many hours ahead, so that claims
of the killed one are over; killed by itself when it is about to run this statement after its first promised step, unless it is 0.
Prints a line after each step that it was promised.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, event

from amparo.core.clock import SystemClock
from amparo.hub.commands import notices, sending
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.context import Hub, HubSettings
from amparo.hub.jobs.worker import Worker
from amparo.notice.content import Capacity, NoticeId, Signature
from amparo.notice.machine import Phase, Proof
from amparo.store.notices.protocol import NoticeFilter
from tests.hub.noticing import digest_of, state_of
from tests.notice.samples import complete

TO = "legal@platform.example.com"


class Ahead:
    """The machine's clock, so many hours ahead."""

    def __init__(self, hours: int) -> None:
        self._ahead = timedelta(hours=hours)

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead


class Killing:
    """SIGKILL, which nothing in this process can hold up or clean up after, before a statement of the database."""

    def __init__(self, at: int) -> None:
        self._left = at
        self._armed = False
        if at:
            event.listen(Engine, "before_cursor_execute", self._count)

    def arm(self) -> None:
        self._armed = True

    def _count(self, *_: object) -> None:
        self._left -= self._armed
        if self._armed and self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def say(what: str, notice: NoticeId, killing: Killing) -> None:
    print(what, notice, flush=True)
    killing.arm()


def step(hub: Hub, notice: NoticeId, killing: Killing) -> None:
    """The next step of one notice, whatever an earlier process came to."""
    with hub.store.read() as transaction:
        by = transaction.staff.named("Casey")
    assert by is not None
    notices.open_words(hub, by, notice, "The next step of this notice")
    opened = state_of(hub, notice)
    match opened.state.phase:
        case Phase.DRAFTED if opened.notice.signature is None:
            signed = Signature("Casey", Capacity.AGENT, date(2026, 1, 1))
            whole = replace(complete(opened.notice.pack), id=notice, addressee=opened.notice.addressee, to=TO)
            notices.revise(hub, by, replace(whole, signature=signed), opened.state.version)
            say("revised", notice, killing)
        case Phase.DRAFTED:
            notices.approve(hub, by, notice, digest_of(hub, notice))
            say("approved", notice, killing)
        case Phase.APPROVED:
            sending.send(hub, by, notice)
            say("asked", notice, killing)
        case Phase.SENT:
            notices.prove_receipt(hub, by, notice, hub.clock.now(), Proof.ACKNOWLEDGEMENT, "")
            say("received", notice, killing)
        case _:
            pass


def main(folder: Path, hours: int, kill_at: int) -> None:
    killing = Killing(kill_at)
    hub = Hub.open(folder, HubSettings(canaries=0), Ahead(hours))
    worker = Worker(hub)
    print("ready", flush=True)
    while True:
        worker.work_once()
        look_at_clocks(hub)
        with hub.store.read() as transaction:
            lines = transaction.notices.lines(NoticeFilter(), 100)
            drafts = transaction.jobs.count(["draft-notice"])
        if not drafts and all(line.phase in (Phase.RECEIVED, Phase.EXPIRED) for line in lines):
            break
        for line in lines:
            step(hub, line.id, killing)
    hub.close()
    print("end", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
