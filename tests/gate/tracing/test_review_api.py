"""``POST /v1/reviews/{review}`` of the gate: who may, what it says, and what it says while the hub is away."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected, Unavailable
from amparo.gate.client import Gate
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.hub.app import public_app
from amparo.hub.commands import partners, trace
from amparo.hub.context import HubSettings
from tests.altered import altered, record
from tests.gate.feeding import AppClient, client_for, key_for
from tests.gate.serving import served
from tests.gate.tracing.patience import PATIENT
from tests.hub.hubs import open_hub
from tests.walk.running import free_ports


@pytest.fixture
def gate(tmp_path: Path) -> Generator[GateRuntime]:
    """A gate whose hub answers and has one ordinary photo."""
    (port,) = free_ports(1)
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url=f"http://127.0.0.1:{port}", canaries=0))
    trace.register(hub, secrets.token_bytes(16), "es", [record(1)])
    runtime = GateRuntime(partners.add_partner(hub, "Demo"), tmp_path / "gate", clock, tracing=PATIENT)
    with served(public_app(hub), port, hub.bell.close):
        runtime.follower.sync_once()
        yield runtime
    runtime.stop()
    hub.close()


def held(client: AppClient) -> str:
    answer = client.post("/v1/check", content=altered(1)).json()
    assert answer["verdict"] == "review"
    assert answer["trace"]["relation"] == "altered"
    assert answer["trace"]["decided"] is None
    return answer["trace"]["review"]


def test_a_reviewers_decision_is_taken_once(gate: GateRuntime) -> None:
    client = client_for(gate, create_app(gate), "match", "curate")
    path = f"/v1/reviews/{held(client)}"
    assert client.post(path, json={"decision": "confirm"}).json() == {"stopped_everywhere": True}
    assert client.post(path, json={"decision": "confirm"}).json() == {"stopped_everywhere": True}
    again = client.post(path, json={"decision": "dismiss"})
    assert (again.status_code, again.json()["code"]) == (409, "review_decided")
    figures = client_for(gate, create_app(gate), "admin").get("/metrics").text
    assert 'amparo_gate_traced_uploads_total{outcome="altered"} 1.0' in figures
    assert "amparo_gate_registered_photos 1.0" in figures


@pytest.mark.parametrize(
    ("review", "body", "status", "code"),
    [
        ("0" * 32, {"decision": "confirm"}, 404, "review_unknown"),
        ("not-an-id", {"decision": "confirm"}, 404, "review_unknown"),
        ("0" * 32, {"decision": "maybe"}, 422, "decision_malformed"),
        ("0" * 32, [], 422, "decision_malformed"),
    ],
)
def test_a_decision_on_nothing_or_that_is_none(
    gate: GateRuntime, review: str, body: object, status: int, code: str
) -> None:
    answer = client_for(gate, create_app(gate), "curate").post(f"/v1/reviews/{review}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_may_only_ask_may_not_decide(gate: GateRuntime) -> None:
    for roles, status in ((("hash", "match"), 403), ((), 401)):
        client = client_for(gate, create_app(gate), *roles)
        assert client.post(f"/v1/reviews/{'0' * 32}", json={"decision": "confirm"}).status_code == status


def test_the_clients_errors_are_those_of_the_gate(gate: GateRuntime) -> None:
    (port,) = free_ports(1)
    with (
        served(create_app(gate), port) as address,
        Gate.from_url(address, key_for(gate, "match", "curate"), seconds=20) as asked,
    ):
        answer = asked.check(altered(1))
        assert answer.trace is not None
        assert answer.trace.review is not None
        assert answer.trace.region is not None
        assert not asked.decide(answer.trace.review, confirmed=False)
        raised: list[type[AmparoError]] = []
        for review, key in ((answer.trace.review, "curate"), ("0" * 32, "curate"), ("0" * 32, "match")):
            with Gate.from_url(address, key_for(gate, key), seconds=20) as one, pytest.raises(AmparoError) as caught:
                one.decide(review, confirmed=True)
            raised.append(type(caught.value))
        assert raised == [Conflict, NotFound, Rejected]
        with pytest.raises(InvalidInput):
            asked.check(b"no picture")


def test_a_decision_waits_for_a_hub_that_answers(tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url="http://127.0.0.1:9", canaries=0))
    runtime = GateRuntime(partners.add_partner(hub, "Demo"), tmp_path / "gate", clock)
    with pytest.raises(Unavailable) as caught:
        runtime.tracer.decide("0" * 32, confirmed=True)
    assert caught.value.code == "hub_unreachable"
    runtime.stop()
    hub.close()
