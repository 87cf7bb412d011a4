"""How many bits lie between a file's fingerprint in Chromium and in Python: ``python -m benchmarks.browser_agreement FOLDER``.

Prints the distribution over every JPEG and PNG below FOLDER and, with ``--json FILE``, writes it. Needs Chromium
(``AMPARO_CHROMIUM`` or on PATH) and the built browser part.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from amparo.core.errors import AmparoError
from amparo.signal import pdq
from tests.browser import running_chromium
from tests.web.fingerprint_page import open_page

BATCH = 50


def run(folder: Path, most: int | None = None) -> dict[str, Any]:
    """Compare every picture below ``folder`` (the first ``most`` of them). Keys: pictures, unreadable_in_either,
    quality_differs_most, mean_bits, most_bits, over_10_bits, distribution (bits -> pictures)."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})[:most]
    bits: Counter[int] = Counter()
    quality = unreadable = 0
    with running_chromium() as browser, open_page(browser) as page:
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            for path, one in zip(batch, page.choose(batch)["outcomes"], strict=True):
                try:
                    here = pdq.fingerprint(path)
                except AmparoError as error:
                    sys.stderr.write(f"{path.name}: {error.code} here, {one} in the browser\n")
                    unreadable += 1
                    continue
                if "code" in one:
                    sys.stderr.write(f"{path.name}: {one['code']} in the browser\n")
                    unreadable += 1
                    continue
                distance = here.distance(pdq.Pdq.from_hex(one["value"], one["quality"]))
                bits[distance] += 1
                quality = max(quality, abs(here.quality - one["quality"]))
    return {
        "pictures": len(paths),
        "unreadable_in_either": unreadable,
        "mean_bits": round(sum(d * n for d, n in bits.items()) / max(1, bits.total()), 3),
        "most_bits": max(bits, default=0),
        "over_10_bits": sum(n for d, n in bits.items() if d > 10),
        "quality_differs_most": quality,
        "distribution": {str(d): bits[d] for d in sorted(bits)},
    }


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    spread = ", ".join(f"{bits} bits: {count}" for bits, count in result["distribution"].items())
    return "\n".join(
        [
            "## The same file, fingerprinted in Chromium and in Python",
            "",
            f"{result['pictures']} photos: {result['mean_bits']} bits apart on average, {result['most_bits']} at most; "
            f"{result['over_10_bits']} more than 10 bits apart; {result['unreadable_in_either']} unreadable in either. "
            f"The quality differs by {result['quality_differs_most']} at most. ({spread})",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, help="stop after this many pictures")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    result = run(chosen.folder, chosen.most)
    text = json.dumps(result, indent=1)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
