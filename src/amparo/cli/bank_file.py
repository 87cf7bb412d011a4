"""A file of fingerprints: 64 hexadecimal digits a line, ``hash,quality,path``, or the JSON lines of ``amparo fingerprint``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from amparo.core.errors import AmparoError, InvalidInput
from amparo.signal.fingerprint import Pdq
from amparo.signal.video_format import VideoFrame, from_text


@dataclass(frozen=True, slots=True)
class BankFile:
    """Fingerprints of pictures and frames of videos, each with its name."""

    pictures: tuple[tuple[Pdq, str], ...]
    videos: tuple[tuple[tuple[VideoFrame, ...], str], ...]


def read_bank(path: Path) -> BankFile:
    """Raises InvalidInput ``bank_unreadable`` with the number of the first line that is no fingerprint."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("bank_unreadable", f"{path} cannot be read as a file of fingerprints.") from error
    pictures: list[tuple[Pdq, str]] = []
    videos: list[tuple[tuple[VideoFrame, ...], str]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", "hash,")):
            continue
        try:
            if not text.startswith("{"):
                pictures.append(_csv_entry(text, number))
                continue
            content = cast("dict[str, Any]", json.loads(text))
            # A line that reports a file which could not be read holds no fingerprint, and is no fault of the bank.
            if "error" in content:
                continue
            if content.get("signal_type") == "vpdq":
                videos.append((from_text(content["value"]), str(content["path"])))
            else:
                pictures.append((Pdq.from_hex(content["value"], content["quality"]), str(content["path"])))
        except (AmparoError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput("bank_unreadable", f"Line {number} of {path} is no fingerprint.") from error
    return BankFile(tuple(pictures), tuple(videos))


def _csv_entry(text: str, number: int) -> tuple[Pdq, str]:
    value, _, rest = text.partition(",")
    quality, _, name = rest.partition(",")
    return Pdq.from_hex(value.strip().lower(), int(quality) if quality else 100), name.strip() or f"line {number}"
