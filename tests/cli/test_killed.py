"""The real processes, killed with SIGKILL at seeded moments while they are used: what was answered is there afterwards.

One hub and one gate with data folders of their own. Persons open cases, add, withdraw; uploads are checked at the gate.
"""

from __future__ import annotations

import io
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from PIL import Image

from amparo.case.code import parse
from amparo.core.clock import SystemClock
from amparo.core.errors import NotFound
from amparo.core.keys import bearer_digest, write_private
from amparo.gate.replica import Replica
from amparo.hub.commands import partners, person
from amparo.hub.context import Hub, HubSettings
from amparo.hub.vault import OpenedCase
from amparo.signal import pdq
from amparo.signal.fingerprint import Pdq
from tests.pictures import photo_like
from tests.walk.running import free_ports

SEED = 20260301
HUB_KILLS, GATE_KILLS = 5, 4
KEY = "a key that the test has chosen for its gate"


class Process:
    """One ``amparo`` command, started again after each kill."""

    def __init__(self, arguments: list[str], port: int, log: Path) -> None:
        self._command = [sys.executable, "-m", "amparo", *arguments]
        self._address = f"http://127.0.0.1:{port}/status/live"
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            try:
                if httpx.get(self._address, trust_env=False, timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def kill_after(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self.kill)
        timer.start()
        return timer


@dataclass
class Promised:
    """What was answered, and what was asked and never answered (so that it may or may not have happened)."""

    opened: dict[str, set[Pdq]] = field(default_factory=dict[str, set[Pdq]])
    perhaps_added: dict[str, set[Pdq]] = field(default_factory=dict[str, set[Pdq]])
    withdrawn_all: set[str] = field(default_factory=set[str])
    perhaps_withdrawn_all: set[str] = field(default_factory=set[str])
    withdrawn_one: dict[str, int] = field(default_factory=dict[str, int])
    perhaps_withdrawn_one: set[str] = field(default_factory=set[str])
    said: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    perhaps_said: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    perhaps_unsaid: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    stopped: int = 0
    perhaps_stopped: int = 0


class Town:
    """Everyone who uses the hub, one step at a time."""

    def __init__(self, hub: str, gate: str, chance: random.Random) -> None:
        self._hub, self._gate, self._chance = hub, gate, chance
        self._http = httpx.Client(trust_env=False, timeout=10)
        self.promised = Promised()
        self.unanswered: tuple[str, set[Pdq]] | None = None
        self.watched = ""

    def close(self) -> None:
        self._http.close()

    def ask(self, path: str, fields: dict[str, str | list[str]]) -> httpx.Response:
        return self._http.post(f"{self._hub}{path}", data=fields)

    def save(self, shown: set[Pdq], **fields: str) -> str:
        written = [f"{one.hex}:{one.quality}" for one in shown]
        answer = self.ask("/save", {"lang": "es", "fingerprint": written, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["code"]

    def open(self, request: str | None = None, shown: set[Pdq] | None = None) -> str:
        """An opening that got no answer is sent again, as the page does: it must open one case."""
        request = request or self._chance.randbytes(16).hex()
        shown = shown or {Pdq(self._chance.randbytes(32), 80) for _ in range(self._chance.randint(1, 4))}
        self.unanswered = (request, shown)
        code = self.save(shown, request=request)
        self.unanswered = None
        self.promised.opened[code] = set(shown)
        return code

    def step(self) -> None:
        """One thing that somebody does. Raises httpx.HTTPError where the hub does not answer."""
        if self.unanswered is not None:
            self.open(*self.unanswered)
            return
        ended = self.promised.perhaps_withdrawn_all | {self.watched}
        kept = [code for code in self.promised.opened if code not in ended]
        what = self._chance.random()
        if what < 0.45 or len(kept) < 3:
            self.open()
            return
        code = self._chance.choice(kept)
        if what < 0.6:
            self.speak(code)
        elif what < 0.7:
            more = {Pdq(self._chance.randbytes(32), 70)}
            self.promised.perhaps_added.setdefault(code, set()).update(more)
            self.save(more, code=code)
            self.promised.opened[code] |= more
        elif what < 0.85:
            page = self.ask("/", {"do": "open", "lang": "en", "code": code}).text
            entry = re.search(r'name="entry" value="([0-9a-f]{32})"', page)
            if entry is not None:
                self.promised.perhaps_withdrawn_one.add(code)
                self.ask("/", {"do": "withdraw", "code": code, "entry": entry[1]}).raise_for_status()
                self.promised.withdrawn_one[code] = self.promised.withdrawn_one.get(code, 0) + 1
        else:
            self.promised.perhaps_withdrawn_all.add(code)
            self.ask("/", {"do": "withdraw-all", "code": code}).raise_for_status()
            self.promised.withdrawn_all.add(code)

    def speak(self, code: str) -> None:
        """Say something new, or correct or erase what was said: what was answered is so, what was not may be."""
        text = f"said {self._chance.randbytes(6).hex()}"
        sure = self.promised.said.setdefault(code, set())
        perhaps = self.promised.perhaps_said.setdefault(code, set())
        unsaid = self.promised.perhaps_unsaid.setdefault(code, set())
        known = sorted(sure - unsaid)
        if len(known) < 2:
            perhaps.add(text)
            self.ask("/", {"do": "keep-words", "code": code, "kind": "link", "text": text}).raise_for_status()
            sure.add(text)
            return
        page = self.ask("/", {"do": "open", "lang": "en", "code": code}).text
        after = page[page.index(known[0]) :]
        words = re.search(r'name="words" value="([0-9a-f]{32})"', after)
        assert words is not None, "no words to change are shown"
        unsaid.add(known[0])
        if self._chance.random() < 0.5:
            self.ask("/", {"do": "erase-words", "code": code, "words": words[1]}).raise_for_status()
        else:
            perhaps.add(text)
            fields: dict[str, str | list[str]] = {
                "do": "keep-correction",
                "code": code,
                "words": words[1],
                "text": text,
            }
            self.ask("/", fields).raise_for_status()
            sure.add(text)
        sure.discard(known[0])

    def upload(self, picture: bytes) -> None:
        self.promised.perhaps_stopped += 1
        answer = self._http.post(
            f"{self._gate}/v1/check?place=wall", content=picture, headers={"Authorization": f"Bearer {KEY}"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["verdict"] == "block"
        self.promised.stopped += 1

    def status(self) -> dict[str, object]:
        answer = self._http.get(f"{self._gate}/v1/status", headers={"Authorization": f"Bearer {KEY}"})
        return answer.json()


def wait_until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@contextmanager
def running(*processes: Process) -> Generator[None]:
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.kill()


def drive_and_kill(process: Process, act: Callable[[], None], least: int, seconds: float) -> int:
    """Act ``least`` times, and on until the process is killed so many seconds later; returns how many acts were answered.

    A slow machine answers fewer in a second; the kills must mean as much there.
    """
    for _ in range(least):
        act()
    timer, done = process.kill_after(seconds), least
    try:
        while True:
            act()
            done += 1
    except httpx.HTTPError:
        timer.join()
        assert process.process is not None
        assert process.process.poll() is not None, "the process refused to answer though nobody had killed it"
        return done


@pytest.mark.timeout(240)
def test_what_was_answered_survives_every_kill(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    hub_port, desk_port, gate_port = free_ports(3)
    address = f"http://127.0.0.1:{hub_port}"
    first = Hub.open(tmp_path / "hub", HubSettings(url=address))
    card = partners.add_partner(first, "Demo")
    first.close()
    write_private(tmp_path / "card.json", card.to_json().encode())
    replica = Replica(tmp_path / "gate")
    replica.allow_client("test", bearer_digest(KEY))
    replica.close()
    hub = Process(
        ["hub", "--data", f"{tmp_path / 'hub'}", "--port", f"{hub_port}", "--desk-port", f"{desk_port}"],
        hub_port,
        tmp_path / "hub.log",
    )
    gate = Process(
        ["gate", "--data", f"{tmp_path / 'gate'}", "--port", f"{gate_port}", "--card", f"{tmp_path / 'card.json'}"],
        gate_port,
        tmp_path / "gate.log",
    )
    town = Town(address, f"http://127.0.0.1:{gate_port}", chance)
    file = io.BytesIO()
    Image.fromarray(photo_like(300, 400, 1)).save(file, "PNG")
    picture = file.getvalue()

    with running(hub, gate), closing(town):
        town.watched = watched = town.open(shown={pdq.fingerprint(picture)})
        wait_until(lambda: town.status()["head"] == town.status()["cursor"] != 0, "the gate never followed")
        answered = [0, 0]
        for _ in range(HUB_KILLS):
            answered[0] += drive_and_kill(hub, town.step, 2, chance.uniform(0.05, 0.8))
            hub.start()
        for _ in range(GATE_KILLS):
            answered[1] += drive_and_kill(gate, lambda: town.upload(picture), 2, chance.uniform(0.05, 0.6))
            gate.start()
        assert answered[0] >= 2 * HUB_KILLS
        assert answered[1] >= 2 * GATE_KILLS

        def all_told() -> bool:
            status = town.status()
            page = partners_head(tmp_path / "hub")
            return status["cursor"] == page and status["untold_sightings"] == 0

        wait_until(all_told, "the gate did not catch up")
    check_promises(tmp_path, town.promised, watched)
    check_nothing_is_half_written(tmp_path, card.partner)


def partners_head(folder: Path) -> int:
    """Read beside the running hub, as the command line does."""
    hub = Hub.open(folder, HubSettings())
    try:
        return partners.feed_head(hub)
    finally:
        hub.close()


def check_promises(folder: Path, promised: Promised, watched: str) -> None:
    hub = Hub.open(folder / "hub", HubSettings())
    for text, shown in promised.opened.items():
        code = parse(text)
        if text in promised.withdrawn_all:
            with pytest.raises(NotFound):
                person.view_case(hub, code)
            continue
        try:
            view = person.view_case(hub, code)
        except NotFound:
            assert text in promised.perhaps_withdrawn_all, "an answered case is gone"
            continue
        spoken = {one.text for one in view.spoken}
        assert promised.said.get(text, set()) - promised.perhaps_unsaid.get(text, set()) <= spoken
        assert spoken <= promised.perhaps_said.get(text, set())
        perhaps = promised.perhaps_added.get(text, set())
        assert len(shown) <= len(view.pictures) <= len(shown | perhaps)
        withdrawn = sum(one.picture.withdrawn_at is not None for one in view.pictures)
        sure = promised.withdrawn_one.get(text, 0)
        assert sure <= withdrawn
        assert withdrawn == sure or text in promised.perhaps_withdrawn_one
    seen = len(person.view_case(hub, parse(watched)).pictures[0].sightings)
    assert promised.stopped <= seen <= promised.perhaps_stopped
    hub.close()


def check_nothing_is_half_written(folder: Path, partner: str) -> None:
    hub = Hub.open(folder / "hub", HubSettings())
    with hub.store.read() as transaction:
        changes = transaction.changes(0, 100_000)
        entries = {change.entry for change in changes}
        active: set[str] = set()
        for entry in entries:
            record = transaction.entry(entry)
            assert record is not None
            last = next(change for change in reversed(changes) if change.entry == entry)
            assert (record.entry.state.value == "active") == (last.reason is None), "state and feed disagree"
            if last.reason is None:
                active.add(entry)
                if record.canary_of is None:
                    case = transaction.case(record.entry.case)
                    assert case is not None, "an active entry without its case"
                    opened = OpenedCase.read(transaction, case, hub.vault)
                    assert opened.state.version == case.version
                    assert opened.state.picture(entry).withdrawn_at is None
                    opened.key.open_fingerprint(entry, record.sealed)
        ours = hub.vault.entries_for(partners.PartnerId(partner))
        expected = set(ours.of(sorted(active)))
        head = transaction.head()
    hub.close()
    replica = Replica(folder / "gate")
    held = list(replica.held())
    names = replica.origins_of([one.number for one in held]) if held else {}
    standing = replica.standing()
    assert standing is not None
    assert standing.cursor == head
    assert {replica.entry_of(one.number) for one in held} == expected
    assert len(names) == len(held)
    assert replica.count_untold() == 0
    replica.close()
    assert SystemClock().now() > changes[-1].at
