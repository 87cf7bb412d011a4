"""What the middlewares share: which files an upload holds, and one answer to all of them within a time budget."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Final, TypeVar

from amparo.bank import Action
from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput, Rejected, Unavailable
from amparo.core.logs import get_logger
from amparo.gate.answer import Answer
from amparo.gate.body_budget import BodyBudget
from amparo.gate.checker import DEFAULT_PLACE
from amparo.gate.client import VIDEO_SECONDS, Gate
from amparo.gate.strict_form import files_of_form, is_text, malformed
from amparo.signal.video_kind import claims_video, excludes_picture

log: Final = get_logger("amparo.gate")

BODY_LIMIT: Final = 60_000_000
SECONDS: Final = 5.0
_SLASHES: Final = re.compile("/{2,}")
_NO_PICTURE: Final = frozenset({"picture_unreadable", "picture_empty", "video_without_pictures", "video_empty"})
_OVER_BUDGET: Final = frozenset(
    {"video_timeout", "video_too_long", "video_too_large", "video_too_many_bytes", "body_too_long", "body_too_slow"}
)
_AT_ONCE: Final = 16
_VIDEOS_AT_ONCE: Final = 2
_PATIENCE: Final = 2.0
"""Seconds for a video's way to the gate and back, beside those that the gate looks at it."""
ResultT = TypeVar("ResultT")


class Screening:
    """How a platform asks about its uploads, and what it does while the gate cannot answer.

    paths: prefixes of the routes that take uploads. place: told to the person concerned. fail_open: whether uploads pass
    while the gate cannot answer in time; the platform's choice, and counted either way. seconds: for all pictures of one
    upload together; video_seconds: for all its videos together. body_limit: bytes of an upload that are read at all: a
    longer one is refused, whatever ``fail_open`` says. budget: bytes of all uploads that are in hand at the same time; who
    finds it spent is asked to come again.

    A video over its budget (seconds, or what a gate takes at once: an hour, 500 MB, 36 million pixels a frame) passes
    where ``fail_open``, and else goes through for review: asking again would not make it shorter.

    counts: ``allow``, ``review``, ``block``: uploads; ``videos``, ``no_picture``, ``unreadable``, ``over_budget``: files;
    ``failed_open``, ``failed_closed``: uploads that the gate did not answer about, and videos over their budget.
    """

    def __init__(
        self,
        gate: Gate,
        paths: Sequence[str],
        *,
        place: str = DEFAULT_PLACE,
        fail_open: bool = False,
        seconds: float = SECONDS,
        video_seconds: float = VIDEO_SECONDS,
        body_limit: int = BODY_LIMIT,
        budget: BodyBudget | None = None,
    ) -> None:
        if not paths or not seconds > 0 or not video_seconds > 0 or not body_limit > 0:
            raise InvalidInput("screening_invalid", "Screening needs a path, a time and a size above zero.")
        self.body_limit = body_limit
        self.budget = budget or BodyBudget()
        self.counts: Counter[str] = Counter()
        self._gate = gate
        self._paths = tuple(paths)
        self._place = place
        self._fail_open = fail_open
        self._seconds = seconds
        self._video_seconds = video_seconds
        self._workers = ThreadPoolExecutor(_AT_ONCE, "amparo-screening")
        # Of their own: a few long videos must not keep every picture waiting.
        self._video_workers = ThreadPoolExecutor(_VIDEOS_AT_ONCE, "amparo-screening-video")

    def concerns(self, path: str) -> bool:
        """Whether a request there may bring an upload, by whatever method: handlers read the body of any. path: decoded.

        Some sites find ``//upload`` where ``/upload`` is.
        """
        return path.startswith(self._paths) or _SLASHES.sub("/", path).startswith(self._paths)

    def screen(self, body: bytes, kinds: Sequence[str], encodings: Sequence[str]) -> Answer:
        """The answer to a whole upload. Blocks as ``judge`` does, and raises as it and ``files_in`` do."""
        return self.judge(files_in(body, kinds, encodings)) if body else Answer(Action.ALLOW)

    def judge(self, files: Sequence[bytes]) -> Answer:
        """The strictest answer of all files in one upload. Blocks up to the time budgets; any thread may call it.

        Raises Unavailable, Unauthenticated or Rejected where the gate does not answer and uploads must not pass then.
        """
        left = {_PICTURE: self._seconds, _VIDEO: self._video_seconds}
        strictest = Answer(Action.ALLOW)
        for kind, file in _asked_about(files):
            begun = monotonic()
            try:
                answer = self._ask(file, left[kind]) if kind == _PICTURE else self._ask_video(file, left[kind])
            except InvalidInput as error:
                if self._must_be_looked_at(kind, file, error) and strictest.allowed:
                    strictest = Answer(Action.REVIEW)
                continue
            except AmparoError as error:
                self.counts["failed_open" if self._fail_open else "failed_closed"] += 1
                log.warning("gate_failed", code=error.code, fail_open=self._fail_open)
                if not self._fail_open:
                    raise
                break
            finally:
                left[kind] -= monotonic() - begun
            if answer.action is Action.BLOCK:
                strictest = answer
                break
            if answer.action is Action.REVIEW:
                strictest = answer
        self.counts[strictest.action.value] += 1
        return strictest

    def _must_be_looked_at(self, kind: str, file: bytes, error: InvalidInput) -> bool:
        """Count a file that there is no answer about; returns whether people have to look at it."""
        if kind == _VIDEO and error.code == "video_unreadable" and not excludes_picture(file):
            # It only seemed to be one, and was looked at as a picture.
            return False
        if error.code in _NO_PICTURE:
            # Nothing that we can recognise. What the site accepts is the site's to decide.
            self.counts["no_picture"] += 1
            return False
        if kind == _VIDEO and error.code in _OVER_BUDGET:
            self.counts["over_budget"] += 1
            self.counts["failed_open" if self._fail_open else "failed_closed"] += 1
            log.warning("video_over_budget", code=error.code, fail_open=self._fail_open)
            return not self._fail_open
        # Browsers show a picture whose last bytes are missing: cutting them must not open the gate.
        self.counts["unreadable"] += 1
        return True

    def _ask(self, picture: bytes, seconds: float) -> Answer:
        return _within(self._workers.submit(self._gate.check, picture, self._place), seconds)

    def _ask_video(self, video: bytes, seconds: float) -> Answer:
        self.counts["videos"] += 1
        if not seconds > 0:
            raise InvalidInput("video_timeout", "The videos before this one have taken all of the time.")
        asked = self._video_workers.submit(self._gate.check_video, video, self._place, seconds)
        return _within(asked, seconds + _PATIENCE).strictest


_PICTURE: Final = "picture"
_VIDEO: Final = "video"


def _asked_about(files: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """As what each file is shown to the gate. What may be either is shown as both: sites show the one or the other."""
    for file in files:
        if not excludes_picture(file):
            yield _PICTURE, file
        if claims_video(file):
            yield _VIDEO, file


def _within(asked: Future[ResultT], seconds: float) -> ResultT:
    try:
        return asked.result(max(0.0, seconds))
    except TooLate as error:
        asked.cancel()
        raise Unavailable("gate_too_slow", "The gate did not answer in time.") from error


def files_in(body: bytes, kinds: Sequence[str], encodings: Sequence[str]) -> list[bytes]:
    """The files of an upload, in order: those of a multipart form, or the body itself where it may be one.

    kinds, encodings: every Content-Type and every Content-Encoding of the request, as sent. Raises InvalidInput
    ``upload_malformed`` where sites could read the body in another way than we do.
    """
    if len(kinds) > 1 or any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise malformed()
    kind = kinds[0].strip() if kinds else ""
    if "multipart/form-data" in kind.lower():
        return files_of_form(body, kind)
    claims_file = kind.lower().startswith(("image/", "video/", "application/octet-stream"))
    # Whatever else it calls itself: a site that takes bodies as they are need not ask what they say they are.
    return [body] if body and (claims_file or not is_text(body)) else []


def refusal() -> Rejected:
    """What a blocked upload is told: nothing about whom the picture shows."""
    return Rejected("upload_blocked", "This picture cannot be published here.")
