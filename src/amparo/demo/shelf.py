"""Where the demo site keeps its photos: published ones, and those that wait for a reviewer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amparo.core.errors import NotFound
from amparo.core.keys import write_private

_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """review: what the gate calls the decision that is asked for; empty where only this site needs one."""

    photo: str
    review: str


class Shelf:
    """A folder: ``NAME.photo`` is public, ``NAME.held`` is not, ``NAME.review`` names its review.

    Each file is there whole or not at all, however the process ends; what a kill left half written is cleared away at the
    next start.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for unfinished in folder.glob(".*"):
            unfinished.unlink()

    def publish(self, content: bytes) -> None:
        write_private(self._path(secrets.token_hex(8), ".photo"), content)

    def hold(self, content: bytes, review: str) -> None:
        name = secrets.token_hex(8)
        # First what names its review: a photo that waits is never without.
        write_private(self._path(name, ".review"), review.encode("ascii"))
        write_private(self._path(name, ".held"), content)

    def published(self) -> list[str]:
        """Names, the newest first."""
        return [photo.stem for photo in self._newest(".photo")][:_SHOWN]

    def waiting(self) -> list[Waiting]:
        return [
            Waiting(photo.stem, photo.with_suffix(".review").read_text(encoding="ascii"))
            for photo in self._newest(".held")
        ]

    def one_waiting(self, name: str) -> Waiting:
        """Raises NotFound ``photo_unknown``."""
        for waiting in self.waiting():
            if waiting.photo == name:
                return waiting
        raise NotFound("photo_unknown", "There is no such photo here.")

    def release(self, waiting: Waiting) -> None:
        self._path(waiting.photo, ".held").replace(self._path(waiting.photo, ".photo"))
        self._path(waiting.photo, ".review").unlink()

    def discard(self, waiting: Waiting) -> None:
        for kind in (".held", ".review"):
            self._path(waiting.photo, kind).unlink()

    def file(self, name: str, *, held: bool) -> Path:
        """Raises NotFound ``photo_unknown``."""
        path = self._path(name, ".held" if held else ".photo")
        if not name.isalnum() or not path.is_file():
            raise NotFound("photo_unknown", "There is no such photo here.")
        return path

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}{kind}"

    def _newest(self, kind: str) -> list[Path]:
        return sorted((p for p in self._folder.iterdir() if p.suffix == kind), key=lambda p: -p.stat().st_mtime_ns)
