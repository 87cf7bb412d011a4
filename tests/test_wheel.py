"""The wheel, built and installed into an environment of its own: README's lines and two example sites refuse a copy there."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import venv
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from amparo.core.clock import SystemClock
from amparo.core.keys import write_private
from amparo.signal import pdq
from tests.gate.feeding import Feed, jpeg, key_for, new_gate
from tests.walk.running import free_ports

ROOT = Path(__file__).parents[1]
_GATE_OF_README = "http://127.0.0.1:8001"

_BEGIN = """
import os, pathlib, sys
import httpx
import amparo
from fastapi import FastAPI, Request, UploadFile

assert pathlib.Path(amparo.__file__).is_relative_to(sys.prefix), amparo.__file__
key = os.environ["AMPARO_KEY"]
folder = pathlib.Path(os.environ["PICTURES"])
app = FastAPI()

@app.post("/upload")
async def upload(request: Request, photo: UploadFile) -> dict[str, str]:
    return {"verdict": request.state.amparo.action}
"""
_END_ASGI = """
import asyncio

async def ask(name):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
        return await client.post("/upload", files={"photo": (name, (folder / name).read_bytes(), "image/jpeg")})

copy, other = (asyncio.run(ask(name)) for name in ("copy.jpg", "other.jpg"))
"""
_END_WSGI = """
client = httpx.Client(transport=httpx.WSGITransport(application), base_url="http://site.test")
copy, other = (
    client.post("/upload", files={"photo": (name, (folder / name).read_bytes(), "image/jpeg")})
    for name in ("copy.jpg", "other.jpg")
)
"""
_CHECK = """
assert (copy.status_code, copy.json()["code"]) == (403, "upload_blocked"), copy.text
assert (other.status_code, other.json()["verdict"]) == (200, "allow"), other.text
gate.close()
"""
_HUB = """
import pathlib, sys
from amparo.hub.app import public_app
from amparo.hub.context import Hub, HubSettings
import amparo.hub, asyncio, httpx

hub = Hub.open(pathlib.Path(sys.argv[1]), HubSettings())

async def ask(path):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(public_app(hub)), base_url="http://hub.test") as client:
        return await client.get(path)

for path in ("/", "/static/built/protect.js", "/static/person.css"):
    answer = asyncio.run(ask(path))
    assert answer.status_code == 200 and answer.content, path
hub.close()
"""


@dataclass(frozen=True)
class Installed:
    """The environment with the wheel, and a gate that knows one picture."""

    python: Path
    folder: Path
    url: str
    key: str

    def run(self, script: str, *arguments: str | Path) -> None:
        """The test fails where the script does."""
        environment = {"AMPARO_GATE": self.url, "AMPARO_KEY": self.key, "PICTURES": str(self.folder)}
        # Isolated: neither this folder nor a variable brings the sources in.
        finished(self.python, "-I", "-c", script, *arguments, environment=environment)


def finished(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def closure(requirements: Iterable[str]) -> set[str]:
    """Names of the distributions that these requirements bring along, without extras, on this machine."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        wanted = Requirement(waiting.pop())
        if wanted.name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        found.add(wanted.name)
        waiting += metadata.requires(wanted.name) or []
        # An extra that is asked for brings its own.
        for extra in wanted.extras:
            inner = [Requirement(text) for text in metadata.requires(wanted.name) or []]
            waiting += [
                f"{one.name}{one.specifier}"
                for one in inner
                if one.marker is not None and one.marker.evaluate({"extra": extra})
            ]
    return found


def link(distribution: metadata.Distribution, site: Path) -> None:
    """Put a distribution of the tests' environment into another one: what pip would download and unpack, without the network."""
    for top in {Path(str(file)).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(str(distribution.locate_file(top)))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Generator[Installed]:
    folder = tmp_path_factory.mktemp("wheel")
    finished(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("amparo-*.whl")
    home = folder / "environment"
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--python", python)
    finished(*pip, "install", "--no-deps", "--no-index", wheel)
    (own,) = metadata.distributions(name="amparo", path=[str(site)])
    for name in closure(own.requires or []) | closure(["django"]):
        link(metadata.distribution(name), site)
    finished(*pip, "check")
    (folder / "copy.jpg").write_bytes(jpeg(1, side=300, quality=60))
    (folder / "other.jpg").write_bytes(jpeg(2))
    gate = new_gate(folder / "gate", clock=SystemClock())
    Feed(gate).add(pdq.fingerprint(jpeg(1)))
    key = key_for(gate, "match")
    gate.stop()
    write_private(folder / "card.json", gate.card.to_json().encode())
    with running_gate(python, folder) as url:
        yield Installed(python, folder, url, key)


@contextmanager
def running_gate(python: Path, folder: Path) -> Generator[str]:
    """The wheel's own ``amparo gate``, as a platform runs it; its hub is nowhere.

    Its kernels are compiled here for the first time; the first upload must not wait for that.
    """
    (port,) = free_ports(1)
    told = ("--card", folder / "card.json", "--data", folder / "gate", "--port", str(port))
    with (folder / "gate.log").open("wb") as log:
        process = subprocess.Popen([python.with_name("amparo"), "gate", *told], env={}, stdout=log, stderr=log)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while not is_ready(url):
            assert process.poll() is None, (folder / "gate.log").read_text()
            assert time.monotonic() < end, (folder / "gate.log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/status", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_lines_of_the_readme_refuse_a_copy(installed: Installed) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (lines,) = [block for block in blocks if "GateMiddleware" in block]
    assert _GATE_OF_README in lines
    assert len(lines.splitlines()) <= 10
    installed.run(_BEGIN + lines.replace(_GATE_OF_README, installed.url) + _END_ASGI + _CHECK)


@pytest.mark.parametrize(("name", "asked"), [("fastapi", _END_ASGI), ("django", _END_WSGI)])
def test_an_example_site_refuses_a_copy(installed: Installed, name: str, asked: str) -> None:
    example = (ROOT / "examples" / name / "app.py").read_text()
    installed.run(_BEGIN + example + asked + _CHECK)


def test_the_command_of_the_wheel_runs(installed: Installed) -> None:
    command = installed.python.with_name("amparo")
    done = subprocess.run([command, "--help"], env={}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "gate-key" in done.stdout


def test_the_environment_holds_what_the_wheel_asks_for_and_nothing_of_the_tests(installed: Installed) -> None:
    installed.run(
        "import importlib.util as found\n"
        "for name in ('pytest', 'threatexchange', 'faiss', 'flask', 'hypothesis'):\n"
        "    assert found.find_spec(name) is None, name"
    )


def test_the_hub_of_the_wheel_has_its_pages_and_scripts(installed: Installed) -> None:
    installed.run(_HUB, installed.folder / "hub")
