"""The gate as a client of other formats, against our own servers of them and against recorded shapes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from amparo.core.clock import Clock
from amparo.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from amparo.gate.sources import SourceKind, SourceRecord, readers
from amparo.gate.sources import puller as pullers
from amparo.gate.sources.delta import Delta, Reader
from amparo.hub.commands import person
from tests.gate.sources.folders import GateFolder, answering
from tests.gate.waiting import wait_until
from tests.hub.formats.serving import Served, serving
from tests.hub.hubs import fingerprints, near


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
    wait_until(lambda: gate.puller.status_of("BROKEN").problem == "source_broken")
    wait_until(lambda: gate.puller.status_of("WELL").pulled_at is not None)
    broken = False
    wait_until(lambda: gate.puller.status_of("BROKEN").pulled_at is not None)
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
        wait_until(lambda: gate.puller.status_of("LIST").problem == code)
    # The list may be there before the look that began to pull it has said that it went well.
    wait_until(lambda: gate.puller.status_of("LIST").pulled_at is not None)
    wait_until(lambda: gate.puller.status_of("LIST").problem is None)
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
    wait_until(lambda: gate.puller.status_of("TOO").pulled_at is not None)
    assert gate.puller.status_of("LIST").pulled_at is None
    gate.puller.enable("LIST", True)
    wait_until(lambda: gate.puller.status_of("LIST").pulled_at is not None)
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
