"""``amparo fingerprint``: many files, one line each, in their order."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from amparo.core.errors import AmparoError
from amparo.core.problem import problem_of
from amparo.signal.batch import Hashed, files_below, hash_files
from amparo.signal.fingerprint import Pdq
from amparo.signal.video_format import to_text
from amparo.signal.video_kind import claims_video

if TYPE_CHECKING:
    from amparo.signal.video import VideoFingerprint

_FEW = 8
_BEGINNING = 1 << 16  # bytes that tell a video


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one file. turns: of a picture, where they were asked for."""

    path: Path
    outcome: Pdq | VideoFingerprint | AmparoError
    turns: tuple[Pdq, ...] = ()


def print_fingerprints(places: Sequence[Path], *, json_lines: bool, workers: int | None) -> int:
    """Returns the exit status: 1 if any file failed."""
    failed = False
    for seen in seen_with_progress(places, workers):
        outcome = seen.outcome
        if isinstance(outcome, AmparoError):
            failed = True
            report_failure(seen.path, outcome, json_lines=json_lines)
        elif not isinstance(outcome, Pdq):
            _print_video(seen.path, outcome, json_lines=json_lines)
        elif json_lines:
            echo_json({"path": str(seen.path), "signal_type": "pdq", "value": outcome.hex, "quality": outcome.quality})
        else:
            typer.echo(f"{outcome.hex}  {outcome.quality:3d}  {printable(seen.path)}")
    return 1 if failed else 0


def _print_video(path: Path, found: VideoFingerprint, *, json_lines: bool) -> None:
    """One line for a video, its value vPDQ's text; in words, that text behind a line with the file's MD5."""
    value = to_text(found.frames)
    if json_lines:
        about = {"md5": found.md5, "seconds": found.seconds, "damaged": found.damaged}
        echo_json({"path": str(path), "signal_type": "vpdq", "value": value, **about})
    else:
        typer.echo(f"{found.md5}  {found.seconds:.3f} s  {printable(path)}\n{value}", nl=False)


def seen_with_progress(places: Sequence[Path], workers: int | None, *, turned: bool = False) -> Generator[Seen]:
    """Every picture and video below ``places``, in order, with a bar on a terminal where it takes a while."""
    for hashed in _hashed_with_progress(places, workers, turned=turned):
        outcome = hashed.outcome
        # Only what was read as a picture: opening a pipe would wait for its other end.
        if isinstance(outcome, AmparoError) and outcome.code.startswith("picture_") and _is_video(hashed.path):
            yield Seen(hashed.path, _video(hashed.path))
        else:
            yield Seen(hashed.path, outcome, hashed.turns)


def _is_video(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return claims_video(stream.read(_BEGINNING))
    except (OSError, ValueError):  # ValueError: a path with a zero byte in it
        return False


def _video(path: Path) -> VideoFingerprint | AmparoError:
    from amparo.signal import video  # loads FFmpeg: only where a video comes along

    try:
        return video.fingerprint(path)
    except AmparoError as error:
        return error


def _hashed_with_progress(places: Sequence[Path], workers: int | None, *, turned: bool) -> Generator[Hashed]:
    paths = list(files_below(places))
    if workers is None and len(paths) < _FEW:
        # Starting processes takes longer than a handful of pictures.
        workers = 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=len(paths) < _FEW or not console.is_terminal) as progress:
        task = progress.add_task("Fingerprints", total=len(paths))
        for hashed in hash_files(paths, workers=workers, turned=turned):
            progress.advance(task)
            yield hashed


def report_failure(path: Path, error: AmparoError, *, json_lines: bool) -> None:
    """One line that names the file and the cause."""
    if json_lines:
        problem = cast("dict[str, Any]", problem_of(error))
        echo_json({"path": str(path), "error": {"code": problem["code"], "message": problem["detail"]}})
    else:
        typer.echo(f"{error.code}: {error.public}  {printable(path)}", err=True)


def echo_json(content: dict[str, Any]) -> None:
    """In ASCII: a file's name need not be text, and a terminal need not show what is."""
    typer.echo(json.dumps(content))


def printable(path: Path) -> str:
    r"""The path as any UTF-8 stream takes it: what is no text in it as ``\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
