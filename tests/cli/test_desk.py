"""The desk as a process of its own, beside a hub that never holds its key; killed with SIGKILL while people work at it."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from amparo.case.events import WordsNoted
from amparo.case.people import WordsKind
from amparo.cli import up
from amparo.cli.app import app
from amparo.core.errors import NotFound
from amparo.core.ids import StaffId, random_id
from amparo.hub.commands import desk_words, person, staff
from amparo.hub.commands.desk_keys import status
from amparo.hub.commands.proposals import Act
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub, HubSettings
from amparo.hub.desk.passkeys import Passkeys, Purpose
from amparo.hub.desk_keys import DESK_KEY_FILE
from amparo.store.staff.protocol import ProposalState, Role, StaffRecord
from tests.cli.test_killed import Process, drive_and_kill, running
from tests.hub.authenticator import Authenticator
from tests.walk.running import free_ports

SEED = 20261123
KILLS = 4
CASES = 6
REASON = "She asked us to write to the platform"


@dataclass
class Member:
    """One who works at the desk, over HTTP, with an authenticator of theirs."""

    record: StaffRecord
    device: Authenticator
    address: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=10))
    inside: bool = False

    def enter(self) -> None:
        options = self.http.post(f"{self.address}/enter/options", json={}).json()
        self.http.cookies.clear()
        answer = self.http.post(f"{self.address}/enter/passkey", json=self.device.get(options))
        assert answer.status_code == 200, answer.text
        self.inside = True

    def ask(self, method: str, path: str, **form: str) -> httpx.Response:
        """Signs in first where the desk has forgotten the session: it lives in memory. Raises httpx.HTTPError."""
        if not self.inside:
            self.enter()
        sent = {"data": form} if method == "POST" else {}
        answer = self.http.request(method, f"{self.address}{path}", **sent)  # pyright: ignore[reportArgumentType]
        if answer.status_code == 401:
            self.inside = False
            return self.ask(method, path, **form)
        return answer


def member(hub: Hub, name: str, role: Role, address: str) -> Member:
    device = Authenticator(address)
    record = StaffRecord(StaffId(random_id()), name, role, hub.clock.now())
    passkeys = Passkeys(hub)
    answer = device.create(dict(passkeys.ask_registration(record, Purpose.ANOTHER)))
    made = passkeys.registered(record, Purpose.ANOTHER, answer)
    with hub.store.write() as transaction:
        transaction.staff.add(record)
        transaction.staff.add_passkey(made)
    return Member(record, device, address)


def open_case(hub: Hub) -> None:
    person.open_case(hub, secrets.token_bytes(16), "es", (), [Typed(WordsKind.NOTE, f"note {secrets.token_hex(4)}")])


@dataclass
class Told:
    """What was asked, and what of it was answered."""

    asked: set[str] = field(default_factory=set[str])
    answered: set[str] = field(default_factory=set[str])

    def holds(self, there: set[str]) -> None:
        assert self.answered <= there, "something that was answered is gone"
        assert there <= self.asked, "something that nobody asked for is there"


class Office:
    """Everything that people do at the desk, one step at a time."""

    def __init__(self, carla: Member, berta: Member, ana: Member, chance: random.Random) -> None:
        self._carla, self._berta, self._ana, self._chance = carla, berta, ana, chance
        self.reveals, self.messages, self.invited, self.erased = Told(), Told(), Told(), Told()
        self._steps: tuple[Callable[[str], None], ...] = (
            self._reveal,
            self._write,
            self._invite,
            self._erase,
            self._decide,
        )

    def step(self) -> None:
        """Raises httpx.HTTPError where the desk does not answer."""
        self._chance.choices(self._steps, (5, 5, 2, 1, 1))[0](self._chance.randbytes(6).hex())

    def _case(self) -> int:
        return self._chance.randint(1, CASES)

    def _say(self, told: Told, text: str, ask: Callable[[], httpx.Response]) -> None:
        told.asked.add(text)
        if ask().status_code in (200, 303):
            told.answered.add(text)

    def _reveal(self, mark: str) -> None:
        reason = f"reason {mark}"
        path = f"/cases/{self._case()}/reveal"
        self._say(self.reveals, reason, lambda: self._carla.ask("POST", path, kind="note", reason=reason))

    def _write(self, mark: str) -> None:
        path = f"/cases/{self._case()}/message"
        self._say(self.messages, mark, lambda: self._carla.ask("POST", path, text=mark))

    def _invite(self, mark: str) -> None:
        self._say(self.invited, mark, lambda: self._ana.ask("POST", "/staff/invite", name=mark, role="auditor"))

    def _erase(self, _mark: str) -> None:
        self._carla.ask("POST", "/proposals/erase", case=str(self._case()), reason=REASON)

    def _decide(self, _mark: str) -> None:
        page = self._berta.ask("GET", "/proposals").text
        waiting = re.search(r'action="/proposals/([0-9a-f]{32})/decide"', page)
        if waiting is not None:
            path = f"/proposals/{waiting[1]}/decide"
            self._say(self.erased, waiting[1], lambda: self._berta.ask("POST", path, say="yes"))


@pytest.mark.timeout(240)
def test_what_the_desk_answered_survives_every_kill_and_nothing_is_half_done(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    hub_port, desk_port = free_ports(2)
    folder, key_file, address = tmp_path / "hub", tmp_path / "keys" / "desk.key", f"http://localhost:{desk_port}"
    first = Hub.open(folder, HubSettings(desk_url=address), desk_key=key_file)
    people = [
        member(first, name, role, address)
        for name, role in (("Carla", Role.CASEWORKER), ("Berta", Role.SUPERVISOR), ("Ana", Role.ADMINISTRATOR))
    ]
    for _ in range(CASES):
        open_case(first)
    first.close()
    hub = Process(["hub", "--no-desk", "--data", f"{folder}", "--port", f"{hub_port}"], hub_port, tmp_path / "hub.log")
    desk = Process(
        ["desk", "--data", f"{folder}", "--desk-key", f"{key_file}", "--port", f"{desk_port}"],
        desk_port,
        tmp_path / "desk.log",
    )
    office = Office(people[0], people[1], people[2], chance)
    with running(hub, desk):
        for _ in range(KILLS):
            drive_and_kill(desk, office.step, 6, chance.uniform(0.1, 1.0))
            for one in people:
                one.http.close()
                one.http, one.inside = httpx.Client(trust_env=False, timeout=10), False
            desk.start()
        # The public side has no key of the desk's, and needs none.
        assert not (folder / DESK_KEY_FILE).exists()
        page = httpx.get(f"http://127.0.0.1:{hub_port}/", trust_env=False)
        assert page.status_code == 200
    for one in people:
        one.http.close()
    check(folder, key_file, office)


def check(folder: Path, key_file: Path, office: Office) -> None:
    hub = Hub.open(folder, HubSettings(), desk_key=key_file)
    with hub.store.read() as transaction:
        auditor = StaffRecord(StaffId(random_id()), "Elsa", Role.AUDITOR, hub.clock.now())
        lines = transaction.queue.lines_after(0, 1000)
        names = {one.name for one in transaction.staff.everyone()} - {"Carla", "Berta", "Ana"}
        invited = {one.staff for one in transaction.staff.invitations()}
        assert invited == {one.id for one in transaction.staff.everyone() if one.name in names}
        log = transaction.staff.reveals(100_000)
        assert [one.line for one in log] == list(range(len(log), 0, -1))
        texts: set[str] = set()
        for line in lines:
            key = hub.desk.open(transaction, line.case)
            record = transaction.case(line.case)
            assert record is not None
            state = hub.vault.case_key(record.id, record.wrapped_key).open_events(transaction.sealed_events(line.case))
            assert len(state) == record.version
            sealed = transaction.words.sealed(line.case)
            noted = {event.words for event in state if isinstance(event, WordsNoted)}
            assert noted == set(sealed), "history and words disagree"
            texts |= {key.open(words, raw) for words, raw in sealed.items()}
        erasures = [one for one in transaction.staff.proposals(1000, waiting=False) if one.act == Act.ERASE]
        there = {str(line.number) for line in lines}
        assert transaction.count_cases() == len(lines) == CASES - len(erasures)
        assert not {one.target.split(" ")[1] for one in erasures} & there
        assert all(one.state is ProposalState.APPROVED for one in erasures)
    revealed: set[str] = set()
    before: int | None = None
    while page := desk_words.reveal_log(hub, auditor, before=before):
        revealed |= {one.reason for one in page}
        before = page[-1].line
    office.reveals.holds(revealed)
    office.invited.holds(names)
    office.erased.holds({str(one.id) for one in erasures})
    kept = {text for text in texts if not text.startswith("note ")}
    # What was written to a case that was erased since is gone with it.
    assert kept <= office.messages.asked
    if not erasures:
        office.messages.holds(kept)
    hub.close()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_status_and_renewal_from_the_command_line(tmp_path: Path) -> None:
    hub = Hub.open(tmp_path, HubSettings())
    code = person.open_case(hub, secrets.token_bytes(16), "es", (), [Typed(WordsKind.NOTE, "mine")])
    (line,) = status(hub)
    hub.close()
    shown = run("desk-key", "status", "--data", tmp_path).stdout.rstrip().split("\t")
    assert (shown[0], shown[2:]) == (line.id, ["in use", "here", "1"])
    renewed = run("desk-key", "renew", "--data", tmp_path)
    assert renewed.exit_code == 0
    assert "It opens 1 cases; 0 wait for their people." in renewed.stderr
    states = sorted(one.split("\t")[2:] for one in run("desk-key", "status", "--data", tmp_path).stdout.splitlines())
    assert states == [["in use", "here", "1"], ["retired", "not here", "0"]]
    hub = Hub.open(tmp_path, HubSettings())
    assert [one.text for one in person.view_case(hub, code).spoken] == ["mine"]
    hub.close()


def test_a_lost_key_is_renewed_from_the_command_line(tmp_path: Path) -> None:
    hub = Hub.open(tmp_path, HubSettings())
    open_case(hub)
    hub.close()
    (tmp_path / DESK_KEY_FILE).unlink()
    assert run("desk-key", "status", "--data", tmp_path).stdout.rstrip().endswith("not here\t1")
    assert "It opens 0 cases; 1 wait for their people." in run("desk-key", "renew", "--data", tmp_path).stderr


@pytest.mark.parametrize("command", [("desk",), ("desk-key", "status"), ("desk-key", "renew"), ("desk-link",)], ids=str)
def test_a_folder_without_a_hub_is_refused_and_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--data", tmp_path)
    assert isinstance(done.exception, NotFound)
    assert done.exception.code == "hub_unknown"
    assert list(tmp_path.iterdir()) == []


def test_the_first_start_of_all_prints_a_link_and_later_ones_only_the_way(tmp_path: Path) -> None:
    ports = up.Ports(8000, 8001, 8002, 8003)
    _, _, link = up._join(tmp_path, ports)  # pyright: ignore[reportPrivateUsage]  # what «amparo up» does before it starts
    address, _, ticket = link.partition("/invitation?ticket=")
    assert address == "http://localhost:8003", "browsers bind no passkey to an IP address"
    hub = Hub.open(tmp_path / "hub", HubSettings())
    made = member(hub, "Berta", Role.ADMINISTRATOR, address)
    assert staff.invited_by(hub, ticket).role is Role.ADMINISTRATOR
    hub.close()
    assert made.record.role is Role.ADMINISTRATOR
    assert up._join(tmp_path, ports)[2] == "http://localhost:8003/enter"  # pyright: ignore[reportPrivateUsage]
