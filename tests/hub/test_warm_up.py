"""No answer about an upload waits for the compiler, and no page waits for what spares it that."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette

from amparo.core.errors import Unavailable
from amparo.hub import app, warm_up
from amparo.hub.commands.trace import register
from amparo.hub.context import Hub
from amparo.hub.vault import CaseKey
from amparo.signal import trace
from amparo.signal.trace import Relation, codec
from tests import altered
from tests.hub.hubs import open_hub

QUESTION = """
import sys
from numba.core.dispatcher import Dispatcher
from amparo.hub.warm_up import rehearse
from amparo.signal.trace import align, codec, judge

def compiled():
    modules = [one for name, one in sorted(sys.modules.items()) if name.startswith("amparo.")]
    kernels = {id(v): v for one in modules for v in vars(one).values() if isinstance(v, Dispatcher)}
    return {(v.__module__, v.__name__): tuple(v.signatures) for v in kernels.values()}

rehearse()
before = compiled()
record, query, tiles = (open(name, "rb").read() for name in sys.argv[1:])
record, query, tiles = codec.decode(record), codec.decode_query(query), codec.decode_tiles(tiles)
print(judge(record, query, align(record, query), tiles).relation.value)
print([name for name, signatures in compiled().items() if before.get(name, ()) != signatures])
"""


def test_what_is_rehearsed_is_all_that_a_question_about_an_upload_needs(tmp_path: Path) -> None:
    record, query = altered.record(1), trace.query(altered.altered(1))
    alignment = trace.align(record, query)
    assert alignment is not None
    files = [tmp_path / name for name in ("record", "query", "tiles")]
    seen = trace.tiles_of(query, alignment)
    for file, content in zip(
        files, (codec.encode(record), codec.encode_query(query), codec.encode_tiles(seen)), strict=True
    ):
        file.write_bytes(content)
    asked = subprocess.run([sys.executable, "-c", QUESTION, *files], capture_output=True, text=True, check=True)
    assert asked.stdout.split("\n")[:2] == ["altered", "[]"]


def test_the_rehearsal_goes_through_to_an_answer() -> None:
    assert warm_up.rehearse().relation is Relation.COPY


def test_the_hub_warms_up_beside_its_answers_and_ends_in_good_order(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(_hub: Hub) -> None:
        begun.set()
        assert go_on.wait(20)

    monkeypatch.setattr(warm_up, "warm_up", slowly)
    monkeypatch.setattr(warm_up, "_AFTER", 0.0)
    served = app.public_app(hub)
    assert isinstance(served, Starlette)

    async def live() -> None:
        async with served.router.lifespan_context(served):
            assert await asyncio.to_thread(begun.wait, 20), "nothing is compiled beside the answers"
            go_on.set()

    asyncio.run(live())
    assert not any(isinstance(one, threading.Timer) for one in threading.enumerate())


def test_a_hub_that_stops_at_once_loads_nothing_any_more(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def begin(_hub: Hub) -> None:
        begun.set()

    monkeypatch.setattr(warm_up, "warm_up", begin)
    monkeypatch.setattr(warm_up, "_AFTER", 60.0)
    warming = warm_up.WarmUp(hub)
    warming.start()
    assert warming.stop()
    assert not begun.is_set()


def test_what_is_registered_is_read_before_the_first_photo_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, _ = open_hub(tmp_path / "hub")
    register(hub, secrets.token_bytes(16), "en", [altered.record(1)])
    warm_up.warm_up(hub)
    monkeypatch.setattr(CaseKey, "open_trace_likeness", None)
    with hub.store.read() as transaction:
        assert hub.ordinary.alike(hub.vault, transaction, altered.record(1)).total() == 1
    hub.close()


def test_a_store_that_does_not_answer_then_ends_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_store: object) -> None:
        raise Unavailable("store_busy", "Please try again.")

    monkeypatch.setattr(type(hub.store), "read", busy)
    warm_up.warm_up(hub)
