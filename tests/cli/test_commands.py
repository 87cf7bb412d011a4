"""The ``amparo`` command as it is typed: what it prints, what it exits with."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from amparo import cli
from amparo.core.clock import SystemClock
from amparo.core.keys import SigningKey, bearer_digest
from amparo.gate.card import PartnerCard
from amparo.gate.replica import Replica
from amparo.gate.server import create_app
from amparo.hub.commands import partners, staff
from amparo.hub.context import Hub, HubSettings
from amparo.signal import pdq
from amparo.store.staff.protocol import Role
from tests.gate.feeding import Feed, key_for, new_gate
from tests.gate.serving import served
from tests.pictures import photo_like
from tests.signal.videos import scenes, write_video
from tests.walk.running import free_ports


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


Amparo = Callable[..., Done]


@pytest.fixture
def amparo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Amparo:
    """The command within this process, through the same ``main`` that the shell calls."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["amparo", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


def picture(path: Path, seed: int, size: int = 200) -> Path:
    Image.fromarray(photo_like(size, size, seed)).save(path)
    return path


# Help


COMMANDS = [
    [],
    ["up"],
    ["hub"],
    ["gate"],
    ["gate-key"],
    ["fingerprint"],
    ["match"],
    ["partner"],
    ["partner", "add"],
    ["desk-link"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(amparo: Amparo, command: list[str]) -> None:
    done = amparo(*command, "--help")
    assert done.status == 0
    assert "Usage:" in done.out
    assert "Traceback" not in done.out + done.err


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "amparo", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "fingerprint" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["hub", "--port", "x"], ["fingerprint"], ["match", "a.png"]], ids=" ".join
)
def test_a_typing_mistake_is_answered_with_usage(amparo: Amparo, arguments: list[str]) -> None:
    done = amparo(*arguments)
    assert done.status == 2
    assert "Traceback" not in done.err
    assert "Usage" in done.err


# Fingerprints


def test_fingerprints_are_one_object_a_line_and_failures_do_not_stop_the_rest(amparo: Amparo, tmp_path: Path) -> None:
    good, late = picture(tmp_path / "a.png", 1), picture(tmp_path / "z.png", 2)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "letter.jpg").write_text("dear reader")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:900])
    names = ["a.png", "empty.jpg", "missing.png", "letter.jpg", "cut.png", "z.png"]
    done = amparo("fingerprint", "--json", *(tmp_path / name for name in names))
    assert done.status == 1
    assert [line["path"] for line in done.lines] == [str(tmp_path / name) for name in names]
    first, *failed, last = done.lines
    expected = pdq.fingerprint(good)
    assert first == {"path": str(good), "signal_type": "pdq", "value": expected.hex, "quality": expected.quality}
    assert last["value"] == pdq.fingerprint(late).hex
    codes: list[str] = []
    for line in failed:
        assert set(line) == {"path", "error"}
        error = line["error"]
        assert isinstance(error, dict)
        told = cast("dict[str, str]", error)
        assert set(told) == {"code", "message"}
        codes.append(told["code"])
    assert codes == ["picture_empty", "file_missing", "picture_unreadable", "picture_truncated"]


def test_all_good_pictures_exit_with_zero_also_in_words_and_in_processes(amparo: Amparo, tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{n}.png", n) for n in range(3)]
    in_words = amparo("fingerprint", *files)
    in_processes = amparo("fingerprint", "--json", "--workers", "2", tmp_path)
    assert in_words.status == in_processes.status == 0
    assert [str(line["value"]) for line in in_processes.lines] == [
        line.split()[0] for line in in_words.out.splitlines()
    ]


# Matching


def test_pictures_are_matched_against_a_file_of_fingerprints(amparo: Amparo, tmp_path: Path) -> None:
    known, other = picture(tmp_path / "known.png", 1), picture(tmp_path / "other.png", 2)
    copy = tmp_path / "copy.jpg"
    Image.open(known).resize((150, 150)).save(copy, quality=80)
    bank = tmp_path / "bank.jsonl"
    bank.write_text(amparo("fingerprint", "--json", known, tmp_path / "missing.png").out)
    done = amparo("match", "--json", "--bank", bank, copy, other, tmp_path / "missing.png")
    assert done.status == 1
    matched, unmatched, failed = done.lines
    (match,) = matched["matches"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    assert match["entry"] == str(known)
    assert 0 <= match["distance"] <= 31
    assert unmatched["matches"] == []
    assert failed["error"] == {"code": "file_missing", "message": failed["error"]["message"]}  # pyright: ignore[reportIndexIssue]
    words = amparo("match", "--bank", bank, copy, other)
    assert words.status == 0
    assert [line.startswith("match at") for line in words.out.splitlines()] == [True, False]


def test_a_mirrored_copy_matches_once(amparo: Amparo, tmp_path: Path) -> None:
    known = picture(tmp_path / "known.png", 1)
    mirrored = tmp_path / "mirrored.png"
    Image.open(known).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    bank = tmp_path / "bank.jsonl"
    bank.write_text(amparo("fingerprint", "--json", known).out)
    (line,) = amparo("match", "--json", "--bank", bank, mirrored).lines
    assert line["matches"] == [{"entry": str(known), "distance": 0}]


def test_a_video_matches_by_its_frames_and_as_a_whole(amparo: Amparo, tmp_path: Path) -> None:
    banked = write_video(tmp_path / "banked.mkv", scenes((1, 2), 20, 256, 256))
    mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in scenes((3, 1, 2), 20, 256, 256)]
    upload = write_video(tmp_path / "upload.mp4", mirrored)
    other = write_video(tmp_path / "other.mp4", scenes((4,), 20, 256, 256))
    still = tmp_path / "still.png"
    Image.fromarray(scenes((2,), 1, 256, 256)[0]).save(still)
    bank = tmp_path / "bank.jsonl"
    bank.write_text(amparo("fingerprint", "--json", still, banked).out)
    first, second = amparo("match", "--json", "--bank", bank, upload, other).lines
    frame, whole = first["matches"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    assert (frame["entry"], frame["seconds"] >= 4) == (str(still), True)
    assert (whole["entry"], whole["bank_percent"]) == (str(banked), 100)
    assert second["matches"] == []
    words = amparo("match", "--bank", bank, upload, other)
    assert words.status == 0
    assert [line.split("  ")[0] for line in words.out.splitlines()] == [f"match of 100 % of {banked}", "no match"]


def test_a_bank_may_be_in_the_reference_tools_format(amparo: Amparo, tmp_path: Path) -> None:
    known = picture(tmp_path / "known.png", 1)
    value = pdq.fingerprint(known).hex
    for text in (value, value.upper(), f"hash,quality,path\n{value},100,somewhere/a.png\n", f"# note\n\n{value},100\n"):
        bank = tmp_path / "bank.csv"
        bank.write_text(text)
        (line,) = amparo("match", "--json", "--bank", bank, known).lines
        assert len(line["matches"]) == 1  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "text", ["zz", "{}", "[1]", "ab" * 31, "ab" * 32 + ",many", '{"value": 3, "quality": 1, "path": ""}']
)
def test_a_bank_that_cannot_be_read_names_its_line(amparo: Amparo, tmp_path: Path, text: str) -> None:
    known = picture(tmp_path / "known.png", 1)
    bank = tmp_path / "bank.csv"
    bank.write_text(f"{'ab' * 32}\n{text}\n")
    done = amparo("match", "--bank", bank, known)
    assert done.status == 2
    assert "bank_unreadable" in done.err
    assert "Line 2" in done.err


def test_pictures_are_matched_against_a_gate(amparo: Amparo, tmp_path: Path) -> None:
    known, other = picture(tmp_path / "known.png", 1), picture(tmp_path / "other.png", 2)
    gate = new_gate(tmp_path / "gate", clock=SystemClock())
    (entry,) = Feed(gate).add(pdq.fingerprint(known))
    key = key_for(gate, "match")
    (port,) = free_ports(1)
    with served(create_app(gate), port) as address:
        done = amparo("match", "--json", "--bank", address, "--key", key, known, other)
        assert done.status == 0, done.err
        first, second = done.lines
        assert first["matches"] == [{"entry": entry, "distance": 0}]
        assert second["matches"] == []
        assert gate_keeps_no_sighting(tmp_path / "gate")
        refused = amparo("match", "--bank", address, "--key", "wrong", known)
        assert refused.status == 3
        assert "gate_key_wrong" in refused.err
    gone = amparo("match", "--bank", address, "--key", key, known)
    assert gone.status == 7
    assert "gate_unreachable" in gone.err


@pytest.mark.parametrize(
    ("bank", "key", "code"),
    [("http://[::1", "key", "gate_address_invalid"), ("http://127.0.0.1:1", "contraseña", "gate_key_invalid")],
)
def test_a_gate_that_cannot_be_asked_ends_in_a_sentence(
    amparo: Amparo, tmp_path: Path, bank: str, key: str, code: str
) -> None:
    known = picture(tmp_path / "known.png", 1)
    key_file = tmp_path / "gate.key"
    key_file.write_text(key)
    for done in (
        amparo("match", "--bank", bank, "--key", key, known),
        amparo("replay", "--gate", bank, "--key", key, tmp_path),
        amparo("demo-site", "--gate-url", bank, "--key-file", key_file, "--data", tmp_path / "demo"),
    ):
        assert done.status == 2
        assert code in done.err


def gate_keeps_no_sighting(folder: Path) -> bool:
    replica = Replica(folder)
    try:
        return replica.count_untold() == 0
    finally:
        replica.close()


# Partners, keys, links


def test_adding_a_partner_prints_its_card_once(amparo: Amparo, tmp_path: Path) -> None:
    Hub.open(tmp_path, HubSettings()).close()
    done = amparo("partner", "add", "Plaza", "--data", tmp_path, "--url", "https://hub.test", "--valid-days", 30)
    assert done.status == 0
    card = PartnerCard.from_json(done.out)
    assert (card.name, card.hub_url) == ("Plaza", "https://hub.test")
    hub = Hub.open(tmp_path, HubSettings())
    record = partners.authenticate(hub, card.key)
    assert record.key_expires_at is not None
    hub.close()
    again = amparo("partner", "add", "Plaza", "--data", tmp_path)
    assert again.status == 4
    assert "partner_exists" in again.err
    assert again.out == ""


def test_a_card_in_a_file_is_readable_by_its_owner_only(amparo: Amparo, tmp_path: Path) -> None:
    Hub.open(tmp_path / "hub", HubSettings()).close()
    path = tmp_path / "cards" / "plaza.json"
    done = amparo("partner", "add", "Plaza", "--data", tmp_path / "hub", "--card", path)
    assert (done.status, done.out) == (0, "")
    card = PartnerCard.read(path)
    assert card.key not in done.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_gate_key_lets_its_program_in(amparo: Amparo, tmp_path: Path) -> None:
    done = amparo("gate-key", "uploads", "--data", tmp_path)
    assert done.status == 0
    replica = Replica(tmp_path)
    caller = replica.client_with(bearer_digest(done.out.strip()))
    replica.close()
    assert caller is not None
    assert done.out.strip().encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_desk_link_opens_the_desk_of_this_hub(amparo: Amparo, tmp_path: Path) -> None:
    Hub.open(tmp_path, HubSettings()).close()
    done = amparo("desk-link", "--data", tmp_path, "--desk-url", "http://localhost:9999/", "--name", "Ana")
    address, _, ticket = done.out.strip().partition("/invitation?ticket=")
    assert address == "http://localhost:9999"
    hub = Hub.open(tmp_path, HubSettings())
    invited = staff.invited_by(hub, ticket)
    assert (invited.name, invited.role) == ("Ana", Role.ADMINISTRATOR)
    hub.close()


def test_a_desk_link_of_no_hub_is_refused_and_makes_no_key(amparo: Amparo, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "misspelt"):
        done = amparo("desk-link", "--data", folder)
        assert done.status == 5
        assert "hub_unknown" in done.err
        assert done.out == ""
    assert list(tmp_path.iterdir()) == []


# Errors


@pytest.mark.parametrize("name", ["card.json", "[bold]card.json", "[/red]card.json"])
def test_a_missing_card_is_one_clear_line_with_its_path(amparo: Amparo, tmp_path: Path, name: str) -> None:
    done = amparo("gate", "--card", tmp_path / name, "--data", tmp_path / "gate")
    assert done.status == 2
    assert "partner_card_missing" in done.err
    assert str(tmp_path / name) in done.err.replace("\n", "")
    assert not (tmp_path / "gate").exists()


def card_with(**members: str) -> bytes:
    card = {"amparo_partner_card": 1, "hub_url": "http://hub.test:8000", "hub_key": "03" * 32, "partner": "a" * 32}
    return json.dumps({**card, "name": "Demo", "key": "key", **members}).encode()


def test_a_good_card_is_read() -> None:
    for url in ("http://hub.test:8000", "https://hub.test", "http://[::1]:8000/below"):
        key = SigningKey(bytes(32)).public.hex
        assert PartnerCard.from_json(card_with(hub_url=url, hub_key=key).decode()).hub_url == url


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"amparo_partner_card": 2}',
        b'{"amparo_partner_card": 1, "hub_url": "file:///etc"}',
        card_with(hub_url="http://"),
        card_with(hub_url="https://:8000"),
        card_with(hub_url="http://hub.test:port"),
        card_with(hub_url="http://hub.test:70000"),
        card_with(hub_url="http://hub.test:0"),
        card_with(hub_url="http://[::1"),
        card_with(hub_url="http://hub.test/?a=b"),
        card_with(hub_url="http://hub.test/a b"),
        card_with(hub_url="http://hub.test\n"),
        card_with(key=""),
        card_with(key="llave secreta"),
        card_with(key="contrase\u00f1a"),
        card_with(key="line\r\nX-Other: 1"),
    ],
)
def test_a_card_that_is_none_is_refused(amparo: Amparo, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    done = amparo("gate", "--card", tmp_path / "card.json", "--data", tmp_path / "gate")
    assert done.status == 2
    assert "partner_card_invalid" in done.err


def test_a_taken_port_is_named(amparo: Amparo, tmp_path: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = amparo("hub", "--data", tmp_path, "--port", port, "--desk-port", free_ports(1)[0])
    assert done.status == 4
    assert "port_taken" in done.err
    assert str(port) in done.err


def test_a_hub_whose_key_is_gone_does_not_start(amparo: Amparo, tmp_path: Path) -> None:
    Hub.open(tmp_path, HubSettings()).close()
    (tmp_path / "hub.key").unlink()
    done = amparo("hub", "--data", tmp_path, "--port", free_ports(1)[0])
    assert done.status == 8
    assert "key_file_missing" in done.err


def test_what_the_operating_system_refuses_is_one_clear_line(amparo: Amparo, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    below = tmp_path / "file" / "hub"
    (tmp_path / "folder").mkdir()
    Hub.open(tmp_path / "hub", HubSettings()).close()
    for arguments in (
        ["hub", "--data", below],
        ["partner", "add", "Plaza", "--data", tmp_path / "hub", "--card", below],
        ["gate-key", "uploads", "--data", below],
        ["gate", "--card", tmp_path / "folder", "--data", tmp_path / "gate"],
        ["demo-site", "--gate-url", "http://127.0.0.1:9", "--key-file", tmp_path / "missing"],
    ):
        done = amparo(*arguments)
        assert done.status == 2, done.err
        assert "file_unusable" in done.err
        assert str(tmp_path) in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_an_error_of_the_system_without_a_file_says_to_try_later(
    amparo: Amparo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_given: object, **_named: object) -> Hub:
        raise OSError(24, "Too many open files")

    Hub.open(tmp_path, HubSettings()).close()
    monkeypatch.setattr(Hub, "open", no_more)
    done = amparo("partner", "list", "--data", tmp_path)
    assert done.status == 7
    assert "system_refused" in done.err
    assert "Too many open files" in done.err
    assert "Traceback" not in done.err


def test_an_interrupted_command_ends_without_a_word(
    amparo: Amparo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object, **_named: object) -> Hub:
        raise KeyboardInterrupt

    Hub.open(tmp_path, HubSettings()).close()
    monkeypatch.setattr(Hub, "open", interrupted)
    assert amparo("partner", "list", "--data", tmp_path) == Done(130, "", "")
