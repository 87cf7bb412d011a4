"""Bounded questions to a source's server, with errors of ours: bytes, seconds, and how many in one fetch."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from amparo.core.clock import monotonic
from amparo.core.errors import InvalidInput, Rejected, Unauthenticated, Unavailable, VerificationFailed

if TYPE_CHECKING:
    import httpx

_SECONDS: Final = 60.0
"""For the next bytes."""
_ANSWER_SECONDS: Final = 180.0
"""For an answer as a whole, however steadily it drips."""
_FETCH_SECONDS: Final = 12 * 3600.0
"""For all answers of a fetch: the first one of a source of millions takes hours, and begins anew where it is broken off."""
_QUESTIONS: Final = 100_000


def checked_address(address: str) -> str:
    """Raises InvalidInput ``source_address_invalid`` unless it is https, or http on loopback: keys travel with questions."""
    import httpx

    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port  # a port out of range raises
        httpx.URL(address)
    except (ValueError, httpx.InvalidURL) as error:
        raise InvalidInput("source_address_invalid", "A source's address begins with https://.") from error
    loopback = host == "localhost" or _is_loopback(host)
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise InvalidInput("source_address_invalid", "A source's address begins with https://.")
    return address.rstrip("/")


class Asker:
    """Asks below one address; follows no redirect and no proxy of the environment."""

    def __init__(
        self, address: str, limit: int, headers: Mapping[str, str], auth: tuple[str, str] | None = None
    ) -> None:
        self._address = checked_address(address)
        self._limit = limit
        self._headers = {"User-Agent": "amparo-gate", **headers}
        self._auth = auth

    @contextmanager
    def connected(self) -> Generator[Ask]:
        """For the questions of one fetch."""
        import httpx

        with httpx.Client(headers=self._headers, auth=self._auth, timeout=_SECONDS, trust_env=False) as client:
            yield Ask(client, self._address, self._limit)


class Ask:
    """One fetch's questions, each of which is another: a page that leads to one asked before leads in a circle."""

    def __init__(self, client: httpx.Client, address: str, limit: int) -> None:
        self._client = client
        self._address = address
        self._limit = limit
        self._until = monotonic() + _FETCH_SECONDS
        self._asked: set[bytes] = set()
        self._line = _Line()

    def get(self, path: str, **parameters: str | int) -> bytes:
        """The body of a 200 answer, at most ``limit`` bytes.

        Raises VerificationFailed ``page_out_of_order`` for what was asked before or cannot be asked, Unauthenticated /
        Rejected ``source_refused``, Unavailable ``source_unreachable``, ``source_too_slow``, ``source_answer_too_long`` and,
        where a fetch has more pages or takes longer than any does, ``source_endless``.
        """
        import httpx

        self._note(path, parameters)
        left = self._until - monotonic()
        if left <= 0 or len(self._asked) > _QUESTIONS:
            raise Unavailable("source_endless", "The source's pages do not come to an end.")
        clock = threading.Timer(min(_ANSWER_SECONDS, left), self._line.cut)
        clock.daemon = True
        clock.start()
        try:
            answer, body = self._answer(path, parameters)
        except httpx.InvalidURL as error:
            raise VerificationFailed(
                "page_out_of_order", "The source's next page cannot be asked for.", step="order"
            ) from error
        except httpx.HTTPError as error:
            if self._line.is_cut:
                raise _too_slow() from error
            raise Unavailable(
                "source_unreachable", "The source does not answer.", detail=type(error).__name__
            ) from error
        finally:
            clock.cancel()
        if self._line.is_cut:
            # A body that names no length looks whole wherever it ends.
            raise _too_slow()
        if answer.status_code == 200:
            return body
        told = f"The source answered {answer.status_code}."
        if answer.status_code == 401:
            raise Unauthenticated("source_refused", told)
        if answer.status_code in (400, 403, 404, 409, 422):
            raise Rejected("source_refused", told)
        after = answer.headers.get("retry-after", "")
        raise Unavailable("source_unreachable", told, retry_after=float(after) if after.isdecimal() else 5.0)

    def _note(self, path: str, parameters: Mapping[str, str | int]) -> None:
        question = hashlib.sha256(repr((path, sorted(parameters.items()))).encode(errors="backslashreplace")).digest()
        if question in self._asked:
            raise VerificationFailed("page_out_of_order", "The source's pages go in a circle.", step="order")
        self._asked.add(question)

    def _answer(self, path: str, parameters: Mapping[str, str | int]) -> tuple[httpx.Response, bytes]:
        noted = {"trace": self._line.note}
        with self._client.stream("GET", self._address + path, params=parameters or None, extensions=noted) as answer:
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > self._limit:
                    raise Unavailable("source_answer_too_long", "The source's answer is too long to be one.")
        return answer, bytes(body)


class _Line:
    """The connections of a fetch, which end at once when they are cut: a read that waits for one more byte does too."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.is_cut = False

    def note(self, event: str, told: Mapping[str, Any]) -> None:
        """httpx tells here what happens to a connection."""
        if event not in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            return
        with self._changing:
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
            self._sockets.append(told["return_value"].get_extra_info("socket"))
            if self.is_cut:
                self._shut()

    def cut(self) -> None:
        with self._changing:
            self.is_cut = True
            self._shut()

    def _shut(self) -> None:
        for opened in self._sockets:
            # The socket's own way, not TLS's, which is no thing to do while another thread reads.
            with suppress(OSError):
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _too_slow() -> Unavailable:
    return Unavailable("source_too_slow", "The source's answer takes too long.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
