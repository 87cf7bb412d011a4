from __future__ import annotations

import gc

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
