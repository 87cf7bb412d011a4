"""The ways to a gate's server and from a gate to its hub: an address and a key that can be used, or a reason why not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from amparo.core.errors import InvalidInput, Unavailable
from amparo.gate.card import PartnerCard

if TYPE_CHECKING:
    import httpx


def connect(url: str, key: str, seconds: float) -> httpx.Client:
    """A client for the gate at ``url``; nothing is asked yet. seconds: for each answer.

    Raises InvalidInput ``gate_address_invalid`` for what is no address of a web server, ``gate_key_invalid`` for a key that
    cannot stand in a request.
    """
    import httpx

    if not key.isascii() or not (key == "" or key.isprintable()):
        raise InvalidInput("gate_key_invalid", "This is no key of a gate: it has other letters than a key has.")
    try:
        address = httpx.URL(url)
        # As the operating system's name service will want it: too long a part of a name is found there only.
        address.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _no_address() from error
    port = 80 if address.port is None else address.port
    if address.scheme not in ("http", "https") or not address.host or not 0 < port < 1 << 16:
        raise _no_address()
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=address, headers=headers, timeout=httpx.Timeout(seconds), trust_env=False)


class HubLine:
    """From a gate to the hub of its card. What a connection needs is loaded when the first one is made, not at the start."""

    def __init__(self, card: PartnerCard, seconds: float, read_seconds: float | None = None) -> None:
        """seconds: for each step of a request; read_seconds: for the next bytes of an answer, where they may take longer."""
        self._card = card
        self._seconds = seconds
        self._read_seconds = read_seconds or seconds
        self._making = threading.Lock()
        self._client: httpx.Client | None = None
        self._closed = False

    def ask(self, method: str, path: str, most_bytes: int, **sent: Any) -> tuple[httpx.Response, bytes]:
        """What the hub answered, of whatever status, and its body. sent: as for ``httpx.Client.stream``.

        Raises Unavailable ``hub_unreachable``, also once this is closed, and ``hub_answer_too_long`` where the body has more
        bytes than that.
        """
        import httpx

        try:
            with self._connected().stream(method, path, **sent) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > most_bytes:
                        raise Unavailable("hub_answer_too_long", "The hub's answer is too long to be one.")
        except (httpx.HTTPError, RuntimeError) as error:
            # httpx raises RuntimeError for a client that was closed under a waiting request.
            raise Unavailable("hub_unreachable", "The hub does not answer.", detail=type(error).__name__) from error
        return response, bytes(body)

    def close(self) -> None:
        """Requests that wait end with an error."""
        with self._making:
            self._closed = True
            if self._client is not None:
                self._client.close()

    def _connected(self) -> httpx.Client:
        import httpx

        with self._making:
            if self._closed:
                raise RuntimeError("closed")
            if self._client is None:
                headers = {"Authorization": f"Bearer {self._card.key}", "User-Agent": "amparo-gate"}
                timeout = httpx.Timeout(self._seconds, read=self._read_seconds)
                self._client = httpx.Client(
                    base_url=self._card.hub_url, headers=headers, timeout=timeout, trust_env=False
                )
            return self._client


def _no_address() -> InvalidInput:
    return InvalidInput("gate_address_invalid", "This is no address of a gate. One looks like http://127.0.0.1:8001.")
