"""HTTP/1.1 with an end to patience, and without detours for what can be answered at once.

Patience: a head that does not arrive in time closes its connection. uvicorn bounds how long a connection rests between
requests, and nothing else; whoever sends one header byte now and then (slow-loris) would keep it open for ever. Bodies
have deadlines of their own where they are read.

Detours: a task, an event, a cycle and two messages for each request cost uvicorn more than a lookup among a million
fingerprints costs a gate. An application that ``AnswersAtOnce`` is asked first, where a whole request lies in one read and
nothing waits before it; what it does not answer takes uvicorn's way, as if it had not been asked. Questions that come in
together are answered together (``amparo.cli.gathered``).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from amparo.cli.gathered import Gathered

HEAD_SECONDS: Final = 10.0
_SHORT_BODY: Final = 1 << 18
"""Bodies beyond this are never held back; uvicorn has them stop the reading where too much piles up."""
_WRITTEN: Final = b"content-type: application/json\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with a timer from the first byte of a head, or the connection, to the head's end,
    and a short way to what answers at once, ``gathered``."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, gathered: Gathered | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathered = None if self.root_path else gathered
        self._asked: object = None
        """A question of ours that waits for its answer; a whole request whose head and body uvicorn has not been told of."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._held: list[bytes] | None = None
        """Parts of the body of a request whose head is complete and that uvicorn has not been told of yet."""
        self._held_bytes = 0
        self._may_answer = False

    @property
    def waits_for_head(self) -> bool:
        """Whether the timer runs."""
        return self._head_timer is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        # One answer for each read: whoever sends thousands of requests at once waits as others do.
        self._may_answer = self._gathered is not None
        super().data_received(data)
        if self._held is not None and self._asked is None:
            self._take_long_way()
        if self._in_head:
            self._wait_for_head()

    def eof_received(self) -> None:
        self._answer_now()
        super().eof_received()

    def shutdown(self) -> None:
        self._answer_now()
        super().shutdown()

    def on_message_begin(self) -> None:
        self._answer_now()
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_wait()
        if self._may_answer and self._is_plain():
            self._may_answer = False
            self._held = []
            self._held_bytes = 0
            return
        super().on_headers_complete()

    def _is_plain(self) -> bool:
        """Whether this request keeps the connection, asks for nothing special, and nothing waits before it."""
        cycle, parser = cast("RequestResponseCycle | None", self.cycle), self.parser
        return (
            parser is not None
            and (cycle is None or cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused
            and not self.expect_100_continue
            and self.limit_concurrency is None
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
        )

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
            return
        self._held.append(body)
        self._held_bytes += len(body)
        if self._held_bytes > _SHORT_BODY:
            self._take_long_way()

    def on_message_complete(self) -> None:
        if self._held is not None:
            asked = self._question(b"".join(self._held))
            if asked is not None and self._gathered is not None:
                self._asked = asked
                self._gathered.ask(self, asked)
                return
            self._take_long_way()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked = self._held = None
        self._end_wait()
        super().connection_lost(exc)

    def answered(self, question: object, answer: bytes | None) -> None:
        """Of the server's loop only. What was answered by another way meanwhile, or asked by a connection that is gone, is passed
        over. answer: None where it has to take the long way."""
        if question is not self._asked:
            return
        self._asked = None
        if answer is None:
            self._take_long_way()
            super().on_message_complete()
            return
        self._held = None
        self._write(answer)

    def _answer_now(self) -> None:
        """Before anything that follows on this connection."""
        if self._asked is not None and self._gathered is not None:
            self.answered(self._asked, self._gathered.answer(self._asked))

    def _question(self, body: bytes) -> object:
        if self._gathered is None or self.parser is None:
            return None
        return self._gathered.question(self.parser.get_method(), self.url, dict(reversed(self.headers)), body)

    def _write(self, answer: bytes) -> None:
        told = b"".join([b"%b: %b\r\n" % header for header in self.server_state.default_headers])
        self.transport.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n%b%b" % (told, len(answer), _WRITTEN, answer))
        self.on_response_complete()

    def _take_long_way(self) -> None:
        """Tell uvicorn what it was not told yet."""
        held, self._held = self._held or [], None
        super().on_headers_complete()
        for part in held:
            super().on_body(part)

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _end_wait(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
