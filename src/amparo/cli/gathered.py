"""Questions of many connections, answered together.

A search for many fingerprints waits for memory once where single ones wait each by themselves, and what Python does around a
search is done once. So the first question that is read in a turn of the loop is answered at once, and whatever else is read in
it is asked in one go, in the next: nobody waits for a question that has not come yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class AnswersAtOnce(Protocol):
    """An application that knows the answers to some requests without waiting for anything."""

    def question_at_once(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Any:
        """What ``answers_at_once`` takes, or None: then the application is called, and nothing was done yet. url: path and query;
        headers: the first of each name, in lower case."""
        ...

    def answers_at_once(self, questions: Sequence[Any]) -> Sequence[bytes | None]:
        """The JSON of the 200 answers to the first of these, at least to one: as many as may be answered before others have their
        turn. None: the application is called instead, and nothing was done for it."""
        ...


class Asks(Protocol):
    """A connection."""

    def answered(self, question: object, answer: bytes | None) -> None: ...


class Gathered:
    """Of one application and one loop, on which everything here is called."""

    def __init__(self, app: AnswersAtOnce) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[Asks, object]] = deque()
        self._gathers = False

    def question(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> object:
        """See ``AnswersAtOnce.question_at_once``."""
        try:
            return self._app.question_at_once(method, url, headers, body)
        except Exception:  # noqa: BLE001  # the reason follows
            # A fault in the application. httptools would call it a bad request; called, the application meets it again,
            # and uvicorn logs it and answers 500.
            return None

    def ask(self, connection: Asks, question: object) -> None:
        """The connection is told now, or when everything that can be read by now has been read."""
        if self._gathers:
            self._waiting.append((connection, question))
            return
        self._gather()
        connection.answered(question, self.answer(question))

    def answer(self, question: object) -> bytes | None:
        """Of one that cannot wait."""
        return self._answers([question])[0]

    def _gather(self) -> None:
        self._gathers = True
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._gathers = False
        waiting = self._waiting
        if not waiting:
            return
        answers = self._answers([question for _, question in waiting])
        told = [waiting.popleft() for _ in answers]
        if waiting:
            self._gather()
        for (connection, question), answer in zip(told, answers, strict=True):
            connection.answered(question, answer)

    def _answers(self, questions: Sequence[object]) -> Sequence[bytes | None]:
        try:
            return self._app.answers_at_once(questions)
        except Exception:  # noqa: BLE001  # as above
            return [None] * len(questions)
