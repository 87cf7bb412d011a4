"""What a gate answers about a video, and how that is told over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from amparo.bank import Action
from amparo.core.errors import InvalidInput
from amparo.gate.answer import Answer, answer_json, answer_of


@dataclass(frozen=True, slots=True)
class VideoHit:
    """A frame of a video that matched. seconds: when it is shown."""

    seconds: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class VideoAnswer:
    """action: the strictest of all frames; hits: the frames that matched, in order; md5: of the file."""

    action: Action
    hits: tuple[VideoHit, ...]
    md5: str
    seconds: float
    frames: int
    would: Action | None = None

    @property
    def strictest(self) -> Answer:
        """The answer that a site gets for the whole video: with the matches of the strictest frame that lies nearest."""
        judged = self.would or self.action
        hits = [hit.answer for hit in self.hits if hit.answer.judged is judged]
        nearest = min(hits, key=lambda answer: answer.matches[0].distance, default=Answer(self.action))
        return Answer(self.action, nearest.matches, nearest.quality, self.would)


def video_json(answer: VideoAnswer) -> dict[str, Any]:
    """The answer of ``/v1/video``."""
    told: dict[str, Any] = {
        "verdict": answer.action.value,
        "md5": answer.md5,
        "seconds": answer.seconds,
        "frames": answer.frames,
        "hits": [{"seconds": hit.seconds, **answer_json(hit.answer)} for hit in answer.hits],
    }
    if answer.would is not None:
        told["would"] = answer.would.value
    return told


def video_answer_of(content: object) -> VideoAnswer:
    """Inverse of ``video_json``. Raises InvalidInput ``answer_malformed``."""
    try:
        told = cast("dict[str, Any]", content)
        hits = tuple(VideoHit(float(hit["seconds"]), answer_of(hit)) for hit in told["hits"])
        would = told.get("would")
        return VideoAnswer(
            Action(told["verdict"]),
            hits,
            str(told["md5"]),
            float(told["seconds"]),
            int(told["frames"]),
            None if would is None else Action(would),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("answer_malformed", "This is not a gate's answer.") from error
