"""``amparo partner list | suspend | resume | rotate | limits | settings``: what an operator does with those who take part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amparo.cli.folders import existing_hub

DataFolder = Annotated[Path, typer.Option("--data", help="The hub's folder.")]
Name = Annotated[str, typer.Argument(help="The partner's name.")]
Url = Annotated[str, typer.Option(help="Where the partner reaches the hub.")]
CardFile = Annotated[Path | None, typer.Option(help="Write the card here instead of printing it.")]


def add_commands(app: typer.Typer) -> None:
    """Hang these commands below ``amparo partner``."""
    app.command("list")(list_partners)
    app.command("suspend")(suspend_partner)
    app.command("resume")(resume_partner)
    app.command("rotate")(rotate_key)
    app.command("limits")(limits)
    app.command("settings")(print_settings)


def list_partners(data: DataFolder = Path("var/hub")) -> None:
    """Who takes part, how, and how far each has followed."""
    from rich.console import Console
    from rich.table import Table

    from amparo.hub.commands.overview import overview

    with existing_hub(data) as running:
        view = overview(running)
    table = Table(
        "Name", "State", "Takes the feed by", "Last sync", "Steps behind", "Confirmed/rejected/unsure", "Note"
    )
    for line in view.partners:
        last = line.last_sync_at.isoformat(timespec="seconds") if line.last_sync_at else "never"
        note = "still matches what was withdrawn: must fetch everything anew" if line.keeps_withdrawn else ""
        told = f"{line.confirms}/{line.rejects}/{line.asks}"
        table.add_row(line.name, line.state, line.interface, last, str(line.behind), told, note)
    Console().print(table)


def suspend_partner(name: Name, data: DataFolder = Path("var/hub")) -> None:
    """Let the partner's key open nothing until it is resumed."""
    from amparo.hub.commands.partners import suspend

    with existing_hub(data) as running:
        suspend(running, name)


def resume_partner(name: Name, data: DataFolder = Path("var/hub")) -> None:
    """End a suspension."""
    from amparo.hub.commands.partners import resume

    with existing_hub(data) as running:
        resume(running, name)


def rotate_key(
    name: Name,
    data: DataFolder = Path("var/hub"),
    url: Url = "http://127.0.0.1:8000",
    card: CardFile = None,
    valid_days: Annotated[int | None, typer.Option(min=1, help="The new key expires after so many days.")] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="The new key has no end, though the old had.")] = False,
) -> None:
    """Make a new card with a new key; the old key opens nothing from now on."""
    from datetime import timedelta

    from amparo.core.keys import write_private
    from amparo.hub.commands.partners import renew_key

    with existing_hub(data, url) as running:
        valid_for = None if valid_days is None else timedelta(days=valid_days)
        made = renew_key(running, name, valid_for, unlimited=unlimited)
    if card is None:
        typer.echo(made.to_json(), nl=False)
    else:
        write_private(card, made.to_json().encode())


def limits(
    name: Name,
    data: DataFolder = Path("var/hub"),
    opinions: Annotated[int | None, typer.Option(help="Opinions a day.")] = None,
    sightings: Annotated[int | None, typer.Option(help="Sightings a day.")] = None,
    fetches: Annotated[int | None, typer.Option(help="Pages of the feed a minute.")] = None,
) -> None:
    """Change what the partner may tell and ask in a time, and print what holds now."""
    from amparo.hub.commands.quotas import set_quotas

    with existing_hub(data) as running:
        now = set_quotas(running, name, opinions, sightings, fetches)
    typer.echo(f"opinions a day\t{now.daily_opinions}")
    typer.echo(f"sightings a day\t{now.daily_sightings}")
    typer.echo(f"pages a minute\t{now.fetches_a_minute}")


def print_settings(card: Annotated[Path, typer.Argument(help="A partner card.")]) -> None:
    """Print what clients of other formats are configured with. It holds the card's secret key."""
    from amparo.gate.card import PartnerCard

    read = PartnerCard.read(card)
    typer.echo(f"TX_STOPNCII_KEYS={read.key},{read.partner},{read.hub_url}/stopncii")
    typer.echo(f"TX_NCMEC_CREDENTIALS={read.partner}:{read.key}  # at {read.hub_url}/ncmec")
    typer.echo(f"TX_AMPARO_CARD={card.resolve()}  # with the extension amparo.exchange.pytx")
