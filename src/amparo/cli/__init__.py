"""Floor 9: the ``amparo`` command. Commands import what they need when they run, so ``--help`` is quick."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from amparo.cli.start import quiet_start

if TYPE_CHECKING:
    from amparo.core.errors import AmparoError

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells count it: 128 and the number of the signal."""


def main() -> None:
    """Run the command line; an error of ours, or of the operating system, becomes one clear line and its exit code."""
    try:
        with quiet_start():
            from amparo.cli.app import app
            from amparo.core.errors import AmparoError

        try:
            app()
        except AmparoError as error:
            _end(error)
        except OSError as error:
            _end(_of_system(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(error: AmparoError) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    console.print(f"[bold red]{error.code}[/]: {escape(error.public)}", soft_wrap=True)
    if error.detail:
        console.print(error.detail, style="dim", soft_wrap=True, markup=False)
    sys.exit(error.exit_code)


def _of_system(error: OSError) -> AmparoError:
    from amparo.core.errors import InvalidInput, Unavailable

    reason = error.strerror or type(error).__name__
    if error.filename is not None:
        return InvalidInput("file_unusable", f"{reason}: {error.filename}")
    return Unavailable("system_refused", f"The operating system refused: {reason}.")
