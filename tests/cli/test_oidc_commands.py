"""``amparo oidc``, as whoever runs a hub calls it."""

from __future__ import annotations

import stat
from pathlib import Path

from typer.testing import CliRunner

from amparo.cli.app import app
from amparo.core.errors import AmparoError
from amparo.hub.provider import PROVIDER_FILE, ProviderSettings, read_provider
from tests.hub.hubs import open_hub

SETTINGS = ("--issuer", "https://id.example.org", "--client-id", "desk", "--name", "the house")


def run(*arguments: str, secret: str = "") -> str:
    answer = CliRunner().invoke(app, ["oidc", *arguments], env={"AMPARO_OIDC_SECRET": secret}, input="typed secret\n")
    if isinstance(answer.exception, AmparoError):
        return answer.exception.code
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_a_provider_is_set_shown_without_its_secret_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    open_hub(folder)[0].close()
    data, file = ("--data", str(folder)), folder / PROVIDER_FILE
    assert "passkeys only" in run("status", *data)
    said = run("set", *data, *SETTINGS, secret="from the environment")
    assert "/enter/oidc/back" in said
    assert read_provider(file) == ProviderSettings(
        "https://id.example.org", "desk", "from the environment", "the house"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = run("status", *data)
    assert "https://id.example.org" in shown
    assert "from the environment" not in shown + said
    assert "typed secret" not in run("set", *data, *SETTINGS)
    kept = read_provider(file)
    assert kept is not None
    assert kept.secret == "typed secret"
    run("remove", *data)
    assert read_provider(file) is None


def test_a_provider_in_the_open_or_of_no_hub_is_refused(tmp_path: Path) -> None:
    open_hub(tmp_path / "hub")[0].close()
    data = ("--data", str(tmp_path / "hub"))
    bad = ("--issuer", "http://id.example.org", "--client-id", "desk")
    assert run("set", *data, *bad, secret="s") == "oidc_unprotected"
    assert run("set", "--data", str(tmp_path / "none"), *SETTINGS, secret="s") == "hub_unknown"
    assert not (tmp_path / "none").exists()
