"""What a lookup costs inside the gate, without HTTP: ``python -m benchmarks.gate_matching [--count 200000]``.

Microseconds of the gate's ``find`` and of the whole answer from its bytes: a question that matches nothing, one that matches
an entry asked for the first time, and one that matches an entry asked for again. Random fingerprints; the best of some rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from amparo.core.clock import SystemClock
from amparo.gate.access import Access
from amparo.gate.at_once import AtOnce
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime
from benchmarks.gate_fill import fill, fingerprints, new_card, new_key_for

_ASKED = 2000
_ROUNDS = 5


def _microseconds(ask: Callable[[bytes], object], questions: Sequence[bytes]) -> float:
    start = time.perf_counter()
    for question in questions:
        ask(question)
    return (time.perf_counter() - start) / len(questions) * 1e6


def measure(folder: Path, count: int) -> dict[str, float]:
    card = new_card("http://127.0.0.1:9")
    fill(folder, card, count, seed=7)
    key = new_key_for(folder)
    gate = GateRuntime(card, folder, SystemClock())
    at_once = AtOnce(gate, Access(gate.replica), Metrics(gate))
    header = {b"authorization": f"Bearer {key}".encode()}

    def answered(value: bytes) -> bytes:
        asked = at_once.question(b"GET", b"/m/lookup?signal=%s&signal_type=pdq" % value.hex().encode(), header, b"")
        assert asked is not None
        return at_once.answers([asked])[0]

    rows = fingerprints(count, 7)[:: count // (_ASKED * (_ROUNDS + 1))].copy()
    rows[:, :10] ^= 1
    near = [row.tobytes() for row in rows]
    strangers = [row.tobytes() for row in fingerprints(_ASKED, 11)]
    answered(strangers[0])
    taken: dict[str, list[float]] = {}
    for asked in range(_ROUNDS):
        fresh = near[asked * _ASKED : (asked + 1) * _ASKED]
        kinds: tuple[tuple[str, Callable[[bytes], object]], ...] = (("find", gate.checker.find), ("answer", answered))
        for name, ask in kinds:
            taken.setdefault(f"{name}, no match", []).append(_microseconds(ask, strangers))
            if name == "find":
                taken.setdefault("find, first match", []).append(_microseconds(ask, fresh))
            taken.setdefault(f"{name}, match again", []).append(_microseconds(ask, fresh))
    gate.stop()
    return {name: min(several) for name, several in taken.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    with tempfile.TemporaryDirectory() as place:
        for name, microseconds in measure(Path(place), parser.parse_args().count).items():
            print(f"{name:20} {microseconds:8.1f} us")
