"""Asking a gate from a platform's own code: ``Gate.from_url(...).check(upload)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, TypeVar
from urllib.parse import quote

import httpx

from amparo.bank import Opinion, Policy
from amparo.core.clock import SystemClock
from amparo.core.errors import (
    AmparoError,
    InvalidInput,
    Unavailable,
    VerificationFailed,
)
from amparo.core.ids import EntryId, is_id
from amparo.gate.answer import Answer, answer_of
from amparo.gate.card import PartnerCard
from amparo.gate.checker import DEFAULT_PLACE
from amparo.gate.connection import connect
from amparo.gate.reply import error_of, object_of, problem_of
from amparo.gate.runtime import GateRuntime
from amparo.gate.video_answer import VideoAnswer, video_answer_of
from amparo.signal.fingerprint import Pdq

_SECONDS: Final = 5.0
VIDEO_SECONDS: Final = 20.0
_Read = TypeVar("_Read")
_STRANGE: Final = (OverflowError, RecursionError)
"""What numbers without an end and lists within lists raise where a gate's answer has a number or a word."""


class _Asked(Protocol):
    def check(self, picture: bytes, place: str) -> Answer: ...

    def check_video(self, video: bytes, place: str, seconds: float) -> VideoAnswer: ...

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]: ...

    def decide(self, review: str, *, confirmed: bool) -> bool: ...

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool: ...

    def close(self) -> None: ...


class Gate:
    """One gate, over HTTP or inside this process. Safe to use from several threads; a context manager that closes it."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked

    @classmethod
    def from_url(cls, url: str, key: str, seconds: float = _SECONDS) -> Gate:
        """A gate server at ``url``; ``key`` is the one that ``amparo gate-key`` printed; ``seconds`` is the time budget.

        Raises InvalidInput ``gate_address_invalid`` or ``gate_key_invalid`` where these cannot be used.
        """
        return cls(_OverHttp(url, key, seconds))

    @classmethod
    def open(cls, card: Path, folder: Path, policy: Policy | None = None, *, dry_run: bool = False) -> Gate:
        """A gate inside this very process, following the hub of the partner card until it is closed.

        One process may hold a data folder at a time. Raises as ``PartnerCard.read`` and ``GateRuntime`` do.
        """
        runtime = GateRuntime(PartnerCard.read(card), folder, SystemClock(), policy, dry_run=dry_run)
        runtime.start()
        return cls(_Embedded(runtime, owned=True))

    @classmethod
    def embedded(cls, runtime: GateRuntime) -> Gate:
        """Over a runtime that somebody else starts and stops."""
        return cls(_Embedded(runtime, owned=False))

    def check(self, picture: bytes, place: str = DEFAULT_PLACE) -> Answer:
        """The answer to an upload. ``place`` tells the person where on your platform it was stopped.

        Raises InvalidInput for bytes that are no picture, Unauthenticated or Rejected for a wrong key, Unavailable where
        the gate does not answer in time.
        """
        return self._asked.check(picture, place)

    def check_video(self, video: bytes, place: str = DEFAULT_PLACE, seconds: float = VIDEO_SECONDS) -> VideoAnswer:
        """The answer to an uploaded video: that of its strictest frame, a frame a second and at each cut.

        seconds: how long the gate looks at it. Raises InvalidInput ``video_timeout``, ``video_too_long`` and others of
        ``video_too_...`` for one over a limit, other codes for what is no video or cannot be read; and as ``check`` does.
        """
        return self._asked.check_video(video, place, seconds)

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]:
        """Answers about fingerprints, at most 1,000 at once, in order; nothing is reported. Raises as ``check`` does."""
        return self._asked.look_up(fingerprints)

    def decide(self, review: str, *, confirmed: bool) -> bool:
        """What a reviewer of the platform says of an upload that was held (``answer.trace.review``): is it an altered version?

        Returns whether its copies are stopped at all partners from now on. Needs a key with the role ``curate``. Raises
        NotFound ``review_unknown`` (also where the person has withdrawn), Conflict ``review_decided``, and as ``check`` does.
        """
        return self._asked.decide(review, confirmed=confirmed)

    def tell_opinion(self, entry: str, opinion: Opinion | Literal["confirm", "reject", "ask"]) -> bool:
        """What your people say of an entry (``found.entry`` of an answer) after they looked at what matched it.

        confirm: it is what the entry is for; reject: it is something else; ask: they are unsure. An entry that several
        partners reject is held everywhere until the hub's people have looked. Returns whether the entry matches here at
        this moment; when it returns, the opinion is on the gate's disk, and the hub is told as soon as it answers. Needs a
        key with the role ``curate``. Raises InvalidInput ``opinions_malformed``, and as ``check`` does.
        """
        try:
            said = Opinion(opinion)
            if not is_id(entry):
                raise ValueError("no identifier")
        except ValueError as error:
            raise InvalidInput("opinions_malformed", "This opinion could not be read.", detail=str(error)) from error
        return self._asked.tell_opinion(EntryId(entry), said)

    def close(self) -> None:
        self._asked.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Embedded:
    def __init__(self, runtime: GateRuntime, *, owned: bool) -> None:
        self._runtime = runtime
        self._owned = owned

    def check(self, picture: bytes, place: str) -> Answer:
        return self._runtime.checker.check_picture(picture, place)

    def check_video(self, video: bytes, place: str, seconds: float) -> VideoAnswer:
        return self._runtime.checker.check_video(video, place, seconds)

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]:
        return self._runtime.checker.look_up(fingerprints)

    def decide(self, review: str, *, confirmed: bool) -> bool:
        return self._runtime.tracer.decide(review, confirmed=confirmed)

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool:
        return self._runtime.tell_opinion(entry, opinion)

    def close(self) -> None:
        if self._owned:
            self._runtime.stop()


class _OverHttp:
    def __init__(self, url: str, key: str, seconds: float) -> None:
        self._client = connect(url, key, seconds)

    def check(self, picture: bytes, place: str) -> Answer:
        return self._answers(
            "/v1/check", lambda content: [answer_of(content)], params={"place": place}, content=picture
        )[0]

    def check_video(self, video: bytes, place: str, seconds: float) -> VideoAnswer:
        asked = {"place": place, "seconds": f"{max(seconds, 0.001):.3f}"}
        # It ends by itself after so many seconds; what it takes to send and to answer comes on top.
        waited = httpx.Timeout(seconds + _SECONDS)
        return self._answers("/v1/video", video_answer_of, params=asked, content=video, timeout=waited)

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]:
        if not fingerprints:
            return []
        asked = [{"value": one.hex, "quality": one.quality} for one in fingerprints]
        return self._answers(
            "/v1/lookup", lambda content: [answer_of(one) for one in content["results"]], json={"fingerprints": asked}
        )

    def decide(self, review: str, *, confirmed: bool) -> bool:
        decision = {"decision": "confirm" if confirmed else "dismiss"}
        return self._answers(
            f"/v1/reviews/{quote(review, safe='')}", lambda told: bool(told["stopped_everywhere"]), json=decision
        )

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool:
        said = {"entry": entry, "opinion": opinion.value}
        return self._answers("/v1/opinions", lambda told: bool(told["known"]), json=said)

    def close(self) -> None:
        self._client.close()

    def _answers(self, path: str, read: Callable[[dict[str, Any]], _Read], **sent: Any) -> _Read:
        try:
            response = self._client.post(path, **sent)
        except (httpx.HTTPError, RuntimeError) as error:
            # httpx raises RuntimeError for a client that was closed.
            raise Unavailable("gate_unreachable", "The gate does not answer.", detail=type(error).__name__) from error
        try:
            content = object_of(response.content)
            if response.status_code != 200:
                raise _error_of(response)
            return read(content)
        except (VerificationFailed, ValueError, KeyError, TypeError, AttributeError, *_STRANGE) as error:
            raise _no_gate(response) from error
        except InvalidInput as error:
            if error.code == "answer_malformed":
                raise _no_gate(response) from error
            raise


def _no_gate(response: httpx.Response) -> Unavailable:
    # A proxy in between has answered, or another program listens there.
    return Unavailable("gate_unreachable", "What answered is not a gate.", detail=f"status {response.status_code}")


def _error_of(response: httpx.Response) -> AmparoError:
    status = response.status_code
    code, text = problem_of(response.content, "gate_refused", f"The gate answered {status}.")
    return error_of(status)(code, text)
