"""The build hook: when it builds, with what, and what the built scripts may not contain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hatch_build
from tests.browser import BUILT


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("v20.19.0", True),
        ("v22.12.0", True),
        ("v24.1.0\n", True),
        ("v20.18.3", False),
        ("v22.11.0", False),
        ("v21.7.0", False),
        ("v18.20.0", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_node_is_used_where_vite_runs_on_it(version: str, usable: bool) -> None:
    assert hatch_build.new_enough(version) is usable


def test_a_changed_source_is_a_stale_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web, built = tmp_path / "web", tmp_path / "built"
    (web / "src" / "deep").mkdir(parents=True)
    built.mkdir()
    source = web / "src" / "deep" / "a.ts"
    source.write_text("one")
    monkeypatch.setattr(hatch_build, "WEB", web)
    monkeypatch.setattr(hatch_build, "BUILT", built)
    assert not hatch_build.is_built()
    hatch_build.stamp_built()
    assert hatch_build.is_built()
    source.write_text("two")
    assert not hatch_build.is_built()
    source.write_text("one")
    assert hatch_build.is_built()
    source.rename(source.with_name("b.ts"))
    assert not hatch_build.is_built()


def test_a_tree_without_sources_has_nothing_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build, "WEB", tmp_path / "absent")
    assert hatch_build.is_built()


def test_built_scripts_ask_nobody_and_evaluate_nothing() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in BUILT.glob("*.js")}
    assert {"client.js", "worker.js"} <= set(scripts), "run python hatch_build.py"
    for name, text in scripts.items():
        assert not re.search(r"\beval\(|new Function\(|WebAssembly|https?://|//cdn|sendBeacon", text), name
    # The worker sees pixels: it has no way out but its answer to the page, nor has what it imports.
    for name in ("worker.js", *re.findall(r'"\./([\w-]+\.js)"', scripts["worker.js"])):
        exits = r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|import\(|indexedDB|caches\b"
        assert not re.search(exits, scripts[name]), name


def test_the_lock_names_no_registry_and_pins_every_package() -> None:
    lock = (hatch_build.WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 40
    manifest = (hatch_build.WEB / "package.json").read_text(encoding="utf-8")
    assert not re.search(r'"[\w@/.-]+": "[~^*]', manifest.split("devDependencies")[1])
