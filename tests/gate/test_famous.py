"""A list of famous pictures in the gate's data folder is asked about what the platform and its sources bank."""

from __future__ import annotations

from pathlib import Path

import pytest

from amparo.bank import Action
from amparo.bank.famous import FAMOUS_FILE
from amparo.core.errors import InvalidInput
from amparo.gate.client import Gate
from amparo.gate.occupied import Occupied
from tests.gate.feeding import new_gate
from tests.hub.hubs import fingerprints, near


def test_what_a_source_brings_of_a_famous_picture_blocks_nobody_and_is_counted(tmp_path: Path) -> None:
    famous, other = fingerprints(2)
    (tmp_path / FAMOUS_FILE).write_text(f"# everybody has these\n{famous.hex} 100 everybody.jpg\n")
    gate = new_gate(tmp_path)
    gate.local.create_bank("ELSEWHERE")
    gate.local.add_fingerprints("ELSEWHERE", [near(famous, 9).hex, other.hex])
    answers = Gate.embedded(gate).look_up([famous, near(famous, 9), other])
    assert [answer.action for answer in answers] == [Action.ALLOW, Action.ALLOW, Action.BLOCK]
    assert gate.status().famous_left_out == 1
    gate.stop()


def test_a_list_that_cannot_be_read_is_named_and_leaves_the_folder_free(tmp_path: Path) -> None:
    (tmp_path / FAMOUS_FILE).write_text("\neverybody.jpg\n")
    with pytest.raises(InvalidInput) as caught:
        new_gate(tmp_path)
    assert caught.value.code == "famous_list_invalid"
    assert "Line 2" in caught.value.public
    Occupied(tmp_path).leave()
