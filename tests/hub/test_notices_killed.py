"""Notices in a process that is killed with SIGKILL in the middle of commands and of sendings: so many statements of the database
after a step that it was promised, by no clock, so that each kill comes wherever this machine is fast or slow.
"""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from amparo.hub.commands import partners, person
from amparo.hub.context import Hub, HubSettings
from amparo.hub.mail import write_mail_settings
from amparo.notice.content import NoticeId
from amparo.notice.machine import NoticeApproved, NoticeDrafted, NoticeRevised, NoticeSent, ReceiptProved
from tests.hub.desks import employ
from tests.hub.hubs import fingerprints
from tests.hub.noticing import Town, all_notices, state_of, tell
from tests.hub.posting import Post, mail_server
from tests.walk.running import free_ports

SEED, CASES = 20260301, 4
KILLS = 5
STATEMENTS = 40
"""A step has about twenty: a kill comes in the one that follows the promised step, or in the next."""


@pytest.mark.timeout(600)
def test_what_was_promised_survives_every_kill_and_each_letter_is_one_letter(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    post = Post(free_ports(1)[0])
    prepare(tmp_path / "hub", post)
    promised: list[tuple[str, NoticeId]] = []
    with mail_server(post):
        for run in range(KILLS):
            assert not live(tmp_path / "hub", run, chance.randint(1, STATEMENTS), promised), "there was nothing to kill"
            consistent(tmp_path / "hub", promised)
        assert live(tmp_path / "hub", KILLS, 0, promised)
        consistent(tmp_path / "hub", promised)
    counted = Counter(post.ids)
    assert len(counted) == CASES, "one Message-ID a notice, however often it was sent"
    assert sum(counted.values()) <= CASES + KILLS
    hub = Hub.open(tmp_path / "hub", HubSettings(canaries=0))
    for record in all_notices(hub):
        state = state_of(hub, record.id).state
        assert state.sent is not None
        assert state.sent.reference in counted
    assert len(all_notices(hub)) == CASES
    hub.close()


def prepare(folder: Path, post: Post) -> None:
    """Cases with a sighting each, so that a draft of each is asked for."""
    hub = Hub.open(folder, HubSettings(canaries=0))
    write_mail_settings(hub.mail_file, post.settings())
    by, card = employ(hub, name="Casey"), partners.add_partner(hub, "Plaza")
    for seed in range(CASES):
        code = person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1, seed))
        case = person.view_case(hub, code).case.id
        tell(Town(hub, code, seed + 1, case, by), card, "https://plaza.example/1")
    hub.close()


def live(folder: Path, run: int, kill_at: int, promised: list[tuple[str, NoticeId]]) -> bool:
    """One process; whether it came to the end. kill_at: at which statement after its first promised step it is killed, or 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hub.notice_life", str(folder), str(run), str(kill_at)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    ended = False
    for line in process.stdout:
        # A line cut in two by the kill was not said.
        if line.endswith("\n"):
            ended = ended or line == "end\n"
            what, _, notice = line.strip().partition(" ")
            if notice:
                promised.append((what, NoticeId(notice)))
    process.stdout.close()
    status = process.wait(60)
    assert status == (0 if ended else -9)
    return ended


def consistent(folder: Path, promised: list[tuple[str, NoticeId]]) -> None:
    """Lines, events and the queue say the same, and every step that was promised is among the events."""
    hub = Hub.open(folder, HubSettings(canaries=0))
    kinds = {"revised": NoticeRevised, "approved": NoticeApproved, "received": ReceiptProved}
    told = {what: {notice for said, notice in promised if said == what} for what in kinds}
    for record in all_notices(hub):
        opened = state_of(hub, record.id)
        assert (record.phase, record.version) == (opened.state.phase, opened.state.version)
        with hub.store.read() as transaction:
            events = opened.key.open_notice(record.id, transaction.notices.sealed_events(record.id))
            line = transaction.queue.line(record.case)
            siblings = transaction.notices.of_case(record.case)
        assert line is not None
        assert line.next_at == record.due_at
        assert len(siblings) == 1, "one draft a case and partner"
        counted = Counter(type(event) for event in events)
        assert counted[NoticeDrafted] == 1
        for kind in (NoticeRevised, NoticeApproved, NoticeSent, ReceiptProved):
            assert counted[kind] <= 1, "a step repeated after a kill is one step"
        for what, kind in kinds.items():
            assert record.id not in told[what] or counted[kind] == 1
    known = {record.id for record in all_notices(hub)}
    assert {notice for _, notice in promised} <= known
    hub.close()
