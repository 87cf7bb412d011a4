"""``amparo desk``, ``desk-link``, ``desk-key``: the desk as a process of its own, the way in, and the keys to people's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amparo.cli.folders import existing_hub

DataFolder = Annotated[Path, typer.Option("--data", help="The hub's folder.")]
KeyFile = Annotated[Path | None, typer.Option("--desk-key", help="The desk's keys; desk.key in the hub's folder.")]


def add_commands(app: typer.Typer, key_app: typer.Typer) -> None:
    """Hang these commands below ``amparo`` and ``amparo desk-key``."""
    app.command("desk")(desk)
    app.command("desk-link")(desk_link)
    key_app.command("status")(key_status)
    key_app.command("renew")(key_renew)


def desk(
    data: DataFolder = Path("var/hub"),
    desk_key: KeyFile = None,
    port: Annotated[int, typer.Option(help="Where the desk answers.")] = 8003,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    desk_url: Annotated[str | None, typer.Option(help="Where staff reach the desk; their passkeys hang on it.")] = None,
    time_zone: Annotated[str, typer.Option(help="In which the pages tell the hour.")] = "Europe/Madrid",
) -> None:
    """Run the desk alone, beside an «amparo hub --no-desk» that never holds the desk's key."""
    from amparo.cli.serve import Listener, serve
    from amparo.hub.app import desk_app
    from amparo.hub.context import HubSettings

    settings = HubSettings(time_zone=time_zone, desk_url=desk_url or f"http://localhost:{port}")
    with existing_hub(data, settings=settings, desk_key=desk_key) as running:
        serve([Listener(desk_app(running), host, port)], running.bell.close)


def desk_link(
    data: DataFolder = Path("var/hub"),
    desk_url: Annotated[str, typer.Option(help="Where staff reach the desk.")] = "http://localhost:8003",
    name: Annotated[str | None, typer.Option(help="Whom to let in; the first administrator's name.")] = None,
) -> None:
    """Print a link to the desk that works once, within half an hour, and makes a passkey.

    It is for the first administrator, and later for somebody whose passkeys are lost; those stop working.
    """
    from amparo.hub.commands.staff import link_from_machine

    with existing_hub(data) as running:
        invited = link_from_machine(running, name)
    typer.echo(f"{desk_url.rstrip('/')}/invitation?ticket={invited.secret}")


def key_status(data: DataFolder = Path("var/hub"), desk_key: KeyFile = None) -> None:
    """What the desk's keys open, one key a line: id, since when, state, whether its private half is here, cases."""
    from amparo.hub.commands.desk_keys import status

    with existing_hub(data, desk_key=desk_key) as running:
        for line in status(running):
            state = "retired" if line.retired_at else "in use"
            here = "here" if line.here else "not here"
            typer.echo(f"{line.id}\t{line.created_at.isoformat(timespec='seconds')}\t{state}\t{here}\t{line.cases}")


def key_renew(data: DataFolder = Path("var/hub"), desk_key: KeyFile = None) -> None:
    """Make a new key, let it open what the older ones open, and retire those. Restart the desk afterwards.

    For a key that is lost, leave its file away: each case opens again as soon as its person uses the case code.
    """
    from amparo.hub.commands.desk_keys import status
    from amparo.hub.desk_keys import DESK_KEY_FILE, renew

    with existing_hub(data, with_desk=False) as running:
        kept = renew(desk_key or data / DESK_KEY_FILE, running.store, running.clock.now())
        (fresh,) = kept.secrets
        line = next(one for one in status(running) if one.id == fresh)
        waiting = line.all_cases - line.cases
    typer.echo(f"The desk's key is {fresh}. It opens {line.cases} cases; {waiting} wait for their people.", err=True)
