"""Synthetic pictures for the tests of this room: benign patterns, stored in every way that a decoder may
meet.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, cast

import numpy as np
import pillow_heif
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin


def pattern(width: int = 160, height: int = 120, seed: int = 1) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: soft random blobs and slopes, unlike any of their own turns."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8))
    return np.array(coarse.resize((width, height), Image.Resampling.BICUBIC))


def stored(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of ``kind`` (a Pillow format name, or HEIF)."""
    stream = io.BytesIO()
    if kind == "HEIF":
        heif = cast("Any", pillow_heif.from_pillow(picture))  # its own annotations are incomplete
        heif.save(stream, **options)
    else:
        picture.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_size(width: int, height: int, pixels: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header claims a size, with whatever compressed pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def ycck_jpeg(pixels: NDArray[np.uint8], quality: int = 95) -> bytes:
    """A JPEG of four components with Adobe transform 2, as libjpeg-turbo writes it, inks inverted as Adobe
    does.
    """
    inverted_inks = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return simplejpeg.encode_jpeg(inverted_inks, quality, "CMYK", "444")


def every_kind() -> dict[str, bytes]:
    """Small files of every format and of most variants, by name."""
    picture = Image.fromarray(pattern(40, 30))
    veiled = picture.copy()
    veiled.putalpha(Image.fromarray(pattern(40, 30, seed=2)).convert("L"))
    frames = [Image.fromarray(pattern(40, 30, seed=number)) for number in (3, 4)]
    palette = picture.quantize(16)
    sixteen = Image.fromarray(np.array(picture.convert("L")).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    tiles = TiffImagePlugin.ImageFileDirectory_v2()
    tiles[278] = 7
    return {
        "jpeg": stored(picture, "JPEG", exif=exif),
        "jpeg progressive": stored(picture, "JPEG", progressive=True, quality=60),
        "jpeg restart": stored(picture, "JPEG", restart_marker_blocks=2),
        "jpeg grey": stored(picture.convert("L"), "JPEG"),
        "jpeg cmyk": stored(picture.convert("CMYK"), "JPEG"),
        "jpeg ycck": ycck_jpeg(np.array(picture)),
        "jpeg rgb": stored(picture, "JPEG", keep_rgb=True),
        "png": stored(picture, "PNG", exif=exif),
        "png alpha": stored(veiled, "PNG"),
        "png grey alpha": stored(veiled.convert("LA"), "PNG"),
        "png palette": stored(palette, "PNG", transparency=b"\0\x80\xff"),
        "png one bit": stored(picture.convert("1"), "PNG"),
        "png sixteen": stored(sixteen, "PNG"),
        "png animated": stored(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "webp": stored(picture, "WEBP", exif=exif),
        "webp lossless": stored(veiled, "WEBP", lossless=True),
        "webp animated": stored(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "avif": stored(picture, "AVIF", exif=exif),
        "avif alpha": stored(veiled, "AVIF"),
        "heic": stored(picture, "HEIF", exif=exif.tobytes()),
        "heic alpha": stored(veiled, "HEIF"),
        "gif": stored(palette, "GIF"),
        "gif animated": stored(palette, "GIF", save_all=True, append_images=frames, transparency=3, disposal=2),
        "tiff": stored(picture, "TIFF", exif=exif),
        "tiff strips": stored(picture, "TIFF", tiffinfo=tiles),
        "tiff lzw": stored(picture, "TIFF", compression="tiff_lzw"),
        "tiff deflate": stored(picture, "TIFF", compression="tiff_adobe_deflate"),
        "tiff packbits": stored(picture.convert("L"), "TIFF", compression="packbits"),
        "tiff jpeg": stored(picture, "TIFF", compression="jpeg"),
        "tiff one bit": stored(picture.convert("1"), "TIFF"),
        "tiff sixteen": stored(sixteen, "TIFF"),
        "tiff float": stored(Image.fromarray(np.array(picture.convert("F")) / np.float32(255)), "TIFF"),
        "tiff lab": stored(Image.fromarray(pattern(40, 30), "LAB"), "TIFF"),
    }
