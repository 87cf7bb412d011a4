"""The slow computation of codes: so many at once, and the same for a code that opens a case and for one that does not."""

import secrets
import threading
from collections.abc import Callable

import argon2.low_level
import pytest

from amparo.case.code import CaseCode, draw
from amparo.core.errors import NotFound
from amparo.hub import code_work
from amparo.hub.code_work import CodeWork
from amparo.hub.commands import person
from amparo.hub.context import Hub
from tests.hub.hubs import fingerprints
from tests.hub.person.pages import Pages


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every Argon2 that is computed, by its memory in KiB."""
    costs: list[int] = []
    real: Callable[..., bytes] = argon2.low_level.hash_secret_raw

    def counted(secret: bytes, salt: bytes, time_cost: int, memory_cost: int, *more: object) -> bytes:
        costs.append(memory_cost)
        return real(secret, salt, time_cost, memory_cost, *more)

    monkeypatch.setattr(argon2.low_level, "hash_secret_raw", counted)
    return costs


def codes(hub: Hub) -> dict[str, CaseCode]:
    """One of each sort."""
    known, withdrawn = (person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1, n)) for n in (1, 2))
    person.withdraw_case(hub, withdrawn)
    return {"known": known, "unknown": draw(secrets.token_bytes(32), "es"), "withdrawn": withdrawn}


@pytest.mark.parametrize("sort", ["known", "unknown", "withdrawn"])
def test_opening_a_case_costs_one_computation_of_the_same_size_for_every_code(
    hub: Hub, computed: list[int], sort: str
) -> None:
    code = codes(hub)[sort]
    computed.clear()
    status = Pages.of(hub).ask({"do": "open", "code": str(code)}).status
    assert (status, computed) == (200 if sort == "known" else 404, [19456])


def test_a_code_that_is_none_costs_nothing(hub: Hub, computed: list[int]) -> None:
    assert Pages.of(hub).ask({"do": "open", "code": "no code at all"}).status == 422
    assert computed == []


def test_never_more_at_once_than_there_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, running, most = threading.Lock(), 0, 0
    full = threading.Barrier(3, timeout=30)

    def slow(_code: CaseCode, _pepper: bytes) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only while exactly three are inside: fewer would wait in vain, more would be counted.
        full.wait()
        with lock:
            running -= 1
        return "keys"

    monkeypatch.setattr(code_work, "keys_of", slow)
    work, code = CodeWork(3), draw(bytes(16), "es")
    threads = [threading.Thread(target=work.keys_of, args=(code, b"")) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, running) == (3, 0)


def test_a_computation_that_fails_gives_its_place_back(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_code: CaseCode, _pepper: bytes) -> None:
        raise NotFound("case_unknown", "")

    work = CodeWork(1)
    monkeypatch.setattr(code_work, "keys_of", broken)
    for _ in range(2):
        with pytest.raises(NotFound):
            work.keys_of(draw(bytes(16), "es"), b"")
    monkeypatch.undo()
    assert work.keys_of(draw(bytes(16), "es"), bytes(16)) == hub.codes.keys_of(draw(bytes(16), "es"), bytes(16))
