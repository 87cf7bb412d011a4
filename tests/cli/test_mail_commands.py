"""``amparo mail`` and ``amparo addresses``, as whoever runs a hub calls them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amparo.cli.app import app
from amparo.core.errors import AmparoError
from amparo.hub.mail import MAIL_FILE, read_mail_settings
from tests.hub.hubs import open_hub
from tests.hub.posting import mail_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_hub(tmp_path / "hub")[0].close()
    return tmp_path / "hub"


def run(*arguments: str, given: str | None = None) -> str:
    done = CliRunner().invoke(app, list(arguments), input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    with pytest.raises(AmparoError) as caught:
        run(*arguments)
    return caught.value.code


def test_settings_are_kept_shown_without_the_password_and_tried(folder: Path) -> None:
    data = ("--data", str(folder))
    assert "sends no mail" in run("mail", "status", *data)
    assert refused("mail", "test", "me@example.org", *data) == "mail_not_set_up"
    with mail_server() as post:
        run(
            *("mail", "set", *data, "--host", "127.0.0.1", "--port", f"{post.port}", "--security", "none"),
            *("--from", "desk@hotline.example.org", "--name", "The desk"),
        )
        run("mail", "test", "me@example.org", *data)
    assert [str(message["To"]) for message in post.taken] == ["me@example.org"]
    shown = run("mail", "status", *data)
    assert f"127.0.0.1:{post.port} (none)" in shown
    assert "waiting\t0" in shown


def test_the_password_is_asked_for_and_told_to_nobody(folder: Path) -> None:
    told = run(
        *("mail", "set", "--data", str(folder), "--host", "mail.example.org", "--from", "desk@example.org"),
        *("--user", "desk"),
        given="correct horse\n",
    )
    assert "correct horse" not in told
    assert "correct horse" not in run("mail", "status", "--data", str(folder))
    kept = read_mail_settings(folder / MAIL_FILE)
    assert kept is not None
    assert (kept.password, kept.port) == ("correct horse", 587)
    assert stat.S_IMODE((folder / MAIL_FILE).stat().st_mode) == 0o600


def test_mistakes_are_refused_before_anything_is_kept(folder: Path, tmp_path: Path) -> None:
    common = ("--host", "mail.example.org", "--from", "desk@example.org")
    assert refused("mail", "set", "--data", str(folder), *common, "--security", "none") == "mail_unprotected"
    assert refused("mail", "set", "--data", str(folder), *common, "--security", "ssl") == "mail_settings_invalid"
    assert refused("mail", "set", "--data", str(tmp_path / "nowhere"), *common) == "hub_unknown"
    assert not (folder / MAIL_FILE).exists()


def test_an_address_book_is_checked_before_the_hub_reads_it(tmp_path: Path) -> None:
    route = {
        "pack": "eu-dsa-16",
        "email": "legal@platform.example",
        "source": "their page",
        "verified_on": "2020-01-01",
    }
    book = tmp_path / "addresses.json"
    book.write_text(json.dumps({"platforms": [{"id": "example", "name": "Example", "routes": [route]}]}))
    told = run("addresses", "check", str(book))
    assert "1 platforms, 1 ways" in told
    assert "old\texample\teu-dsa-16" in told
    book.write_text("{}")
    assert refused("addresses", "check", str(book)) == "address_book_invalid"
    assert refused("addresses", "check", str(tmp_path / "none.json")) == "file_unknown"
