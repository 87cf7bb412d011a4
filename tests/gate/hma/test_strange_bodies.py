"""What JSON can say and UTF-8 cannot, numbers without an end, and faults that nobody foresaw: never a 500 that was sent."""

from __future__ import annotations

from typing import Any

import pytest

from amparo.core.errors import AmparoError
from amparo.gate.checker import FEED_BANK
from amparo.gate.runtime import GateRuntime
from tests.gate.feeding import AppClient, jpeg

VALUE = "ab" * 32
HALF = '"\\ud800"'
PLACES = (
    ("POST", "/m/compare", f'{{{HALF}: ["{VALUE}", "{VALUE}"]}}'),
    ("POST", "/c/bank/B/signal", f'{{{HALF}: "{VALUE}"}}'),
    ("POST", "/c/bank/B/signal", f'{{"pdq": "{VALUE}", "note": {HALF}}}'),
    ("POST", "/c/bank/B/signal", f'{{"pdq": "{VALUE}", "metadata": {{"json": {{"a": NaN}}}}}}'),
    ("POST", "/c/bank/B/signal", f'{{"pdq": "{VALUE}", "metadata": {{"json": {{"a": -Infinity}}}}}}'),
    ("POST", "/c/bank/B/signal", f'{{"pdq": "{VALUE}", "metadata": {{"json": {{"a": 1e999}}}}}}'),
    ("POST", "/c/bank/B/signal", f'{{"pdq": "{VALUE}", "metadata": {{"json": {{{HALF}: 1}}}}}}'),
    ("POST", "/c/exchanges", f'{{"bank": "X", "api": {HALF}, "api_json": {{}}}}'),
    ("POST", "/c/exchanges", f'{{"bank": {HALF}, "api": "csv", "api_json": {{"address": "a"}}}}'),
    ("POST", "/c/banks", f'{{"name": {HALF}}}'),
    ("PUT", "/c/bank/B/content/1", f'{{"note": {HALF}}}'),
    ("POST", "/c/exchanges/api/ncmec", f'{{"credential_json": {{"user": {HALF}, "password": "b"}}}}'),
)


@pytest.fixture
def banked(gate: GateRuntime) -> int:
    gate.local.create_bank("B")
    return gate.local.add_content("B", {"pdq": VALUE})


@pytest.mark.usefixtures("banked")
@pytest.mark.parametrize(("method", "path", "body"), PLACES)
def test_it_is_refused_and_nothing_is_kept(
    client: AppClient, gate: GateRuntime, method: str, path: str, body: str
) -> None:
    answer = client.request(method, path, content=body.encode())
    assert answer.status_code == 400
    assert set(answer.json()) == {"message"}
    assert [bank.name for bank in gate.local.banks()] == ["B"]
    assert gate.local.count_in("B") == 1


@pytest.mark.usefixtures("banked")
@pytest.mark.parametrize(
    "metadata", ['{"json": {"a": NaN}}', '{"json": {"a": 1e999}}', f'{{"content_id": {HALF}}}', "["]
)
def test_metadata_in_a_form_are_read_as_strictly(client: AppClient, gate: GateRuntime, metadata: str) -> None:
    sent: dict[str, Any] = {"files": {"photo": ("a.jpg", jpeg(1))}, "data": {"metadata": metadata}}
    answer = client.post("/c/bank/B/content", **sent)
    assert (answer.status_code, set(answer.json())) == (400, {"message"})
    assert gate.local.count_in("B") == 1


@pytest.mark.usefixtures("banked")
def test_a_note_in_a_form_that_no_text_can_say_is_refused(client: AppClient, gate: GateRuntime) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n\\ud800\r\n'
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' + jpeg(1) + b"\r\n--x--\r\n"
    )
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"
    answer = client.post("/c/bank/B/content", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, set(answer.json())) == (400, {"message"})
    assert gate.local.count_in("B") == 1


class Unforeseen(Exception):
    """Carries what a caller sent."""


@pytest.mark.parametrize(
    ("method", "path", "kind", "members"),
    [
        ("GET", "/c/banks", "application/json", {"message"}),
        ("GET", "/v1/status", "application/problem+json", {"type", "title", "status", "detail", "code"}),
    ],
)
def test_a_fault_has_the_shape_of_its_api_and_the_log_no_word_of_what_was_sent(
    client: AppClient, gate: GateRuntime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    method: str, path: str, kind: str, members: set[str],
) -> None:  # fmt: skip
    def fails() -> None:
        raise Unforeseen("a word of a caller")

    monkeypatch.setattr(gate, "status", fails)
    monkeypatch.setattr(gate.local, "banks", fails)
    answer = client.request(method, path)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == kind
    assert set(answer.json()) == members
    assert "a word of a caller" not in answer.text + caplog.text
    assert "Unforeseen" in caplog.text
    assert "gate_fault" in caplog.text
    assert not isinstance(Unforeseen(), AmparoError)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/check", 405),
        ("PUT", "/v1/lookup", 405),
        ("DELETE", "/metrics", 405),
        ("POST", "/v1/check/", 404),
    ],
)
def test_a_wrong_path_or_method_of_our_own_api_is_a_problem(
    client: AppClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == {404: "path_unknown", 405: "method_not_allowed"}[status]
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/m/nothing", 404), ("DELETE", "/c/banks", 405), ("PUT", "/h/hash", 405), ("GET", "/c/banks/", 404),
     ("GET", "/", 404), ("GET", f"/c/bank/{FEED_BANK}/nothing", 404)],
)  # fmt: skip
def test_a_wrong_path_or_method_of_hmas_api_is_a_message(
    client: AppClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"message"}
    assert ("Allow" in answer.headers) is (status == 405)
