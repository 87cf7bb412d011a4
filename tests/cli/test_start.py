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


def test_a_gate_starts_without_what_only_pictures_and_the_way_to_the_hub_need() -> None:
    script = """
import sys
from amparo.cli.start import quiet_start
with quiet_start():
    import amparo.cli.app, amparo.cli.serve, amparo.gate.runtime, amparo.gate.server
unwanted = {"httpx", "PIL", "cv2", "av", "numba", "pydantic", "rich", "structlog", "defusedxml", "amparo.gate.client"}
assert not unwanted & sys.modules.keys(), unwanted & sys.modules.keys()
import httpx
httpx.Client().close()
assert "rich" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_command_line_of_httpx_that_is_there_already_stays() -> None:
    script = """
import sys
import httpx._main
from amparo.cli.start import quiet_start
with quiet_start():
    pass
assert sys.modules["httpx._main"] is httpx._main
"""
    subprocess.run([sys.executable, "-c", script], check=True)
