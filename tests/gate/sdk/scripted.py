"""A gate that answers by what an upload begins with, for tests of what stands in front of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from amparo.bank import Action
from amparo.bank.opinion import Opinion
from amparo.core.errors import InvalidInput, Unavailable
from amparo.core.ids import EntryId
from amparo.gate import Answer
from amparo.gate.answer import Found
from amparo.gate.video_answer import VideoAnswer, VideoHit
from amparo.signal.fingerprint import Pdq

BLOCK = Answer(Action.BLOCK, (Found("B", 1, 0, "2026-01-01"),))
REVIEW = Answer(Action.REVIEW, (Found("B", 1, 30, "2026-01-01"),))
MATROSKA = b"\x1aE\xdf\xa3"
"""Begins as a video; ``Scripted`` answers by the letter behind it."""


class Scripted:
    """A gate that answers by the first letter of what it is shown."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.video_seconds: list[float] = []
        self.released = threading.Event()

    def check(self, picture: bytes, place: str) -> Answer:
        self.asked.append(picture)
        if picture.startswith(b"slow"):
            self.released.wait(30)
        if picture.startswith(b"down"):
            raise Unavailable("gate_unreachable", "Down.")
        if picture.startswith(b"words"):
            raise InvalidInput("picture_unreadable", "No picture.")
        if picture.startswith(b"cut"):
            raise InvalidInput("picture_truncated", "Cut short.")
        return {b"b": BLOCK, b"r": REVIEW}.get(picture[:1], Answer(Action.ALLOW))

    def check_video(self, video: bytes, place: str, seconds: float) -> VideoAnswer:
        self.asked.append(video)
        self.video_seconds.append(seconds)
        word = video[len(MATROSKA) :]
        if word.startswith(b"slow"):
            self.released.wait(30)
        if word.startswith(b"down"):
            raise Unavailable("gate_busy", "Busy.")
        if word.startswith(b"video_"):
            raise InvalidInput(word.decode(), "Not this one.")
        answer = {b"b": BLOCK, b"r": REVIEW}.get(word[:1], Answer(Action.ALLOW))
        hits = (VideoHit(1.0, REVIEW), VideoHit(2.0, answer)) if answer.matches else ()
        return VideoAnswer(answer.action, hits, "0" * 32, 3.0, 3)

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]:
        return [Answer(Action.ALLOW) for _ in fingerprints]

    def decide(self, review: str, *, confirmed: bool) -> bool:
        raise AssertionError("screening decides nothing")

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool:
        raise AssertionError("nobody asked for an opinion")

    def close(self) -> None:
        self.released.set()
