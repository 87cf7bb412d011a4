"""However many ask a gate at once, it decodes few pictures and holds few bodies at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from amparo.gate import checker as checking
from amparo.gate import server
from amparo.gate.body_budget import BodyBudget
from amparo.gate.checker import PICTURES_AT_ONCE
from amparo.gate.client import Gate
from amparo.gate.load import Load
from amparo.gate.runtime import GateRuntime
from amparo.signal.fingerprint import Pdq
from tests.gate.feeding import jpeg, key_for

MANY = 3 * PICTURES_AT_ONCE + 2
PHOTO = jpeg(1)
FORM = {"files": {"photo": ("a.jpg", PHOTO)}}


class Decoder:
    """Stands for the decoding of pictures: holds every call until as many are under way as there may be."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._full = threading.Event()

    def one(self, picture: bytes) -> Pdq:
        return self.turned(picture)[0]

    def turned(self, _picture: bytes) -> tuple[Pdq, ...]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now >= PICTURES_AT_ONCE:
                self._full.set()
        assert self._full.wait(60)
        with self._lock:
            self._now -= 1
        return (Pdq(bytes(32), 100),) * 8


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Decoder:
    made = Decoder()
    monkeypatch.setattr(checking.pdq, "fingerprint", made.one)
    monkeypatch.setattr(checking.pdq, "turned", made.turned)
    return made


def asked_at_once(gate: GateRuntime, questions: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
    app = server.create_app(gate)
    headers = {"Authorization": f"Bearer {key_for(gate, 'admin')}"}

    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gate.test", headers=headers) as client:
            return await asyncio.gather(*(client.request(method, path, **sent) for method, path, sent in questions))

    return asyncio.run(all_at_once())


def test_every_door_for_pictures_leads_through_one_limit(gate: GateRuntime, decoder: Decoder) -> None:
    gate.local.create_bank("B")
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/check", {"content": PHOTO}),
        ("POST", "/h/hash", FORM),
        ("POST", "/m/lookup", FORM),
        ("POST", "/c/bank/B/content", FORM),
    ]
    answers = asked_at_once(gate, doors * MANY)
    assert {answer.status_code for answer in answers} == {200}
    assert decoder.most == PICTURES_AT_ONCE


def test_a_gate_within_a_process_has_the_same_limit(gate: GateRuntime, decoder: Decoder) -> None:
    embedded = Gate.embedded(gate)
    threads = [threading.Thread(target=embedded.check, args=(PHOTO,)) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert decoder.most == PICTURES_AT_ONCE


@pytest.mark.parametrize(("path", "sent"), [("/v1/check", {"content": PHOTO}), ("/h/hash", FORM)])
def test_while_the_budget_for_bodies_is_spent_more_are_asked_to_come_again(
    gate: GateRuntime, monkeypatch: pytest.MonkeyPatch, path: str, sent: dict[str, Any]
) -> None:
    bodies = BodyBudget(10_000, 0.05)
    monkeypatch.setattr(server, "Load", lambda: Load(bodies=bodies))
    with bodies.share() as other:
        asyncio.run(other.take(9_999))
        (refused,) = asked_at_once(gate, [("POST", path, sent)])
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    (answer,) = asked_at_once(gate, [("POST", path, sent)])
    assert answer.status_code == 200
    assert bodies.taken == 0
