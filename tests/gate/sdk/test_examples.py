"""Each example site, run in front of a real gate: a copy is refused, another photo and no photo go through."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import Feed, jpeg, key_for, new_gate
from tests.gate.listening import serving
from tests.gate.sdk.sites import forget_django

EXAMPLES = Path(__file__).parents[3] / "examples"
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[GateRuntime, str]]:
    gate = new_gate(tmp_path_factory.mktemp("gate"))
    Feed(gate).add(pdq.fingerprint(jpeg(1)))
    with serving(create_app(gate)) as url:
        yield gate, url


def loaded(name: str, served: tuple[GateRuntime, str], patch: pytest.MonkeyPatch) -> ModuleType:
    gate, url = served
    patch.setenv("AMPARO_GATE", url)
    patch.setenv("AMPARO_KEY", key_for(gate, "match"))
    forget_django()
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(__import__("sys").modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def over_asgi(app: Any) -> Ask:
    async def ask(**sent: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
            return await client.post("/upload", **sent)

    def asked(**sent: Any) -> httpx.Response:
        return asyncio.run(ask(**sent))

    return asked


def over_wsgi(app: Any) -> Ask:
    client = httpx.Client(transport=httpx.WSGITransport(app), base_url="http://site.test")

    def asked(**sent: Any) -> httpx.Response:
        return client.post("/upload", **sent)

    return asked


@pytest.mark.parametrize("name", ["starlette", "fastapi", "litestar", "flask", "django"])
def test_an_example_site_refuses_a_copy(
    name: str, served: tuple[GateRuntime, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = loaded(name, served, monkeypatch)
    if name in ("flask", "django"):
        ask = over_wsgi(module.app if name == "flask" else module.application)
    else:
        ask = over_asgi(module.app)
    refused = ask(files={"photo": ("a.jpg", jpeg(1, side=300, quality=60), "image/jpeg")})
    assert refused.status_code == 403
    assert refused.json()["code"] == "upload_blocked"
    passed = ask(files={"photo": ("b.jpg", jpeg(2), "image/jpeg")})
    assert passed.status_code in (200, 201)
    assert passed.json()["verdict"] == "allow"
    assert passed.json()["stored"]
    words = ask(files={"photo": ("c.txt", b"words", "text/plain")})
    assert words.status_code in (200, 201)
    cut = ask(files={"photo": ("a.jpg", jpeg(1)[:-3000], "image/jpeg")})
    assert cut.json()["verdict"] == "review"
    module.gate.close()
