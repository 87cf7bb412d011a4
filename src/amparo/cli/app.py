"""The command line's tree."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from amparo.cli import INTERRUPTED, desk, holds, mail, oidc, partners, sources, traces


class Quiet(TyperGroup):
    """Ctrl-C ends a command without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app: Final = typer.Typer(
    name="amparo",
    cls=Quiet,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Stops copies of intimate pictures by fingerprints that never carry the picture.",
)
partner_app: Final = typer.Typer(no_args_is_help=True, help="Platforms that take part.")
app.add_typer(partner_app, name="partner")
partners.add_commands(partner_app)
source_app: Final = typer.Typer(no_args_is_help=True, help="Other hubs and files that a gate follows.")
app.add_typer(source_app, name="source")
sources.add_commands(source_app)
trace_app: Final = typer.Typer(
    no_args_is_help=True, help="Traces of ordinary photos, by which altered versions are found."
)
app.add_typer(trace_app, name="trace")
traces.add_commands(app, trace_app)
hold_app: Final = typer.Typer(no_args_is_help=True, help="Entries that partners' rejections have put on hold.")
app.add_typer(hold_app, name="hold")
holds.add_commands(hold_app)
desk_key_app: Final = typer.Typer(no_args_is_help=True, help="The keys by which the desk reads people's words.")
app.add_typer(desk_key_app, name="desk-key")
desk.add_commands(app, desk_key_app)
mail_app: Final = typer.Typer(no_args_is_help=True, help="The mail server by which approved letters go out.")
app.add_typer(mail_app, name="mail")
addresses_app: Final = typer.Typer(no_args_is_help=True, help="The address book of platforms.")
app.add_typer(addresses_app, name="addresses")
mail.add_commands(mail_app, addresses_app)
oidc_app: Final = typer.Typer(no_args_is_help=True, help="Your organisation's own sign-in, beside passkeys.")
app.add_typer(oidc_app, name="oidc")
oidc.add_commands(oidc_app)

DataFolder = Annotated[Path, typer.Option("--data", help="Folder that keeps everything; made on first use.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
ExitUrl = Annotated[str, typer.Option(help="Where the pages' quick exit leads.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def up(
    data: DataFolder = Path("var/up"),
    hub_port: Annotated[int, typer.Option(help="The hub's pages.")] = 8000,
    gate_port: Annotated[int, typer.Option(help="The gate.")] = 8001,
    demo_port: Annotated[int, typer.Option(help="The demo photo site.")] = 8002,
    desk_port: Annotated[int, typer.Option(help="The hub's desk.")] = 8003,
    exit_url: ExitUrl = "https://www.wikipedia.org/",
) -> None:
    """Run a hub, a gate and a demo photo site on this machine, joined together."""
    from amparo.cli.up import Ports, run

    run(data, Ports(hub_port, gate_port, demo_port, desk_port), exit_url)


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option("--data", help="Folder to keep; without one, nothing is kept.")] = None,
    port: Annotated[int, typer.Option(min=1024, max=65530, help="The first of six ports in a row.")] = 8000,
    pause: Annotated[bool, typer.Option("--pause/--no-pause", help="Wait for Enter between the steps.")] = True,
    exit_url: ExitUrl = "https://www.wikipedia.org/",
) -> None:
    """Play a whole story on this machine, step by step: people, two photo sites, a caseworker. Then click through it."""
    from amparo.cli.demo import run
    from amparo.demo.stage import Ports

    run(data, Ports.from_first(port), exit_url, pause=pause)


@app.command()
def hub(
    data: DataFolder = Path("var/hub"),
    port: Annotated[int, typer.Option(help="The person's pages and the partners' interface.")] = 8000,
    host: Host = "127.0.0.1",
    desk_port: Annotated[int, typer.Option(help="The desk, for the people who run the hub.")] = 8003,
    desk_host: Annotated[str, typer.Option(help="Address the desk listens on.")] = "127.0.0.1",
    desk_url: Annotated[
        str | None, typer.Option(help="Where staff reach the desk; passkeys hang on it. http://localhost:PORT")
    ] = None,
    desk_key: Annotated[
        Path | None, typer.Option(help="The desk's keys, if they are not in the folder's desk.key.")
    ] = None,
    no_desk: Annotated[
        bool, typer.Option("--no-desk", help="Run no desk here, and hold no key of it: see «amparo desk».")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Where the world reaches the hub.")] = None,
    name: Annotated[str, typer.Option(help="What the hub calls itself.")] = "Amparo",
    retention_days: Annotated[int, typer.Option(min=1, help="How long a fingerprint is kept.")] = 730,
    exit_url: ExitUrl = "https://www.wikipedia.org/",
    time_zone: Annotated[str, typer.Option(help="In which the pages tell the hour.")] = "Europe/Madrid",
    country: Annotated[str, typer.Option(help="Whose help lines and law come first; ISO 3166-1.")] = "ES",
) -> None:
    """Run a hub."""
    from amparo.cli.serve import Listener, serve
    from amparo.hub.app import desk_app, public_app
    from amparo.hub.context import Hub, HubSettings

    settings = HubSettings(
        name=name,
        url=url or f"http://{host}:{port}",
        retention=timedelta(days=retention_days),
        exit_url=exit_url,
        time_zone=time_zone,
        country=country,
        desk_url=desk_url or f"http://localhost:{desk_port}",
    )
    running = Hub.open(data, settings, desk_key=desk_key, with_desk=not no_desk)
    try:
        listeners = [Listener(public_app(running), host, port)]
        if not no_desk:
            listeners.append(Listener(desk_app(running), desk_host, desk_port))
        serve(listeners, running.bell.close)
    finally:
        running.close()


@app.command()
def gate(
    card: Annotated[Path, typer.Option(help="The partner card that the hub's operator gave you.")],
    data: DataFolder = Path("var/gate"),
    port: Annotated[int, typer.Option(help="Where your platform asks.")] = 8001,
    host: Host = "127.0.0.1",
    block_within: Annotated[int, typer.Option(min=-1, max=50, help="Bits; block up to here, -1 for never.")] = 31,
    review_within: Annotated[int, typer.Option(min=-1, max=50, help="Bits; send to people up to here.")] = 31,
    altered: Annotated[
        Literal["review", "block", "allow"], typer.Option(help="Altered versions of registered photos.")
    ] = "review",
    trace_level: Annotated[float, typer.Option(help="Score above which an upload is shown to the hub.")] = 1.15,
    trace_share: Annotated[
        float | None,
        typer.Option(help="Instead: the share of your unrelated uploads to show, as 0.01; found as they come."),
    ] = None,
    trace_seconds: Annotated[float, typer.Option(help="How long an upload waits for each answer of the hub.")] = 1.5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Let every upload pass; only count.")] = False,
    fetch_from: Annotated[
        list[str] | None, typer.Option(help="A host that HMA's url parameters may name; again for more.")
    ] = None,
    open_on_loopback: Annotated[
        bool, typer.Option("--open-on-loopback", help="Ask for no key. For trying out, on this machine only.")
    ] = False,
) -> None:
    """Run a gate beside a platform."""
    from amparo.cli.start import quiet_start

    with quiet_start():
        from amparo.bank import Action, Policy
        from amparo.cli.serve import Listener, require_loopback, serve
        from amparo.core.clock import SystemClock
        from amparo.core.kernels import postpone
        from amparo.gate.card import PartnerCard
        from amparo.gate.fetch_url import Fetcher
        from amparo.gate.runtime import GateRuntime
        from amparo.gate.server import create_app
        from amparo.gate.tracing.settings import TraceSettings

        # The first answers come from an index that is searched in numpy, half a second earlier.
        postpone()
        if open_on_loopback:
            require_loopback(host)
        policy = Policy(block_within=block_within, review_within=review_within, altered=Action(altered))
        tracing = TraceSettings(trace_level, trace_share, trace_seconds)
        running = GateRuntime(PartnerCard.read(card), data, SystemClock(), policy, dry_run=dry_run, tracing=tracing)
        app = create_app(running, open_to_all=open_on_loopback, fetcher=Fetcher(fetch_from or ()))
    serve([Listener(app, host, port)])


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Yesterday's uploads: pictures and videos, or folders of them.")],
    gate_url: Annotated[str, typer.Option("--gate", help="The gate to ask.")] = "http://127.0.0.1:8001",
    key: Annotated[str, typer.Option(envvar="AMPARO_GATE_KEY", help="The gate's key, with the role match.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes; 0 for none.")] = None,
) -> None:
    """Tell what a gate would have done with uploads of the past. Nothing is blocked, and the hub is told nothing."""
    from amparo.cli.fingerprints import echo_json
    from amparo.cli.matching import shown_with_progress
    from amparo.core.clock import SystemClock
    from amparo.gate import Gate
    from amparo.gate.dry_run import Tally
    from amparo.gate.replay import replay as replayed

    with Gate.from_url(gate_url, key) as asked:
        done = replayed(shown_with_progress(files, workers), asked, Tally(SystemClock().now()))
    if as_json:
        echo_json(done.to_json())
    else:
        typer.echo(done.to_text(), nl=False)


@app.command("gate-key")
def gate_key(
    name: Annotated[str, typer.Argument(help="Which program of yours will use it.")],
    data: DataFolder = Path("var/gate"),
    roles: Annotated[str, typer.Option(help="What it may do: hash, match, curate, admin; with commas.")] = "hash,match",
    remove: Annotated[bool, typer.Option("--remove", help="Take the key back instead.")] = False,
) -> None:
    """Make a key with which a program of yours may ask the gate; printed this once."""
    from amparo.cli.folders import gate_replica
    from amparo.core.errors import NotFound
    from amparo.core.keys import bearer_digest, new_bearer_secret
    from amparo.gate.access import roles_of

    wanted = roles_of(role.strip() for role in roles.split(","))
    secret = new_bearer_secret()
    with gate_replica(data, make=not remove) as replica:
        if remove:
            if not replica.refuse_client(name):
                raise NotFound("gate_key_unknown", "There is no key of that name.")
            return
        replica.allow_client(name, bearer_digest(secret), wanted)
    typer.echo(secret)


@app.command("demo-site", hidden=True)
def demo_site(
    gate_url: Annotated[str, typer.Option(help="The gate to ask.")],
    key_file: Annotated[Path, typer.Option(help="File with the gate's key for this site.")],
    data: DataFolder = Path("var/demo"),
    port: Annotated[int, typer.Option(help="Where the site listens.")] = 8002,
    name: Annotated[str, typer.Option(help="What the site calls itself.")] = "Demo",
) -> None:
    """Run the demo photo site."""
    from amparo.cli.serve import Listener, serve
    from amparo.demo.site import create_app
    from amparo.gate import Gate

    asked = Gate.from_url(gate_url, key_file.read_text(encoding="utf-8", errors="replace").strip())
    serve([Listener(create_app(data / "photos", asked, name), "127.0.0.1", port)])


@app.command()
def fingerprint(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos, or folders of them.")],
    json_lines: JsonLines = False,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes; 0 for none.")] = None,
) -> None:
    """Print PDQ of each picture and vPDQ of each video. Exit status 1 if any could not be read; all others are still done."""
    from amparo.cli.fingerprints import print_fingerprints

    raise typer.Exit(print_fingerprints(files, json_lines=json_lines, workers=workers))


@app.command()
def match(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos, or folders of them.")],
    bank: Annotated[str, typer.Option(help="A file of fingerprints (one a line), or the address of a gate.")],
    json_lines: JsonLines = False,
    radius: Annotated[int, typer.Option(min=0, max=50, help="Bits, for a file of fingerprints.")] = 31,
    key: Annotated[str, typer.Option(envvar="AMPARO_GATE_KEY", help="The gate's key.")] = "",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes; 0 for none.")] = None,
) -> None:
    """Look each picture (turned and mirrored too) and each video's frames up in a bank.

    Exit status 1 if any could not be read; all others are still done.
    """
    from amparo.cli.matching import print_matches

    raise typer.Exit(print_matches(files, bank, json_lines=json_lines, radius=radius, key=key, workers=workers))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="index, hasher, gate or trace; further options go to the benchmark.")],
    photos: Annotated[Path, typer.Option(help="Folder of benign photos.")] = Path("../shared/photos"),
) -> None:
    """Run a benchmark of this checkout beside its peers, and write benchmarks/RESULTS.md."""
    from amparo.cli.bench import run

    raise typer.Exit(run(what, photos, context.args))


@partner_app.command("add")
def partner_add(
    name: Annotated[str, typer.Argument(help="As the person will read it: «A copy was stopped at NAME».")],
    data: DataFolder = Path("var/hub"),
    url: Annotated[str, typer.Option(help="Where the partner reaches the hub.")] = "http://127.0.0.1:8000",
    valid_days: Annotated[int | None, typer.Option(min=1, help="The key expires after so many days.")] = None,
    card: Annotated[Path | None, typer.Option(help="Write the card here instead of printing it.")] = None,
    whole_records: Annotated[
        bool, typer.Option("--whole-records", help="Trust it with traces as they are: it judges uploads by itself.")
    ] = False,
) -> None:
    """Let a platform take part: makes its partner card, which holds its secret key and is shown this once."""
    from amparo.cli.folders import existing_hub
    from amparo.core.keys import write_private
    from amparo.hub.commands.partners import add_partner

    with existing_hub(data, url) as running:
        valid = None if valid_days is None else timedelta(days=valid_days)
        made = add_partner(running, name, valid, whole_records=whole_records)
    if card is None:
        typer.echo(made.to_json(), nl=False)
    else:
        write_private(card, made.to_json().encode())
        typer.echo(f"The card of {made.name} is in {card}. Hand it over on a way that nobody else can read.", err=True)
