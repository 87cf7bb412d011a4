"""A command that ends with whoever started it: ``python -m amparo.cli.kept hub ...`` is ``amparo hub ...`` as long as its
standard input is open.

The parent holds the other end of that pipe and writes nothing. The operating system closes it when the parent ends, in
whatever way: ``kill -9`` too. That is the same on every system, and holds from the first instruction on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

_GRACE_SECONDS: Final = 10.0


def start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start ``amparo`` with these arguments: it ends with this process, and no signal of its terminal reaches it."""
    command = [sys.executable, "-m", "amparo.cli.kept", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def ending_signals() -> list[signal.Signals]:
    """Those that mean that somebody wants an end: Ctrl-C, a request, and a terminal that was closed (not after ``nohup``).

    Ctrl-C even where it is ignored: whoever starts this in the background of a script has it so, and means it all the same.
    """
    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return signals


def end_with_parent() -> None:
    """Have this process stopped, in order and if need be at once, when its standard input ends."""
    threading.Thread(target=_watch, name="parent", daemon=True).start()


def _watch() -> None:
    # Not sys.stdin: its lock would be held at the end of the process.
    while os.read(0, 1024):
        pass
    late = threading.Timer(_GRACE_SECONDS, os._exit, (1,))
    late.daemon = True
    late.start()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    # Before all that takes time: the parent may have ended already.
    end_with_parent()
    from amparo import cli

    cli.main()


if __name__ == "__main__":
    main()
