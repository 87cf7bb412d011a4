"""``amparo partner``, ``amparo hold`` and ``amparo source``, run as an operator runs them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amparo.bank import EntryState, Opinion
from amparo.cli.app import app
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected, Unauthenticated
from amparo.gate.card import PartnerCard
from amparo.hub.commands import feedback, partners, person
from amparo.hub.context import Hub, HubSettings
from tests.hub.hubs import fingerprints, new_folder, pseudonym


def run(*words: str | Path, told: str = "") -> str:
    """What it prints; its own errors come out as they are."""
    done = CliRunner().invoke(app, [str(word) for word in words], input=told)
    if done.exception is not None:
        raise done.exception
    return done.output


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Hub]:
    """In the folder ``hub`` of ``tmp_path``."""
    opened = Hub.open(new_folder(tmp_path / "hub"), HubSettings(canaries=0))
    yield opened
    opened.close()


def test_a_partner_is_suspended_resumed_and_gets_a_new_key(hub: Hub, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "hub")
    old = PartnerCard.from_json(run("partner", "add", "P", *data))
    assert "active" in run("partner", "list", *data)
    run("partner", "suspend", "P", *data)
    with pytest.raises(Rejected, match="partner_suspended"):
        partners.authenticate(hub, old.key)
    run("partner", "resume", "P", *data)
    partners.authenticate(hub, old.key)
    run("partner", "rotate", "P", *data, "--card", tmp_path / "card")
    new = PartnerCard.read(tmp_path / "card")
    assert partners.authenticate(hub, new.key).id == old.partner
    with pytest.raises(Unauthenticated, match="partner_key_wrong"):
        partners.authenticate(hub, old.key)
    settings = run("partner", "settings", tmp_path / "card")
    assert f"TX_STOPNCII_KEYS={new.key},{new.partner},{new.hub_url}/stopncii\n" in settings
    with pytest.raises(NotFound, match="partner_unknown"):
        run("partner", "suspend", "Q", *data)


def test_a_key_with_an_end_is_rotated_with_an_end_or_without_one_on_request(hub: Hub, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "hub")
    run("partner", "add", "P", *data, "--valid-days", "30")
    with pytest.raises(InvalidInput, match="validity_missing"):
        run("partner", "rotate", "P", *data)
    dated = PartnerCard.from_json(run("partner", "rotate", "P", *data, "--valid-days", "30"))
    assert partners.authenticate(hub, dated.key).key_expires_at is not None
    endless = PartnerCard.from_json(run("partner", "rotate", "P", *data, "--unlimited"))
    assert partners.authenticate(hub, endless.key).key_expires_at is None


@pytest.mark.usefixtures("hub")
def test_a_partners_limits_are_set_and_printed(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "hub")
    run("partner", "add", "P", *data)
    assert (
        run("partner", "limits", "P", *data) == "opinions a day\t10000\nsightings a day\t100000\npages a minute\t600\n"
    )
    assert "sightings a day\t2000\n" in run("partner", "limits", "P", *data, "--sightings", "2000")
    assert "sightings a day\t2000\n" in run("partner", "limits", "P", *data, "--fetches", "60")
    with pytest.raises(InvalidInput, match="quota_too_small"):
        run("partner", "limits", "P", *data, "--opinions", "1")
    with pytest.raises(NotFound, match="partner_unknown"):
        run("partner", "limits", "Q", *data)


def test_a_hold_is_listed_with_its_opinions_and_released(hub: Hub, tmp_path: Path) -> None:
    cards = [partners.add_partner(hub, name) for name in ("P", "Q")]
    person.open_case(hub, bytes(32), "en", fingerprints(1))
    with hub.store.read() as transaction:
        entry = transaction.changes(0, 1)[0].entry
    for card in cards:
        known = pseudonym(hub, card.partner, entry)
        feedback.judge_entries(hub, partners.authenticate(hub, card.key), {known: Opinion.REJECT})
    listed = run("hold", "list", "--data", tmp_path / "hub")
    assert listed.startswith(entry)
    assert "P: reject, Q: reject" in listed
    run("hold", "release", entry, "--data", tmp_path / "hub")
    with hub.store.read() as transaction:
        record = transaction.entry(entry)
    assert record is not None
    assert record.entry.state is EntryState.ACTIVE
    assert run("hold", "list", "--data", tmp_path / "hub") == ""
    with pytest.raises(Conflict, match="entry_not_held"):
        run("hold", "release", entry, "--data", tmp_path / "hub")


def test_a_source_is_added_with_keys_from_standard_input_listed_and_removed(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "gate")
    address = ("--address", "https://127.0.0.1:1")
    run("source", "add", "ELSEWHERE", "--kind", "stopncii", *address, *data, told="key one\nkey two\n")
    assert run("source", "list", *data) == "ELSEWHERE\tstopncii\thttps://127.0.0.1:1\n"
    with pytest.raises(InvalidInput, match="source_kind_unknown"):
        run("source", "add", "OTHER", "--kind", "fax", *address, *data)
    run("source", "remove", "ELSEWHERE", *data)
    assert run("source", "list", *data) == ""
    assert not any(b"key one" in path.read_bytes() for path in (tmp_path / "gate").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("partner", "add", "P"),
        ("partner", "list"),
        ("partner", "suspend", "P"),
        ("partner", "resume", "P"),
        ("partner", "rotate", "P"),
        ("partner", "limits", "P"),
        ("hold", "list"),
        ("hold", "release", "0" * 32),
        ("source", "list"),
        ("source", "remove", "ELSEWHERE"),
        ("gate-key", "uploads", "--remove"),
    ],
    ids=" ".join,
)
def test_a_mistyped_folder_is_refused_and_nothing_is_made_in_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(NotFound, match=r"hub_unknown|gate_unknown"):
        run(*words, "--data", tmp_path / "misspelt")
    assert list(tmp_path.iterdir()) == []
