"""The gate as a client of other formats, against our own servers of them and against recorded shapes."""

from __future__ import annotations

import itertools
import json
import socketserver
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import httpx
import pytest

from amparo.core.clock import Clock, SystemClock
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Unavailable, VerificationFailed
from amparo.gate.local_banks import LocalBanks
from amparo.gate.sources import Ledger, Puller, SourceKind, SourceRecord, readers
from amparo.gate.sources import puller as pullers
from amparo.gate.sources.delta import Delta, Reader
from amparo.hub.commands import person
from tests.hub.formats.serving import Served, serving
from tests.hub.hubs import fingerprints, near

KEY = bytes(range(32))


class MovedClock(SystemClock):
    """Ahead of the time of day by what the test says."""

    ahead = timedelta(0)

    def now(self):  # as SystemClock
        return super().now() + self.ahead


class GateFolder:
    """The parts of a gate that sources need."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = MovedClock()
        self.open()

    def open(self) -> None:
        self.banks = LocalBanks(self.folder, KEY, self.clock)
        self.ledger = Ledger(self.folder, KEY)
        self.puller = Puller(self.ledger, self.banks, self.clock)

    def close(self) -> None:
        self.banks.close()
        self.ledger.close()

    def pull(self) -> int:
        (source,) = self.ledger.sources()
        return self.puller.pull(source)

    def matches(self, value: bytes) -> list[str]:
        """The banks in which this fingerprint finds something."""
        found = self.banks.contents([one.number for one in self.banks.near(value, 31)])
        return [content.bank.name for content in found.values()]


def wait_for(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def gate(tmp_path: Path) -> Generator[GateFolder]:
    made = GateFolder(tmp_path / "gate")
    yield made
    made.close()


@pytest.fixture
def served(tmp_path: Path, gate: GateFolder) -> Generator[Served]:
    with serving(tmp_path / "hub", clock=gate.clock) as running:
        yield running


def follow(served: Served, gate: GateFolder, kind: SourceKind) -> None:
    card = served.join("P")
    if kind is SourceKind.STOPNCII:
        credentials = {"function_key": card.key, "subscription_key": card.partner}
        gate.puller.add(SourceRecord("ELSEWHERE", kind, f"{served.url}/stopncii", credentials))
    else:
        credentials = {"user": card.partner, "password": card.key}
        gate.puller.add(SourceRecord("ELSEWHERE", kind, f"{served.url}/ncmec", credentials))


@pytest.mark.parametrize("kind", [SourceKind.STOPNCII, SourceKind.NCMEC])
def test_a_hub_of_another_format_is_followed_additions_withdrawals_and_restarts(
    served: Served, gate: GateFolder, kind: SourceKind
) -> None:
    kept, withdrawn, shared, added = fingerprints(4)
    code = served.protect([kept, withdrawn, shared])
    served.protect([shared])
    follow(served, gate, kind)
    gate.clock.ahead += timedelta(seconds=10)
    gate.pull()
    assert gate.matches(near(kept, 8).value) == ["ELSEWHERE"]
    assert gate.matches(withdrawn.value) == gate.matches(shared.value) == ["ELSEWHERE"]
    assert gate.matches(added.value) == []
    gate.close()
    gate.open()
    served.protect([added])
    person.withdraw_case(served.hub, code)
    gate.clock.ahead += timedelta(seconds=10)
    gate.pull()
    assert gate.matches(added.value) == ["ELSEWHERE"]
    assert gate.matches(kept.value) == gate.matches(withdrawn.value) == []
    assert gate.matches(shared.value) == ["ELSEWHERE"]


@pytest.mark.parametrize("kind", [SourceKind.STOPNCII, SourceKind.NCMEC])
def test_many_pages_are_pulled_and_repeated_pulls_change_nothing(
    served: Served, gate: GateFolder, kind: SourceKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_PAGE", 9)
    values = fingerprints(50)
    served.protect(values)
    follow(served, gate, kind)
    gate.clock.ahead += timedelta(seconds=10)
    for _ in range(2):
        gate.pull()
        assert len(gate.banks) == 50
    assert all(gate.matches(value.value) for value in values)


def test_files_are_read_whole_when_they_change(gate: GateFolder, tmp_path: Path) -> None:
    one, two, three, dull = fingerprints(4)
    file = tmp_path / "list.csv"
    file.write_text(f'hash,quality,path\n{one.hex},80,a.jpg\n{two.hex},50,"b,c.jpg"\n{dull.hex},49,d.jpg\n')
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(file)))
    assert gate.pull() == 1
    assert [bool(gate.matches(f.value)) for f in (one, two, three, dull)] == [True, True, False, False]
    assert gate.pull() == 0
    file.write_text(f"{two.hex}\n{three.hex.upper()},100\n")
    assert gate.pull() == 1
    assert [bool(gate.matches(f.value)) for f in (one, two, three, dull)] == [False, True, True, False]


def test_signal_files_of_the_library_are_read(gate: GateFolder, tmp_path: Path) -> None:
    (value,) = fingerprints(1)
    file = tmp_path / "signals.txt"
    file.write_text(f"pdq {value.hex}\nvideo_md5 {'0' * 32}\n\n")
    gate.puller.add(SourceRecord("SIGNALS", SourceKind.THREATEXCHANGE, str(file)))
    gate.pull()
    assert gate.matches(value.value) == ["SIGNALS"]


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (SourceKind.CSV, "hash,quality\nxyz,3\n", "csv_malformed"),
        (SourceKind.CSV, "ab,1,c\n", "csv_malformed"),
        (SourceKind.CSV, "0" * 64 + ',9,"' + "x" * 140_000, "csv_malformed"),
        (SourceKind.THREATEXCHANGE, "pdq 12\n", "signal_file_malformed"),
        (SourceKind.CSV, None, "source_file_unreadable"),
    ],
)
def test_a_damaged_file_changes_nothing(
    gate: GateFolder, tmp_path: Path, kind: SourceKind, text: str | None, code: str
) -> None:
    (value,) = fingerprints(1)
    file = tmp_path / "list"
    file.write_text(f"{value.hex}\n")
    gate.puller.add(SourceRecord("LIST", kind, str(file)))
    gate.pull()
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(InvalidInput) as raised:
        gate.pull()
    assert raised.value.code == code
    assert gate.matches(value.value) == ["LIST"]


class Crash(Exception):
    """The process dies here."""


@pytest.mark.parametrize("dies_in", ["forget", "forget_tags", "note", "move"])
def test_a_crash_at_any_step_is_made_good_by_the_next_pull(
    gate: GateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    gone, kept, added = fingerprints(3)
    file = tmp_path / "list.csv"
    file.write_text(f"{gone.hex}\n{kept.hex}\n")
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(file)))
    gate.pull()
    file.write_text(f"{added.hex}\n{kept.hex}\n")

    def die(*_arguments: object) -> None:
        raise Crash

    monkeypatch.setattr(gate.ledger, dies_in, die)
    with pytest.raises(Crash):
        gate.pull()
    gate.close()
    gate.open()
    gate.pull()
    assert [bool(gate.matches(f.value)) for f in (gone, kept, added)] == [False, True, True]
    assert len(gate.banks) == 2


def test_a_key_whose_fingerprint_changes_moves(gate: GateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = fingerprints(2)
    told = [
        Delta({"a": one.hex, "b": one.hex}, checkpoint="1"),
        Delta({"a": two.hex}, checkpoint="2"),
        Delta({}, frozenset({"b", "unknown"}), checkpoint="3"),
    ]

    class Told:
        def read(self, checkpoint: str | None) -> Iterator[Delta]:
            yield told.pop(0)

    def told_by(_source: SourceRecord, _clock: Clock) -> Told:
        return Told()

    monkeypatch.setattr(pullers, "reader_of", told_by)
    gate.puller.add(SourceRecord("KEYS", SourceKind.NCMEC, "https://127.0.0.1"))
    seen: list[tuple[bool, bool]] = []
    for _ in range(3):
        gate.pull()
        seen.append((bool(gate.matches(one.value)), bool(gate.matches(two.value))))
    assert seen == [(True, False), (True, True), (False, True)]
    assert gate.ledger.sources()[0].checkpoint == "3"


def test_nothing_of_a_source_lies_open_on_the_disk(gate: GateFolder, tmp_path: Path) -> None:
    (value,) = fingerprints(1)
    file = tmp_path / "list.csv"
    file.write_text(f"{value.hex}\n")
    secret = {"function_key": "very-secret-key", "subscription_key": "also-secret"}
    gate.puller.add(SourceRecord("HUB", SourceKind.STOPNCII, "https://127.0.0.1:1", secret))
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(file)))
    gate.puller.pull(gate.ledger.sources()[1])
    gate.close()
    raw = b"".join(path.read_bytes() for path in gate.folder.iterdir())
    for plain in (b"very-secret-key", b"also-secret", value.value, value.hex.encode()):
        assert plain not in raw
    gate.open()
    assert gate.ledger.sources()[0].credentials == secret
    assert "secret" not in repr(gate.ledger.sources())


def test_taking_a_source_away_ends_its_matches_and_no_others(gate: GateFolder, tmp_path: Path) -> None:
    one, two = fingerprints(2)
    for name, value in (("ONE", one), ("TWO", two)):
        file = tmp_path / name
        file.write_text(value.hex + "\n")
        gate.puller.add(SourceRecord(name, SourceKind.CSV, str(file)))
    for source in gate.ledger.sources():
        gate.puller.pull(source)
    gate.puller.remove("ONE")
    assert [gate.matches(f.value) for f in (one, two)] == [[], ["TWO"]]
    with pytest.raises(NotFound):
        gate.puller.remove("ONE")
    with pytest.raises(Conflict):
        gate.puller.add(SourceRecord("TWO", SourceKind.CSV, "x"))


@pytest.mark.parametrize(
    "address", ["http://example.org", "ftp://127.0.0.1", "127.0.0.1", "https://", "http://10.0.0.1"]
)
def test_keys_travel_over_https_only_but_for_loopback(gate: GateFolder, address: str) -> None:
    with pytest.raises(InvalidInput, match="source_address_invalid"):
        gate.puller.add(SourceRecord("HUB", SourceKind.STOPNCII, address))
    assert gate.ledger.sources() == ()
    assert gate.banks.banks() == ()


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


def answering(monkeypatch: pytest.MonkeyPatch, status: int, body: str, headers: dict[str, str] | None = None) -> None:
    """Every question of a source gets this answer, without any network."""
    answer = httpx.MockTransport(lambda _request: httpx.Response(status, text=body, headers=headers))
    real = httpx.Client

    def client(**arguments: object) -> httpx.Client:
        return real(transport=answer, **{k: v for k, v in arguments.items() if k != "transport"})  # pyright: ignore[reportArgumentType]  # passed through as it came

    monkeypatch.setattr(httpx, "Client", client)


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
        wait_for(lambda: gate.puller.status_of("LIST").pulled_at is not None)
        assert gate.puller.status_of("DRIPS").began_at is not None
        assert gate.matches(value.value) == ["LIST"]
        gate.puller.stop()
        monkeypatch.setattr("amparo.gate.sources.http._ANSWER_SECONDS", 0.2)
        with pytest.raises(Unavailable, match="source_too_slow"):
            gate.puller.pull(gate.ledger.sources()[0])


def test_a_source_that_breaks_something_of_ours_is_told_and_tried_again(
    gate: GateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (value,) = fingerprints(1)
    file = tmp_path / "list.csv"
    file.write_text(f"{value.hex}\n")
    broken = True
    real = pullers.reader_of

    def reader_of(source: SourceRecord, clock: Clock) -> Reader:
        if broken and source.name == "BROKEN":
            raise RecursionError
        return real(source, clock)

    for name in ("BROKEN", "WELL"):
        gate.puller.add(SourceRecord(name, SourceKind.CSV, str(file)))
    monkeypatch.setattr(pullers, "reader_of", reader_of)
    gate.puller.start()
    wait_for(lambda: gate.puller.status_of("BROKEN").problem == "source_broken")
    wait_for(lambda: gate.puller.status_of("WELL").pulled_at is not None)
    broken = False
    wait_for(lambda: gate.puller.status_of("BROKEN").pulled_at is not None)
    gate.puller.stop()
    assert gate.puller.status_of("BROKEN").problem is None


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("sources_unavailable", "Busy."), "sources_unavailable"), (OSError(), "sources_broken")],
)
def test_a_ledger_that_cannot_be_read_once_is_told_and_read_again(
    gate: GateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("")
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(file)))

    def no_sources() -> tuple[SourceRecord, ...]:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(gate.ledger, "sources", no_sources)
        gate.puller.start()
        wait_for(lambda: gate.puller.status_of("LIST").problem == code)
    wait_for(lambda: gate.puller.status_of("LIST").pulled_at is not None)
    assert gate.puller.status_of("LIST").problem is None
    gate.puller.stop()


def test_a_source_that_fails_for_ever_has_the_longest_pause_for_ever(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, "nowhere"))
    (source,) = gate.ledger.sources()
    assert {gate.puller._try(source) for _ in range(1100)} >= {300.0}  # pyright: ignore[reportPrivateUsage]  # no thread to wait for
    assert gate.puller.status_of("LIST").failures == 1100


def test_a_source_that_fails_is_tried_again_after_longer_and_longer_pauses(
    gate: GateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.puller.add(SourceRecord("HUB", SourceKind.STOPNCII, "https://127.0.0.1"))
    (source,) = gate.ledger.sources()
    answering(monkeypatch, 503, "", {"retry-after": "9"})
    pauses = [gate.puller._try(source) for _ in range(12)]  # pyright: ignore[reportPrivateUsage]  # no thread to wait for
    assert pauses[:6] == [9, 9, 9, 9, 16, 32]
    assert max(pauses) == 300
    (status,) = gate.puller.statuses
    assert (status.problem, status.failures) == ("source_unreachable", 12)


def test_a_source_that_is_switched_off_is_not_asked_and_does_not_match_until_it_is_on_again(
    gate: GateFolder, tmp_path: Path
) -> None:
    one, other = fingerprints(2)
    path = tmp_path / "list.csv"
    path.write_text(f"{one.hex},90,a\n")
    gate.puller.add(SourceRecord("LIST", SourceKind.CSV, str(path)))
    gate.pull()
    gate.puller.enable("LIST", False)
    assert gate.banks.bank("LIST").enabled_ratio == 0
    gate.close()
    gate.open()
    assert [source.enabled for source in gate.puller.sources()] == [False]
    path.write_text(f"{other.hex},90,a\n")
    # The thread asks what is enabled, of which there is something else.
    gate.puller.add(SourceRecord("TOO", SourceKind.CSV, str(path)))
    gate.puller.start()
    wait_for(lambda: gate.puller.status_of("TOO").pulled_at is not None)
    assert gate.puller.status_of("LIST").pulled_at is None
    gate.puller.enable("LIST", True)
    wait_for(lambda: gate.puller.status_of("LIST").pulled_at is not None)
    gate.puller.stop()
    assert gate.banks.bank("LIST").enabled_ratio == 1
    assert gate.matches(one.value) == []
    assert sorted(gate.matches(other.value)) == ["LIST", "TOO"]
    with pytest.raises(NotFound):
        gate.puller.enable("NOBODY", False)


def test_credentials_are_set_for_every_source_of_a_format_or_wait_for_one_and_never_for_a_second(
    gate: GateFolder,
) -> None:
    first, second = {"user": "a", "password": "b"}, {"user": "c", "password": "d"}

    def held() -> dict[str, object]:
        return {source.name: dict(source.credentials) for source in gate.puller.sources()}

    gate.puller.set_credentials(SourceKind.NCMEC, first)
    assert gate.puller.has_credentials(SourceKind.NCMEC)
    assert not gate.puller.has_credentials(SourceKind.STOPNCII)
    gate.puller.add(SourceRecord("ONE", SourceKind.NCMEC, "https://one.example.org"), with_waiting=True)
    gate.puller.add(SourceRecord("TWO", SourceKind.NCMEC, "https://two.example.org"), with_waiting=True)
    assert held() == {"ONE": first, "TWO": {}}
    gate.puller.set_credentials(SourceKind.NCMEC, second)
    assert held() == {"ONE": second, "TWO": second}
    assert b"password" not in (gate.folder / "sources.sqlite-wal").read_bytes()
