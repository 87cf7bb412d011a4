"""``amparo hold list | release``: entries that wait for a caseworker: rejected by partners, or photos that many people have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amparo.cli.folders import existing_hub

DataFolder = Annotated[Path, typer.Option("--data", help="The hub's folder.")]


def add_commands(app: typer.Typer) -> None:
    """Hang these commands below ``amparo hold``."""
    app.command("list")(list_holds)
    app.command("release")(release_hold)


def list_holds(data: DataFolder = Path("var/hub")) -> None:
    """Entries that wait for a decision, one a line: id, since when it is banked, what each partner said."""
    from amparo.hub.commands.holds import holds
    from amparo.signal.fingerprint import SignalType

    with existing_hub(data) as running:
        for line in holds(running).waiting:
            said = ", ".join(f"{name}: {opinion}" for name, opinion in line.said)
            if line.kind is SignalType.TRACE and not said:
                said = "an ordinary photo that is famous, or that many have registered"
            typer.echo(f"{line.entry}\t{line.added_at.isoformat(timespec='seconds')}\t{said}")


def release_hold(
    entry: Annotated[str, typer.Argument(help="The entry's id, from «amparo hold list».")],
    data: DataFolder = Path("var/hub"),
) -> None:
    """Let an entry match again, and settle the opinions given so far."""
    from amparo.core.ids import EntryId
    from amparo.hub.commands.feedback import release

    with existing_hub(data) as running:
        release(running, EntryId(entry))
