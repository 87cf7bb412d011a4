"""``amparo oidc set | status | remove``: by which OpenID provider staff may come in, beside passkeys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amparo.cli.folders import require_hub

DataFolder = Annotated[Path, typer.Option("--data", help="The hub's folder.")]


def add_commands(oidc: typer.Typer) -> None:
    """Hang these commands below ``amparo oidc``."""
    oidc.command("set")(set_provider)
    oidc.command("status")(provider_status)
    oidc.command("remove")(remove_provider)


def set_provider(
    issuer: Annotated[str, typer.Option(help="The provider's address, as it writes itself.")],
    client_id: Annotated[str, typer.Option(help="Under which it knows this desk.")],
    data: DataFolder = Path("var/hub"),
    name: Annotated[str, typer.Option(help="On the desk's button: «Sign in with NAME».")] = "your organisation",
    client_secret: Annotated[str, typer.Option(envvar="AMPARO_OIDC_SECRET", help="Asked for unless given.")] = "",
) -> None:
    """Keep the settings in a file of its own that only its owner can read. The desk reads it when it starts."""
    from amparo.hub.provider import PROVIDER_FILE, ProviderSettings, write_provider

    require_hub(data)
    secret = client_secret or typer.prompt("Client secret", hide_input=True)
    write_provider(data / PROVIDER_FILE, ProviderSettings(issuer, client_id, secret, name))
    typer.echo("Kept. Register the address DESK-URL/enter/oidc/back at the provider, and restart the desk.", err=True)


def provider_status(data: DataFolder = Path("var/hub")) -> None:
    """The settings without the secret."""
    from importlib.util import find_spec

    from amparo.hub.provider import PROVIDER_FILE, read_provider

    require_hub(data)
    settings = read_provider(data / PROVIDER_FILE)
    if settings is None:
        typer.echo("Staff come in by passkeys only.")
        return
    typer.echo(f"issuer\t{settings.issuer}")
    typer.echo(f"client\t{settings.client}")
    typer.echo(f"name\t{settings.name}")
    typer.echo(f"library\t{'here' if find_spec('joserfc') else 'missing: install amparo[oidc]'}")


def remove_provider(data: DataFolder = Path("var/hub")) -> None:
    """Let staff in by passkeys only, from the next start of the desk on. Bound accounts stay bound."""
    from amparo.hub.provider import PROVIDER_FILE

    require_hub(data)
    (data / PROVIDER_FILE).unlink(missing_ok=True)
