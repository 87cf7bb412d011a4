"""``amparo demo``: the story of ``amparo.demo.story``, told step by step on a terminal, then left standing to click through."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from amparo.cli.kept import ending_signals
from amparo.cli.serve import require_free
from amparo.core.logs import ROOT
from amparo.demo.stage import FORO, HOST, PLAZA, Ports, Stage, set_stage
from amparo.demo.story import Story, Told

_STAFF: Final = (
    ("Ana", "a caseworker"),
    ("Berta", "a supervisor"),
    ("Carmen", "an auditor"),
    ("Diana", "an administrator"),
)


def run(data: Path | None, ports: Ports, exit_url: str, *, pause: bool) -> None:
    """Play, then stay up until Ctrl-C. data: a folder to keep; without one, everything is gone at the end.

    Raises Conflict ``port_taken``, Unavailable where a part does not do what the story expects.
    """
    for port in ports:
        require_free(HOST, port)
    # The parts' own log would run through the story; what goes wrong comes up as an error of the story itself.
    logging.getLogger(ROOT).addHandler(logging.NullHandler())
    logging.getLogger(ROOT).propagate = False
    console = Console(highlight=False)
    for number in ending_signals():
        signal.signal(number, _interrupt)
    with _folder(data) as folder:
        console.print("One moment: a hub, its desk, and two photo sites with a gate each are starting on this machine.")
        try:
            with set_stage(folder, ports, exit_url) as stage:
                if not stage.played:
                    _play(console, stage, pause=pause)
                _stay(console, stage)
        finally:
            # The terminal may be what has gone.
            with suppress(OSError):
                console.print("Stopped.")


def _play(console: Console, stage: Stage, *, pause: bool) -> None:
    console.print("\n[bold]An evening at a school.[/] The people are invented, and the pictures are landscapes.")
    with closing(Story(stage)) as story:
        steps = story.steps()
        for number, told in enumerate(steps, start=1):
            _tell(console, number, told)
            if pause and not _enter(console):
                pause = False


def _tell(console: Console, number: int, told: Told) -> None:
    console.print(f"\n[bold]{number}. {told.title}[/]")
    for line in told.lines:
        console.print(f"   {line}", soft_wrap=True)
    for label, where in told.look:
        # Not broken into lines: half an address cannot be clicked, and half a code opens nothing.
        console.print(f"   [cyan]{label}:[/] {where}", soft_wrap=True)


def _stay(console: Console, stage: Stage) -> None:
    console.print("\n[bold]The story has been played. Everything stays up to click through.[/]")
    for label, where in (
        ("The hub, for people", stage.person),
        (f"The site {PLAZA}", stage.plaza),
        ("Its reviewer's page", f"{stage.plaza}/review"),
        (f"The site {FORO}", stage.foro),
        ("The mail that came in", stage.mail),
        *((f"The desk, as {name}, {role}", stage.desk_link(name)) for name, role in _STAFF),
    ):
        console.print(f"   [cyan]{label}:[/] {where}", soft_wrap=True)
    console.print(
        "The links to the desk work while this runs; a real desk asks for a passkey. Ctrl-C stops everything."
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        with suppress(OSError):
            console.print()


def _enter(console: Console) -> bool:
    """Whether somebody is there to press Enter."""
    try:
        console.input("   [dim]Enter for the next step[/] ")
    except EOFError:
        return False
    return True


@contextmanager
def _folder(data: Path | None) -> Generator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="amparo-demo-") as made:
        yield Path(made)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
