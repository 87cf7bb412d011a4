"""What sources answer: recorded shapes, and servers that fail, lie, go in circles or drip."""

from __future__ import annotations

import itertools
import json
import socketserver
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import httpx
import pytest

from amparo.core.errors import AmparoError, Unavailable, VerificationFailed
from amparo.gate.sources import SourceKind, SourceRecord
from tests.gate.sources.folders import GateFolder, answering
from tests.gate.waiting import wait_until
from tests.hub.hubs import fingerprints

RECORDED_STOPNCII: dict[str, Any] = {
    "count": 3,
    "nextPageToken": "",
    "nextSetTimestamp": 1700000000,
    "hasMoreRecords": False,
    "hashRecords": [
        {
            "lastModtimestamp": 1699990000,
            "signalType": "ImagePDQ",
            "hashValue": "d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6339c4e9c9b22",
            "hashStatus": "Active",
            "caseNumbers": {"fbb0ee1b-9b0f-4b0a-9a7a-000000000001": "Active"},
            "CSPFeedbacks": [{"source": "Example", "feedbackValue": "None", "tags": ["x"]}],
        },
        {"lastModtimestamp": 1, "signalType": "HologramX", "hashValue": "y", "hashStatus": "Active", "caseNumbers": {}},
        {"lastModtimestamp": 1, "signalType": "Text", "hashValue": "y", "hashStatus": "Active", "caseNumbers": []},
    ],
    "newField": 1,
}
RECORDED_NCMEC = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images maxTimestamp="2026-01-02T03:04:05Z">
<image><member id="42">Example</member><id>image1</id><classification>X1</classification><fingerprints>
<md5>facefacefacefacefacefacefaceface</md5><sha1>bad1bad1bad1bad1bad1bad1bad1bad1bad1bad1</sha1><pdna>a...</pdna>
<pdq>d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6339c4e9c9b22</pdq></fingerprints></image>
<image><member id="43">Other</member><id>image4</id><fingerprints><md5>x</md5></fingerprints></image>
<deletedImage><member id="42">Example</member><id>image9</id></deletedImage></images>
<videos maxTimestamp="2026-01-02T03:04:05Z"><video><member id="42">E</member><id>v</id></video></videos></queryResult>"""


@pytest.mark.parametrize(
    ("kind", "body"), [(SourceKind.STOPNCII, json.dumps(RECORDED_STOPNCII)), (SourceKind.NCMEC, RECORDED_NCMEC)]
)
def test_recorded_shapes_are_understood_and_what_is_not_is_passed_over(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch, kind: SourceKind, body: str
) -> None:
    answering(monkeypatch, 200, body)
    gate.puller.add(SourceRecord("RECORDED", kind, "https://127.0.0.1"))
    gate.pull()
    value = bytes.fromhex("d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6339c4e9c9b22")
    assert gate.matches(value) == ["RECORDED"]
    assert len(gate.banks) == 1


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;">]><queryResult><images>&c;</images></queryResult>'


@pytest.mark.parametrize("kind", [SourceKind.STOPNCII, SourceKind.NCMEC])
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, BOMB, "page_malformed"),
        (200, "", "page_malformed"),
        (200, "[" * 100_000, "page_malformed"),
        (200, '{"hashRecords": [], "hasMoreRecords": true, "nextSetTimestamp": 99}', "page_malformed"),
        (302, "", "source_unreachable"),
        (401, "", "source_refused"),
        (403, "", "source_refused"),
        (500, "", "source_unreachable"),
    ],
)
def test_hostile_and_failing_servers_get_a_typed_error_and_move_nothing(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch, kind: SourceKind, status: int, body: str, code: str
) -> None:
    answering(monkeypatch, status, body, {"location": "http://127.0.0.1:1/"})
    gate.puller.add(SourceRecord("HUB", kind, "https://127.0.0.1"))
    with pytest.raises(AmparoError) as raised:
        gate.pull()
    assert raised.value.code == code
    assert gate.ledger.sources()[0].checkpoint is None


def test_a_source_that_goes_back_in_time_or_in_a_circle_is_not_believed(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    page: dict[str, Any] = {
        "hashRecords": [],
        "hasMoreRecords": False,
        "nextSetTimestamp": 5,
        "count": 0,
        "nextPageToken": None,
    }
    gate.puller.add(SourceRecord("HUB", SourceKind.STOPNCII, "https://127.0.0.1"))
    answering(monkeypatch, 200, json.dumps(page))
    with pytest.raises(AmparoError, match="feed_went_back"):
        gate.pull()
    monkeypatch.undo()
    answering(
        monkeypatch, 200, json.dumps({**page, "nextSetTimestamp": 50, "hasMoreRecords": True, "nextPageToken": "x"})
    )
    with pytest.raises(AmparoError, match="page_out_of_order"):
        gate.pull()


def stopncii_page(*, token: str | None, time: int = 50) -> bytes:
    page: dict[str, Any] = {
        "hashRecords": [],
        "hasMoreRecords": token is not None,
        "nextSetTimestamp": time,
        "nextPageToken": token,
    }
    return json.dumps(page).encode()


def ncmec_page(following: str) -> bytes:
    return f"<queryResult><paging><next>{escape(following)}</next></paging></queryResult>".encode()


def told_in_turn(monkeypatch: pytest.MonkeyPatch, bodies: Iterator[bytes]) -> None:
    """Every question of a source gets the next answer, without any network."""
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, content=next(bodies)))
    real = httpx.Client

    def client(**arguments: Any) -> httpx.Client:
        return real(transport=answer, **arguments)

    monkeypatch.setattr(httpx, "Client", client)


@pytest.mark.parametrize(
    ("kind", "pages"),
    [
        (SourceKind.STOPNCII, [stopncii_page(token="a"), stopncii_page(token="b")]),
        (SourceKind.NCMEC, [ncmec_page("/v2/entries?a"), ncmec_page("/v2/entries?b")]),
    ],
)
def test_a_circle_of_two_pages_is_left(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch, kind: SourceKind, pages: list[bytes]
) -> None:
    told_in_turn(monkeypatch, itertools.cycle(pages))
    gate.puller.add(SourceRecord("HUB", kind, "https://127.0.0.1"))
    with pytest.raises(VerificationFailed, match="page_out_of_order"):
        gate.pull()
    assert gate.ledger.sources()[0].checkpoint is None


@pytest.mark.parametrize("limit", ["_QUESTIONS", "_FETCH_SECONDS"])
def test_pages_that_do_not_come_to_an_end_are_left(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(f"amparo.gate.sources.http.{limit}", 5 if limit == "_QUESTIONS" else 0)
    told_in_turn(monkeypatch, (ncmec_page(f"/v2/entries?{number}") for number in itertools.count()))
    gate.puller.add(SourceRecord("HUB", SourceKind.NCMEC, "https://127.0.0.1"))
    with pytest.raises(Unavailable, match="source_endless"):
        gate.pull()


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (SourceKind.NCMEC, ncmec_page("/v2/entries?a\tb")),
        (SourceKind.NCMEC, ncmec_page("/v2/entries?" + "a" * 70_000)),
        (SourceKind.NCMEC, b'<?xml version="1.0" encoding="unheard-of"?><queryResult/>'),
        (SourceKind.STOPNCII, stopncii_page(token="a\tb")),
        (SourceKind.STOPNCII, stopncii_page(token="a" * 70_000)),
        (SourceKind.STOPNCII, stopncii_page(token="\ud800")),
    ],
)
def test_a_next_page_that_cannot_be_asked_for_is_malformed(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch, kind: SourceKind, page: bytes
) -> None:
    told_in_turn(monkeypatch, iter([page]))
    gate.puller.add(SourceRecord("HUB", kind, "https://127.0.0.1"))
    with pytest.raises(VerificationFailed, match="page_malformed"):
        gate.pull()


def test_half_a_character_in_a_record_is_passed_over(gate: GateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept,) = RECORDED_STOPNCII["hashRecords"][:1]
    page = {**RECORDED_STOPNCII, "hashRecords": [{**kept, "hashValue": "\ud800"}, kept]}
    told_in_turn(monkeypatch, iter([json.dumps(page).encode()]))
    gate.puller.add(SourceRecord("HUB", SourceKind.STOPNCII, "https://127.0.0.1"))
    gate.pull()
    assert len(gate.banks) == 1


class Dripping(socketserver.BaseRequestHandler):
    """Answers for ever, a byte now and a byte then, which no limit on a single read ends."""

    beginning = b""

    def handle(self) -> None:
        self.request.recv(65536)
        try:
            self.request.sendall(self.beginning)
            while True:
                self.request.sendall(b"a")
                time.sleep(0.02)
        except OSError:
            return


@contextmanager
def dripping(beginning: bytes) -> Generator[str]:
    handler = type("Begun", (Dripping,), {"beginning": beginning})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_is_cut_off_and_holds_up_no_other_source(
    gate: GateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    (value,) = fingerprints(1)
    file = tmp_path / "list.csv"
    file.write_text(f"{value.hex}\n")
    with dripping(beginning) as url:
        gate.puller.add(SourceRecord("DRIPS", SourceKind.NCMEC, url))
        gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(file)))
        gate.puller.start()
        wait_until(lambda: gate.puller.status_of("LIST").pulled_at is not None)
        assert gate.puller.status_of("DRIPS").began_at is not None
        assert gate.matches(value.value) == ["LIST"]
        gate.puller.stop()
        monkeypatch.setattr("amparo.gate.sources.http._ANSWER_SECONDS", 0.2)
        with pytest.raises(Unavailable, match="source_too_slow"):
            gate.puller.pull(gate.ledger.sources()[0])
