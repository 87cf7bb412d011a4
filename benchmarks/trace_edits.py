"""Benign edits of ordinary photos, in two halves: one to tune by, one to test by.

Split. Photos: `sources` by number, even ones tune, odd ones test; `others` likewise (textures and unrelated uploads). Edits:
the same families, but each half has its own shapes (tune: ellipse, rectangle; test: blob, rounded polygon), its own
parameters and random numbers, its own filter recipes and its own stylised filters. Nothing was chosen by the test half.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Half: TypeAlias = Literal["tune", "test"]

FILLINGS: Final = ("texture", "colour", "noise", "blur", "inpainted", "stylised")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edited picture. mask: what was replaced, in the photo's own frame; None for a plain copy."""

    family: str
    variant: str
    picture: Picture
    mask: Mask | None = None


def numbered(folder: Path, half: Half) -> list[Path]:
    """The photos of one half: by file number, even tune and odd test."""
    return [path for path in sorted(folder.glob("*.jpg")) if int(path.stem) % 2 == (half == "test")]


def read(path: Path) -> Picture:
    """A photo as BGR uint8."""
    return as_picture(cv2.imread(str(path), cv2.IMREAD_COLOR))


def as_picture(array: Any) -> Picture:
    """What OpenCV returned, as the uint8 array that it is."""
    return np.asarray(array, np.uint8)


def jpeg(picture: Picture, quality: int) -> Picture:
    return as_picture(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1))


def resize(picture: Picture, factor: float) -> Picture:
    height, width = picture.shape[:2]
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    return as_picture(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))


def blur(picture: Picture, sigma: float) -> Picture:
    return as_picture(cv2.GaussianBlur(picture, (0, 0), sigma))


def _below(rng: np.random.Generator, bound: int) -> int:
    drawn: Any = rng.integers(bound)
    return int(drawn)


def crop(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """``share`` of the width and of the height cut away, split at random between the opposite sides."""
    height, width = picture.shape[:2]
    keep_height, keep_width = round(height * (1 - share)), round(width * (1 - share))
    top = _below(rng, height - keep_height + 1)
    left = _below(rng, width - keep_width + 1)
    return np.ascontiguousarray(picture[top : top + keep_height, left : left + keep_width])


def rotate(picture: Picture, degrees: float) -> Picture:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return as_picture(cv2.warpAffine(picture, turn, (width, height), borderValue=(20, 20, 20)))


def filters(picture: Picture, half: Half) -> Iterator[tuple[str, Picture]]:
    """Colour filters as apps have them."""
    wide = picture.astype(np.float32)
    if half == "tune":
        sepia = wide @ np.array([[0.131, 0.534, 0.272], [0.168, 0.686, 0.349], [0.189, 0.769, 0.393]], np.float32).T
        yield "sepia", np.clip(sepia, 0, 255).astype(np.uint8)
        yield "brighter", np.clip(wide * 1.1 + 30, 0, 255).astype(np.uint8)
        yield "contrast", np.clip((wide - 128) * 1.5 + 128, 0, 255).astype(np.uint8)
        yield "gamma", (255 * (wide / 255) ** 1.6).astype(np.uint8)
        yield "light gamma", (255 * (wide / 255) ** 0.6).astype(np.uint8)
        yield "mild contrast", np.clip((wide - 128) * 1.25 + 128, 0, 255).astype(np.uint8)
        yield "contrast lifted", np.clip((wide - 110) * 1.35 + 128, 0, 255).astype(np.uint8)
        yield "contrast sunk", np.clip((wide - 145) * 1.4 + 128, 0, 255).astype(np.uint8)
        yield "washed", np.clip(wide * 0.6 + 70, 0, 255).astype(np.uint8)
        yield "sunk", np.clip(wide * 1.05 - 35, 0, 255).astype(np.uint8)
    else:
        grey = wide @ np.array([0.114, 0.587, 0.299], np.float32)
        yield "monochrome", np.repeat(np.clip((grey - 128) * 1.3 + 128, 0, 255).astype(np.uint8)[:, :, None], 3, 2)
        yield "warm", np.clip(wide * np.array([0.8, 1.0, 1.2], np.float32) + 8, 0, 255).astype(np.uint8)
        yield "faded", np.clip(wide * 0.65 + 60, 0, 255).astype(np.uint8)
        yield "darker", (255 * (wide / 255) ** 1.8).astype(np.uint8)
        height, width = picture.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        away = np.hypot((x - width / 2) / width, (y - height / 2) / height)
        yield "vignette", (wide * np.clip(1.15 - 1.1 * away[:, :, None] ** 2 * 2, 0, 1)).clip(0, 255).astype(np.uint8)


def toned(picture: Picture, rng: np.random.Generator) -> Picture:
    """A tone curve drawn at random, as sliders of an app make it: brightness, contrast, gamma, gains, light from one side.

    For fitting only; the recipes that are measured are in ``filters``."""
    wide = picture.astype(np.float32)
    if rng.random() < 0.4:
        wide = np.repeat((wide @ np.array([0.114, 0.587, 0.299], np.float32))[:, :, None], 3, 2)
    wide = 255 * np.clip(wide / 255, 0, 1) ** float(np.exp(rng.normal(0, 0.35)))
    wide = (wide - 128) * float(np.exp(rng.normal(0.1, 0.35))) + 128 + float(rng.normal(0, 25))
    wide *= np.exp(rng.normal(0, 0.1, 3)).astype(np.float32)
    if rng.random() < 0.4:
        height, width = picture.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        turn = float(rng.uniform(0, 6.3))
        along = (x / width - 0.5) * np.cos(turn) + (y / height - 0.5) * np.sin(turn)
        wide *= np.clip(1 + float(rng.uniform(0.2, 1.2)) * along, 0, None)[:, :, None]
    return as_picture(np.clip(wide, 0, 255))


def overlay(picture: Picture, half: Half, rng: np.random.Generator) -> Picture:
    """A line of text and a round sticker, as messengers put them; at most 8 % of the picture."""
    out = picture.copy()
    height, width = out.shape[:2]
    radius = int(0.07 * min(height, width)) if half == "tune" else int(0.08 * min(height, width))
    centre = (int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.15, 0.85) * height))
    cv2.circle(out, centre, radius, (40, 210, 250), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(
            out, (centre[0] + side * radius // 3, centre[1] - radius // 4), max(1, radius // 8), (20, 20, 20), -1
        )
    cv2.ellipse(out, centre, (radius // 2, radius // 2), 0, 20, 160, (20, 20, 20), max(1, radius // 10), cv2.LINE_AA)
    words, font = ("HELLO 123", cv2.FONT_HERSHEY_SIMPLEX) if half == "tune" else ("que guay!!", cv2.FONT_HERSHEY_DUPLEX)
    at = (int(0.08 * width), int(rng.uniform(0.3, 0.95) * height))
    size = width / 420
    cv2.putText(out, words, at, font, size, (255, 255, 255), max(2, int(size * 4)), cv2.LINE_AA)
    cv2.putText(out, words, at, font, size, (0, 0, 0), max(1, int(size * 2)), cv2.LINE_AA)
    return out


def screenshot(picture: Picture, half: Half, rng: np.random.Generator) -> Picture:
    """The picture on a phone's screen: bars above and below, words, round buttons."""
    height, width = picture.shape[:2]
    screen_width = 540 if half == "tune" else 480
    screen_height = round(screen_width * (1.9 if half == "tune" else 2.1))
    inner = min(1.0 * screen_width / width, 0.8 * screen_height / height)
    shown = resize(picture, inner)
    back = (250, 250, 250) if half == "tune" else (18, 18, 18)
    out = np.full((screen_height, screen_width, 3), back, np.uint8)
    top = int(rng.uniform(0.3, 0.7) * (screen_height - shown.shape[0]))
    left = (screen_width - shown.shape[1]) // 2
    out[top : top + shown.shape[0], left : left + shown.shape[1]] = shown[:, : screen_width - left]
    ink = tuple(255 - value for value in back)
    cv2.putText(out, "12:41", (20, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2, cv2.LINE_AA)
    cv2.putText(out, "friend_of_mine 2h", (60, 64), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 1, cv2.LINE_AA)
    cv2.circle(out, (32, 60), 16, (120, 90, 200), -1, cv2.LINE_AA)
    for i in range(4):
        cv2.circle(out, (60 + i * screen_width // 4, screen_height - 30), 14, ink, 2, cv2.LINE_AA)
    return out


def collage(picture: Picture, share: float, neighbours: list[Picture], rng: np.random.Generator) -> Picture:
    """The picture at ``share`` of a square canvas's side, over a mosaic of four other photos."""
    side = 900
    out = np.zeros((side, side, 3), np.uint8)
    for place, other in zip(((0, 0), (0, 450), (450, 0), (450, 450)), neighbours, strict=False):
        out[place[0] : place[0] + 450, place[1] : place[1] + 450] = cv2.resize(other, (450, 450))
    shown = resize(picture, share * side / max(picture.shape[:2]))
    height, width = shown.shape[:2]
    top, left = _below(rng, side - height + 1), _below(rng, side - width + 1)
    out[top : top + height, left : left + width] = shown
    return out


def stylised(picture: Picture, half: Half) -> Picture:
    if half == "tune":
        smooth = cv2.bilateralFilter(picture, 9, 60, 60)
        return as_picture(smooth // 40 * 40 + 20)
    return as_picture(cv2.stylization(picture, sigma_s=40, sigma_r=0.4))


def region(shape: tuple[int, ...], share: float, half: Half, rng: np.random.Generator) -> Mask:
    """A connected region of about ``share`` of the picture (exact within a tenth)."""
    height, width = shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    inside, wanted = np.ones((height, width)), 0.5
    for _ in range(60):
        aspect = float(rng.uniform(0.6, 1.6))
        cx, cy = float(rng.uniform(0.25, 0.75)) * width, float(rng.uniform(0.25, 0.75)) * height
        size = (share * height * width) ** 0.5
        half_width, half_height = size * aspect**0.5 / 2, size / aspect**0.5 / 2
        u, v = (x - cx) / half_width, (y - cy) / half_height
        if half == "tune":
            inside = np.maximum(abs(u), abs(v)) if rng.random() < 0.5 else np.hypot(u, v) * (np.pi / 4) ** 0.5
        else:
            angle = np.arctan2(v, u)
            wave = sum(
                float(rng.uniform(0.03, 0.14)) * np.cos(k * angle + float(rng.uniform(0, 6.3))) for k in (2, 3, 5)
            )
            inside = np.hypot(u, v) / (1 + wave)
        # The exact share by choosing the level.
        wanted = float(np.quantile(inside, share))
        mask = inside <= wanted
        if abs(mask.mean() - share) < 0.1 * share and 0.4 < wanted < 2.5:
            return mask
    return np.asarray(inside <= wanted)


def filled(picture: Picture, mask: Mask, filling: str, other: Picture, half: Half, rng: np.random.Generator) -> Picture:
    """``picture`` with the region covered by one kind of filling, the edge softened over some pixels."""
    height, width = picture.shape[:2]
    if filling == "texture":
        cover = as_picture(cv2.resize(other, (width, height)))
    elif filling == "colour":
        cover = np.empty_like(picture)
        cover[:] = picture[mask].mean(axis=0) if rng.random() < 0.5 else rng.integers(0, 256, 3)
    elif filling == "noise":
        cover = as_picture(
            np.clip(rng.normal(picture[mask].mean(axis=0), 45 if half == "tune" else 30, picture.shape), 0, 255)
        )
    elif filling == "blur":
        cover = blur(picture, 0.03 * max(height, width) if half == "tune" else 0.024 * max(height, width))
    elif filling == "inpainted":
        factor = 240 / max(height, width)
        small = resize(picture, factor)
        hole = cv2.resize(mask.astype(np.uint8), (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        method = cv2.INPAINT_TELEA if half == "tune" else cv2.INPAINT_NS
        cover = as_picture(cv2.resize(as_picture(cv2.inpaint(small, hole, 5, method)), (width, height)))
    elif filling == "stylised":
        if half == "tune":
            cover = as_picture(cv2.medianBlur(picture, 15) // 64 * 64 + 32)
        else:
            cover = as_picture(
                cv2.edgePreservingFilter(blur(picture, 3), flags=1, sigma_s=60, sigma_r=0.6) // 50 * 50 + 25
            )
    else:
        raise ValueError(filling)
    soft = float(rng.uniform(1.0, 3.0) if half == "tune" else rng.uniform(1.5, 4.0))
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), soft)[:, :, None]
    return as_picture(np.clip(picture * (1 - alpha) + cover * alpha + 0.5, 0, 255))


def again(picture: Picture, rng: np.random.Generator) -> Picture:
    """Resize .6, crop 10 %, JPEG 60: how an altered picture travels."""
    return jpeg(crop(resize(picture, 0.6), 0.1, rng), 60)


def subject_box(picture: Picture) -> Mask:
    """A box of about a quarter of the picture where most of its detail is, near the middle."""
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(abs(cv2.Laplacian(grey, cv2.CV_32F)), (0, 0), max(height, width) / 40)
    y, x = np.mgrid[0:height, 0:width]
    near = np.exp(-(((x - width / 2) / (0.3 * width)) ** 2) - ((y - height / 2) / (0.3 * height)) ** 2)
    weight = detail * near
    cy, cx = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
    mask = np.zeros((height, width), np.bool_)
    top, left = int(cy - 0.28 * height), int(cx - 0.23 * width)
    mask[max(0, top) : int(cy + 0.28 * height), max(0, left) : int(cx + 0.23 * width)] = True
    return mask


def edits_of(number: int, picture: Picture, others: list[Picture], half: Half) -> Iterator[Edit]:
    """Every edit of one photo. ``others``: photos of the same half, used as fillings and neighbours."""

    def rng(*what: object) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(repr((half, number, what)).encode()))

    def other(*what: object) -> Picture:
        return others[int(rng("other", what).integers(len(others)))]

    tune = half == "tune"
    for quality in (35, 60, 85) if tune else (30, 50, 70, 90):
        yield Edit("JPEG 30-90", str(quality), jpeg(picture, quality))
    for factor in (0.3, 0.6) if tune else (0.25, 0.5, 0.75):
        yield Edit("resize .25-.75", str(factor), resize(picture, factor))
    for sigma in (1.2, 2.6) if tune else (1.0, 2.0, 3.0):
        yield Edit("blur 1-3", str(sigma), blur(picture, sigma))
    for name, filtered in filters(picture, half):
        yield Edit("colour filters", name, filtered)
    for i in range(2):
        yield Edit("text and emoji overlay", str(i), overlay(picture, half, rng("overlay", i)))
    yield Edit("screenshot with bars", "", screenshot(picture, half, rng("screenshot")))
    for share in (0.1, 0.25, 0.4):
        for i in range(2):
            yield Edit(f"crop {share:.0%} a side", str(i), crop(picture, share, rng("crop", share, i)))
    yield Edit("mirror", "", np.ascontiguousarray(picture[:, ::-1]))
    for degrees in (6, 13) if tune else (5, 15):
        for sign in (-1, 1):
            yield Edit("rotation 5 / 15", str(sign * degrees), rotate(picture, sign * degrees))
    for share in (0.4, 0.2, 0.1):
        near = [other("collage", share, i) for i in range(4)]
        yield Edit(f"collage {share:.0%}", "", collage(picture, share, near, rng("collage", share)))
    for share in (0.1, 0.2, 0.3, 0.4, 0.5):
        for filling in FILLINGS:
            what = ("region", share, filling)
            mask = region(picture.shape, share, half, rng(what))
            covered = filled(picture, mask, filling, other(what), half, rng(what, "fill"))
            yield Edit(f"region {share:.0%} replaced", filling, covered, mask)
            yield Edit(f"region {share:.0%} replaced, travelled", filling, again(covered, rng(what, "again")), mask)
    box = subject_box(picture)
    for filling in ("texture", "inpainted", "blur"):
        covered = filled(picture, box, filling, other("subject", filling), half, rng("subject", filling))
        yield Edit("subject's box replaced", filling, covered, box)
    covered = filled(picture, ~box, "texture", other("background"), half, rng("background"))
    yield Edit("background replaced", "texture", covered, ~box)
    yield Edit("thumbnail 96 px", "", resize(picture, 96 / max(picture.shape[:2])))
    yield Edit("blur 6", "", blur(picture, 6))
    for i in range(2):
        yield Edit("crop 50% a side", str(i), crop(picture, 0.5, rng("crop 50", i)))
    yield Edit("stylised whole", "", stylised(picture, half))
