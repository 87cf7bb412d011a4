"""Traces computed in Chromium against those of Python: ``python -m benchmarks.browser_trace FOLDER``.

Three questions, answered in benchmarks/results/browser_trace.json (``--json FILE``):

- The same file, decoded by Chromium and by Python: does Python's query find the browser's trace to be a copy? Also of
  photos enlarged to 4,032 pixels, which Python decodes at a fraction of their size.
- The same pixels (each photo saved again as PNG): are the bytes the same?
- How long does a photo of 12 megapixels take in the Worker, and how long is the page deaf meanwhile? The longest gap
  between two ticks of a timer on the page is that, and more: it holds whatever else the machine does.

Needs Chromium (``AMPARO_CHROMIUM`` or on PATH) and the built browser part.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import sys
import tempfile
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect

from amparo.core.errors import AmparoError
from amparo.signal import decode
from amparo.signal.trace import TraceRecord, codec, compare, query, register
from tests.browser import BUILT, running_chromium
from tests.pictures import photo_like
from tests.web.fingerprint_page import FingerprintPage, open_page
from tests.web.ordinary_page import ordinary_page

BATCH: Final = 20
RUNS: Final = 5
LARGE: Final = 20
LARGE_SIDE: Final = 4032
NEAR_BITS: Final = 8
RESULT: Final = Path(__file__).parent / "results" / "browser_trace.json"

_WATCH: Final = """() => {
  globalThis.gap = 0;
  globalThis.longTask = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    globalThis.gap = Math.max(globalThis.gap, now - last);
    last = now;
  }, 4);
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) globalThis.longTask = Math.max(globalThis.longTask, task.duration);
  }).observe({ entryTypes: ["longtask"] });
}"""
_TIMED: Final = """async (kind) => {
  const from = performance.now();
  const { outcomes } = await globalThis.fingerprintChosen({ kind });
  return { milliseconds: performance.now() - from, outcomes };
}"""


def traces(page: FingerprintPage, paths: Sequence[Path]) -> list[TraceRecord | str]:
    """The browser's records, or the code of what it could not trace."""
    outcomes = page.choose(paths, kind="trace")["outcomes"]
    return [codec.decode(b64decode(one["trace"])) if "trace" in one else one["code"] for one in outcomes]


def same_file(page: FingerprintPage, paths: Sequence[Path]) -> dict[str, Any]:
    """What Python's query of a file says of the browser's trace of it, and how alike both traces are."""
    relations: Counter[str] = Counter()
    failures: list[str] = []
    shares: list[float] = []
    inliers: list[int] = []
    pdq: Counter[int] = Counter()
    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        for path, record in zip(batch, traces(page, batch), strict=True):
            source = path.read_bytes()
            if isinstance(record, str):
                failures.append(f"{path.name}: {record} in the browser, {_code(source)} here")
                continue
            found = compare(record, query(source))
            relations[found.relation] += 1
            if found.relation != "copy":
                failures.append(f"{path.name}: {found.relation} {found.altered_fraction:.3f}")
            inliers.append(found.inliers)
            own = register(source)
            shares.append(_kept(own, record))
            pdq[own.pdq.distance(record.pdq)] += 1
    return {
        "photos": len(paths),
        "relations": dict(relations),
        "not_a_copy_or_not_traced": failures,
        "fewest_inliers": min(inliers, default=0),
        "descriptors_found_again_within_8_bits_mean": round(statistics.fmean(shares), 4),
        "descriptors_found_again_within_8_bits_least": round(min(shares), 4),
        "pdq_bits": {str(bits): pdq[bits] for bits in sorted(pdq)},
    }


def _code(source: bytes) -> str:
    try:
        register(source)
    except AmparoError as error:
        return error.code
    return "traced"


def _kept(one: TraceRecord, two: TraceRecord) -> float:
    """Share of ``one``'s keypoints that ``two`` has in the same cell or beside it, at most 8 bits apart."""
    bits = np.bitwise_count(one.descriptors[:, None] ^ two.descriptors[None]).sum(axis=2)
    apart = np.maximum(
        np.abs(one.columns[:, None].astype(int) - two.columns[None]),
        np.abs(one.rows[:, None].astype(int) - two.rows[None]),
    )
    return float(((bits <= NEAR_BITS) & (apart <= 1)).any(axis=1).mean())


def same_pixels(page: FingerprintPage, paths: Sequence[Path]) -> dict[str, Any]:
    """Each photo saved as PNG and traced on both sides."""
    same = different = neither = 0
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(paths), BATCH):
            copies = [Path(folder) / f"{number}.png" for number in range(len(paths[start : start + BATCH]))]
            for path, copy in zip(paths[start : start + BATCH], copies, strict=True):
                Image.fromarray(decode.rgb(path.read_bytes()).pixels).save(copy, compress_level=1)
            for copy, record in zip(copies, traces(page, copies), strict=True):
                source = copy.read_bytes()
                if isinstance(record, str):
                    neither += record == _code(source)
                    different += record != _code(source)
                elif codec.encode(record) == codec.encode(register(source)):
                    same += 1
                else:
                    different += 1
    return {"pictures": len(paths), "same_bytes": same, "different_bytes": different, "refused_by_both": neither}


def large_files(page: FingerprintPage, paths: Sequence[Path]) -> dict[str, Any]:
    """The photos enlarged to a phone's size: Python decodes such a JPEG at a fraction of it, Chromium in full."""
    with tempfile.TemporaryDirectory() as folder:
        large: list[Path] = []
        for number, path in enumerate(paths):
            photo = Image.fromarray(decode.rgb(path.read_bytes()).pixels)
            scale = LARGE_SIDE / max(photo.size)
            size = (round(photo.width * scale), round(photo.height * scale))
            large.append(Path(folder) / f"{number}.jpg")
            photo.resize(size, Image.Resampling.BICUBIC).save(large[-1], "JPEG", quality=90)
        return same_file(page, large)


def twelve_megapixels(page: FingerprintPage) -> dict[str, Any]:
    """Milliseconds from the choice to the result, start of the worker included."""
    stream = io.BytesIO()
    Image.fromarray(photo_like(3000, 4000, 1)).save(stream, "JPEG", quality=90)
    page.page.set_input_files("input", [{"name": "a.jpg", "mimeType": "", "buffer": stream.getvalue()}])
    page.page.evaluate(_WATCH)
    times = {kind: [page.page.evaluate(_TIMED, kind)["milliseconds"] for _ in range(RUNS)] for kind in ("trace", "pdq")}
    return {
        "file_bytes": len(stream.getvalue()),
        **{f"{kind}_milliseconds": [round(one) for one in sorted(found)] for kind, found in times.items()},
        "longest_gap_on_the_page_milliseconds": round(page.page.evaluate("globalThis.gap"), 1),
        "longest_task_on_the_page_milliseconds": round(page.page.evaluate("globalThis.longTask"), 1),
    }


def whole_page(browser: Browser, paths: Sequence[Path]) -> dict[str, Any]:
    """The page for ordinary photos with ``paths`` chosen: drawings included."""
    with ordinary_page() as server, browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.origin)
        page.evaluate(_WATCH)
        page.set_input_files("#pictures", list(paths))
        expect(page.locator("#progress")).to_be_hidden(timeout=300_000)
        ours = re.compile(re.escape(server.origin) + r"/(static/[\w./-]+)?")
        return {
            "photos": page.locator(".trace").count(),
            "longest_gap_on_the_page_milliseconds": round(page.evaluate("globalThis.gap"), 1),
            "longest_task_on_the_page_milliseconds": round(page.evaluate("globalThis.longTask"), 1),
            "requests_before_sending": len(asked),
            "requests_to_others": sum(not ours.fullmatch(url) for url in asked),
        }


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md: every figure as measured, a row each."""
    lines = ["## Traces in Chromium against Python's", "", "| measure | figure |", "|---|---|"]
    for group, figures in result.items():
        named = cast("dict[str, Any]", figures) if isinstance(figures, dict) else {"": figures}
        lines += [f"| {group.replace('_', ' ')} {name.replace('_', ' ')} | {value} |" for name, value in named.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, help="stop after this many photos")
    parser.add_argument("--json", type=Path, default=RESULT)
    chosen = parser.parse_args()
    suffixes = {".jpg", ".jpeg", ".png", ".webp"}
    paths = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() in suffixes)[: chosen.most]
    with running_chromium() as browser:
        with open_page(browser) as page:
            result = {
                "scripts_bytes": {path.name: path.stat().st_size for path in sorted(BUILT.glob("*.js"))},
                "twelve_megapixels": twelve_megapixels(page),
                "same_file": same_file(page, paths),
                "large_files": large_files(page, paths[:LARGE]),
                "same_pixels": same_pixels(page, paths),
            }
        result["page"] = whole_page(browser, paths[:20])
    text = json.dumps(result, indent=1)
    sys.stdout.write(text + "\n")
    chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
