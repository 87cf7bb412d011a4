"""``amparo source add | list | remove``: other hubs and files that a gate follows."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amparo.cli.folders import gate_replica
from amparo.core.errors import InvalidInput

if TYPE_CHECKING:
    from amparo.gate.sources import Ledger, Puller

DataFolder = Annotated[Path, typer.Option("--data", help="The gate's folder.")]


def add_commands(app: typer.Typer) -> None:
    """Hang these commands below ``amparo source``."""
    app.command("add")(add_source)
    app.command("list")(list_sources)
    app.command("remove")(remove_source)


def add_source(
    name: Annotated[str, typer.Argument(help="The bank it fills, in capitals: LIKE_THIS.")],
    kind: Annotated[str, typer.Option(help="Its format: stopncii, ncmec, csv or threatexchange.")],
    address: Annotated[str, typer.Option(help="Its server, or the file's path.")],
    data: DataFolder = Path("var/gate"),
) -> None:
    """Follow another hub or a file from now on. Keys are read from the terminal, or line by line from standard input."""
    from amparo.gate.sources import CREDENTIALS, SourceKind, SourceRecord

    if kind not in CREDENTIALS:
        raise InvalidInput("source_kind_unknown", f"A source's format is one of {', '.join(CREDENTIALS)}.")
    credentials = {what: _secret(what) for what in CREDENTIALS[SourceKind(kind)]}
    with _parts(data, make=True) as (_, puller):
        puller.add(SourceRecord(name, SourceKind(kind), address, credentials))


def list_sources(data: DataFolder = Path("var/gate")) -> None:
    """What is followed, one a line: name, format, address."""
    with _parts(data) as (ledger, _):
        for source in ledger.sources():
            typer.echo(f"{source.name}\t{source.kind}\t{source.address}")


def remove_source(name: str, data: DataFolder = Path("var/gate")) -> None:
    """Follow it no more; what came from it stops matching."""
    with _parts(data) as (_, puller):
        puller.remove(name)


def _secret(what: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    return sys.stdin.readline().strip()


@contextmanager
def _parts(data: Path, *, make: bool = False) -> Generator[tuple[Ledger, Puller]]:
    from amparo.core.clock import SystemClock
    from amparo.gate.local_banks import LocalBanks
    from amparo.gate.sources import Ledger, Puller

    clock = SystemClock()
    with gate_replica(data, make=make) as replica:
        banks, ledger = LocalBanks(data, replica.sealing_key, clock), Ledger(data, replica.sealing_key)
        try:
            yield ledger, Puller(ledger, banks, clock)
        finally:
            ledger.close()
            banks.close()
