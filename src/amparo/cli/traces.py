"""``amparo trace register`` and ``amparo compare``: traces of ordinary photos, on this machine only; nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[list[Path], typer.Argument(help="Photos, or folders of them.")]


def add_commands(app: typer.Typer, below: typer.Typer) -> None:
    """Hang ``compare`` on ``app`` and ``register`` below ``amparo trace``."""
    app.command("compare")(compare)
    below.callback()(_trace)
    below.command("register")(register)


def _trace() -> None:
    """Traces of ordinary photos."""


def register(
    files: Files,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the trace in it.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write NAME.amtr into this folder, as below FILES, instead of printing.")
    ] = None,
) -> None:
    """Compute the trace of each photo. Exit status 1 if any could not be read; all others are still done."""
    from amparo.cli.fingerprints import echo_json, printable, report_failure
    from amparo.core.errors import AmparoError, Conflict, InvalidInput
    from amparo.core.keys import write_private
    from amparo.exchange.native.base64url import to_base64url
    from amparo.signal import decode
    from amparo.signal.batch import files_below
    from amparo.signal.trace import codec
    from amparo.signal.trace import register as traced

    if json_lines and out is not None:
        raise InvalidInput("trace_output_twice", "Choose either --json or --out.")
    failed = False
    written: set[Path] = set()
    for place, path in ((given, below) for given in files for below in files_below([given])):
        # Below a folder as it lies there, and a file of its own by its name.
        named = Path(path.name) if path == place else path.relative_to(place)
        try:
            if named in written:
                raise Conflict("trace_name_taken", "Another of these photos has the same name.")
            raw = codec.encode(traced(decode.read(path)))
        except AmparoError as error:
            failed = True
            report_failure(path, error, json_lines=json_lines)
            continue
        if out is not None:
            write_private(out / named.with_name(f"{named.name}.amtr"), raw)
            written.add(named)
        elif json_lines:
            echo_json({"path": str(path), "bytes": len(raw), "trace": to_base64url(raw)})
        else:
            typer.echo(f"{to_base64url(raw)}  {printable(path)}")
    raise typer.Exit(1 if failed else 0)


def compare(
    registered: Annotated[Path, typer.Argument(metavar="A", help="The ordinary photo as it is.")],
    upload: Annotated[Path, typer.Argument(metavar="B", help="What may show it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw both pictures, the points found again, and the region.")
    ] = None,
) -> None:
    """Is B a copy of A, an altered version of it, or something else?"""
    from amparo.signal import decode, trace

    first, second = decode.read(registered), decode.read(upload)
    record, query = trace.register(first), trace.query(second)
    found = trace.compare(record, query)
    if plot is not None:
        from amparo.cli.trace_plot import draw

        draw(first, second, record, query, found, plot)
    if as_json:
        told = {
            "relation": found.relation.value,
            "altered_fraction": round(found.altered_fraction, 4),
            "region": None if found.region is None else [[round(x, 4), round(y, 4)] for x, y in found.region],
            "inliers": found.inliers,
            "agreeing_tiles": found.agreeing_tiles,
            "pdq_distance": found.pdq_distance,
        }
        typer.echo(json.dumps(told))
        return
    typer.echo(f"{found.relation.value}: {found.altered_fraction:.0%} of A is different in B")
    typer.echo(
        f"{found.inliers} points and {found.agreeing_tiles} of 256 squares agree; {found.pdq_distance} bits by PDQ"
    )
