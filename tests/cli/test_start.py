from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from amparo.cli.start import quiet_start


def test_nothing_is_collected_during_a_start_and_everything_new_after_it() -> None:
    with quiet_start():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    with pytest.raises(ZeroDivisionError), quiet_start():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.unfreeze()


def test_a_start_loads_no_command_line_but_ours_and_leaves_others_theirs() -> None:
    script = """
import sys
from amparo.cli.start import quiet_start
with quiet_start():
    import amparo.gate.server
assert "httpx" in sys.modules and "rich" not in sys.modules
import httpx._main
assert httpx._main.main
with quiet_start():
    pass
assert sys.modules["httpx._main"] is httpx._main
"""
    subprocess.run([sys.executable, "-c", script], check=True)
