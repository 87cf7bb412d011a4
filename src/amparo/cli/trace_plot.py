"""The drawing of ``amparo compare --plot``: for the person's or the reviewer's own files, on their own machine."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from amparo.core.errors import Conflict
from amparo.core.keys import write_private
from amparo.signal import decode
from amparo.signal.trace import Comparison, QueryRecord, TraceRecord, match
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.similarity import TOLERANCE

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_GAP: Final = 16
_PAPER: Final = "#ffffff"
_POINT: Final = "#0b6e4f"
_REGION: Final = "#c1121f"


def draw(first: bytes, second: bytes, record: TraceRecord, query: QueryRecord, found: Comparison, path: Path) -> None:
    """A left, B right, both at the size at which they are compared; lines join points found again, and the outline of what
    seems to be replaced is drawn on A. A mirrored B is drawn as it is. When this returns, the PNG is on disk, for its owner only.

    Raises Conflict ``plot_taken`` where ``path`` is a file that is no PNG: a photo's name typed in the wrong place must not
    cost the photo.
    """
    if path.exists() and not _is_png(path):
        raise Conflict("plot_taken", "The drawing would overwrite a file that is no PNG.", detail=str(path))
    left = _picture(first, record.height, record.width)
    right = _picture(second, query.height, query.width)
    shift = left.width + _GAP
    sheet = Image.new("RGB", (shift + right.width, max(left.height, right.height)), _PAPER)
    sheet.paste(left, (0, 0))
    sheet.paste(right, (shift, 0))
    pen = ImageDraw.Draw(sheet)
    for x, y, u, v in _points(record, query, found.similarity):
        pen.line([(x, y), (shift + u, v)], fill=_POINT)
        for a, b in ((x, y), (shift + u, v)):
            pen.ellipse([a - 3, b - 3, a + 3, b + 3], outline=_POINT, width=2)
    if found.region is not None:
        outline = [(x * left.width, y * left.height) for x, y in found.region]
        pen.line([*outline, outline[0]], fill=_REGION, width=4, joint="curve")
    stored = io.BytesIO()
    sheet.save(stored, "PNG")
    write_private(path, stored.getvalue())


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PNG)) == _PNG


def _picture(source: bytes, height: int, width: int) -> Image.Image:
    return Image.fromarray(decode.rgb(source).pixels).resize((width, height), Image.Resampling.BOX)


def _points(
    record: TraceRecord, query: QueryRecord, similarity: Similarity | None
) -> list[tuple[float, float, float, float]]:
    """x, y in A and in B of the points that the similarity explains."""
    if similarity is None:
        return []
    side = int(similarity.mirrored)
    theirs = query.geometry[side]
    found = match.pairs(record.words, query.coded[side], theirs)
    joined: list[tuple[float, float, float, float]] = []
    for ours, other, _ in found.tolist():
        x, y = float(record.geometry[ours, 0]), float(record.geometry[ours, 1])
        u, v = float(theirs[other, 0]), float(theirs[other, 1])
        at = similarity.a * x - similarity.b * y + similarity.dx, similarity.b * x + similarity.a * y + similarity.dy
        if np.hypot(at[0] - u, at[1] - v) <= TOLERANCE * max(1.0, similarity.scale):
            joined.append((x, y, query.width - 1 - u if similarity.mirrored else u, v))
    return joined
