"""Uploaded videos: real files, through both middlewares, to a gate in this process and to one behind HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from amparo.bank import Action
from amparo.core.errors import InvalidInput
from amparo.gate import Gate, GateMiddleware, GateWsgiMiddleware
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import Feed, key_for, new_gate
from tests.gate.serving import served
from tests.pictures import photo_like
from tests.signal.videos import scenes, write_video
from tests.walk.running import free_ports

BANKED, OTHER = 5, 6
Ask = Callable[[bytes, str], int]


def video(path: Path, *seeds: int) -> bytes:
    """Two seconds of each picture."""
    return write_video(path, scenes(seeds, 20, 256, 256)).read_bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("videos")
    made = {
        "copy": video(folder / "copy.mp4", OTHER, BANKED),
        "other": video(folder / "other.mp4", OTHER),
        "copy.webm": write_video(folder / "copy.webm", scenes((BANKED,), 20, 256, 256), "vp8").read_bytes(),
    }
    made["cut"] = made["copy"][: len(made["copy"]) * 2 // 3]
    return made


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Generator[GateRuntime]:
    made = new_gate(tmp_path_factory.mktemp("gate"))
    Feed(made).add(pdq.fingerprint(photo_like(256, 256, BANKED)))
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["embedded", "http"])
def gate(request: pytest.FixtureRequest, runtime: GateRuntime) -> Generator[Gate]:
    with ExitStack() as opened:
        if request.param == "embedded":
            yield Gate.embedded(runtime)
        else:
            (port,) = free_ports(1)
            address = opened.enter_context(served(create_app(runtime), port, lambda: None))
            yield opened.enter_context(Gate.from_url(address, key_for(runtime, "match")))


async def _site(scope: Any, _receive: Any, send: Any) -> None:
    action = scope["state"]["amparo"].action
    await send({"type": "http.response.start", "status": 202 if action is Action.REVIEW else 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _wsgi_site(environ: Any, start_response: Any) -> list[bytes]:
    start_response("202 Accepted" if environ["amparo"].action is Action.REVIEW else "200 OK", [])
    return [b""]


def over(kind: str, gate: Gate, **options: Any) -> tuple[Ask, Any]:
    """How to upload to a site behind the middleware of this kind: 200 published, 202 for review; and the middleware."""
    if kind == "wsgi":
        wsgi = GateWsgiMiddleware(_wsgi_site, gate, ("/upload",), **options)
        client = httpx.Client(transport=httpx.WSGITransport(wsgi), base_url="http://site.test")
        return (
            lambda body, media: client.post("/upload", content=body, headers={"Content-Type": media}).status_code,
            wsgi,
        )
    asgi = GateMiddleware(_site, gate, ("/upload",), **options)

    async def ask(body: bytes, media: str) -> int:
        transport = httpx.ASGITransport(asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
            return (await client.post("/upload", content=body, headers={"Content-Type": media})).status_code

    return lambda body, media: asyncio.run(ask(body, media)), asgi


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_video_with_a_banked_picture_in_it_is_refused_and_another_passes(
    gate: Gate, kind: str, files: dict[str, bytes]
) -> None:
    ask, middleware = over(kind, gate)
    assert ask(files["other"], "video/mp4") == 200
    assert ask(files["copy"], "video/mp4") == 403
    assert ask(files["copy.webm"], "application/octet-stream") == 403
    assert ask(files["cut"], "video/mp4") == 202
    form = (
        b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
        + files["copy"]
        + b"\r\n--x--\r\n"
    )
    assert ask(form, "multipart/form-data; boundary=x") == 403
    assert middleware.counts == {"videos": 5, "allow": 1, "block": 3, "review": 1, "unreadable": 1}


@pytest.mark.parametrize(("fail_open", "status"), [(False, 202), (True, 200)])
def test_a_video_that_takes_longer_than_its_budget_is_the_platforms_choice(
    gate: Gate, fail_open: bool, status: int, files: dict[str, bytes]
) -> None:
    for kind in ("asgi", "wsgi"):
        ask, middleware = over(kind, gate, video_seconds=0.001, fail_open=fail_open)
        assert ask(files["copy"], "video/mp4") == status
        assert middleware.counts["over_budget"] == 1
        assert middleware.counts["failed_open" if fail_open else "failed_closed"] == 1


def test_the_answer_names_the_frames_and_the_entry(gate: Gate, files: dict[str, bytes]) -> None:
    answer = gate.check_video(files["copy"], "clips")
    assert answer.action is Action.BLOCK
    assert {hit.seconds for hit in answer.hits} <= {2.0, 3.0}
    assert answer.strictest.entries == answer.hits[0].answer.entries
    assert len(answer.strictest.entries) == 1
    assert answer.frames == 4
    with pytest.raises(InvalidInput, match="video_timeout"):
        gate.check_video(files["copy"], seconds=0.001)


def test_a_mirrored_video_is_blocked_too(gate: Gate, tmp_path: Path) -> None:
    mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in scenes((OTHER, BANKED), 20, 256, 256)]
    answer = gate.check_video(write_video(tmp_path / "mirrored.mp4", mirrored).read_bytes())
    assert answer.action is Action.BLOCK
    assert len(answer.strictest.entries) == 1


def test_a_video_in_memory_comes_onto_no_disk(runtime: GateRuntime, files: dict[str, bytes]) -> None:
    before = {path.name for path in runtime.folder.iterdir()}
    Gate.embedded(runtime).check_video(files["copy"])
    assert {path.name for path in runtime.folder.iterdir()} == before


def test_a_plain_grey_video_matches_nothing(gate: Gate, tmp_path: Path) -> None:
    """Frames below the least quality are passed over, whatever they are near."""
    grey = [np.full((144, 192, 3), 128, np.uint8)] * 20
    answer = gate.check_video(write_video(tmp_path / "grey.mp4", grey).read_bytes())
    assert (answer.action, answer.strictest.matches) == (Action.ALLOW, ())
