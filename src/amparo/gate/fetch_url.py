"""Fetching a picture from an address that a client names, without becoming its way into other people's networks.

Only hosts on the operator's list are asked, by name, over HTTP or HTTPS. The name is resolved once, every address must be
a public one, and the connection goes to exactly the address that was looked at: a name that resolves differently the
second time (DNS rebinding) finds no second time. Redirects are refused. Size and time are bounded, the time by a watch
that shuts the connection, since a server that sends a byte now and then never runs into a socket's own timeout. A resolver
cannot be cut off: it works in a thread of its own, which is waited for no longer than that time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from amparo.core.clock import monotonic
from amparo.core.errors import InvalidInput, Rejected, Unavailable
from amparo.signal.limits import DEFAULT as LIMITS

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
Resolver: TypeAlias = "Callable[[str, int], Sequence[Address]]"

_PORTS: Final = {"http": 80, "https": 443}
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): an IPv4 address in disguise."""
_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        # What Python calls global in some of its versions or in all, and is not: the IANA special-purpose registries.
        *("192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "168.63.129.16/32"),
        *("3fff::/20", "5f00::/16", "fec0::/10", "64:ff9b:1::/48", "2001::/23", "2620:4f:8000::/48"),
    )
)
"""Anycast relays, addresses of documentation, site-local ones of old, and Azure's inner services on a public address."""
_RESOLVERS: Final = 8
"""Threads that wait for a resolver at once, those that nobody waits for any more included."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """content: the body; kind: the media type that the server claims."""

    content: bytes
    kind: str


def system_resolver(host: str, port: int) -> Sequence[Address]:
    """The operating system's answer. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]


class Fetcher:
    """hosts: what may be fetched from: ``photos.example.org`` (its usual ports), ``photos.example.org:8443``, or
    ``*.example.org`` for all names below; empty: nothing. also_allowed: networks that are not public and may be connected
    to all the same; tests need one, operators whose pictures lie on an inner network may.
    """

    def __init__(
        self,
        hosts: Iterable[str] = (),
        *,
        resolver: Resolver = system_resolver,
        also_allowed: Sequence[Network] = (),
        max_bytes: int = LIMITS.max_bytes,
        seconds: float = 10.0,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._resolver = resolver
        self._also_allowed = tuple(also_allowed)
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._resolving = threading.BoundedSemaphore(_RESOLVERS)

    def fetch(self, url: str) -> Fetched:
        """Raises InvalidInput ``url_invalid`` / ``url_too_many_bytes``, Rejected ``url_not_allowed``, Unavailable
        ``url_unreachable`` for a server that does not answer with 200 in time."""
        parts, host, port = self._allowed(url)
        end = monotonic() + self._seconds
        address = self._resolved(host, port)
        left = max(end - monotonic(), 0.001)
        connection = _Pinned(host, port, address, left, encrypted=parts.scheme == "https")
        watch = threading.Timer(left, connection.cut)
        watch.daemon = True
        watch.start()
        try:
            return self._read(connection, parts)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(
                "url_unreachable", "What lies at this url could not be fetched.", detail=type(error).__name__
            ) from error
        finally:
            watch.cancel()
            connection.close()

    def _read(self, connection: _Pinned, parts: SplitResult) -> Fetched:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": "amparo-gate", "Accept": "image/*, video/*", "Accept-Encoding": "identity"}
        connection.request("GET", target, headers=headers)
        # Not by ``getresponse``: where the server breaks off at once, that leaves the socket's file open.
        with closing(http.client.HTTPResponse(connection.sock, method="GET")) as response:
            response.begin()
            if response.status != 200:
                raise Unavailable("url_unreachable", f"The url answered {response.status}; redirects are not followed.")
            body = bytearray()
            while chunk := response.read1(1 << 16):
                body += chunk
                if len(body) > self._max_bytes:
                    raise InvalidInput("url_too_many_bytes", f"At most {self._max_bytes:,} bytes are fetched.")
            # To http.client, a connection that is shut looks like the regular end of a head or body.
            if connection.was_cut or response.length:
                raise http.client.IncompleteRead(b"")
            return Fetched(bytes(body), response.headers.get_content_type())

    def _allowed(self, url: str) -> tuple[SplitResult, str, int]:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
            host = host.encode("idna").decode("ascii").lower()
        except (ValueError, UnicodeError) as error:
            raise _invalid() from error
        usual = _PORTS.get(parts.scheme)
        if usual is None or not host or parts.username is not None or not url.isascii() or not url.isprintable():
            raise _invalid()
        if any(letter in url for letter in " \\"):
            raise _invalid()
        port = port if port is not None else usual
        named = host if port == usual else f"{host}:{port}"
        if named not in self._hosts and not any(
            entry.startswith("*.") and named.endswith(entry[1:]) for entry in self._hosts
        ):
            raise Rejected(
                "url_not_allowed", "This gate does not fetch from there; its operator keeps a list of hosts."
            )
        return parts, host, port

    def _resolved(self, host: str, port: int) -> Address:
        try:
            addresses = self._in_time(host, port)
        except (OSError, ValueError) as error:
            raise Unavailable("url_unreachable", "The url's host could not be found.") from error
        if not addresses:
            raise Unavailable("url_unreachable", "The url's host could not be found.")
        # All of them, not the one that is taken: a name that mixes inner and public addresses is an attack.
        if not all(self._may_connect(address) for address in addresses):
            raise Rejected("url_not_allowed", "This gate does not fetch from addresses of inner networks.")
        return addresses[0]

    def _in_time(self, host: str, port: int) -> Sequence[Address]:
        """Raises TimeoutError, and what the resolver raises."""
        end = monotonic() + self._seconds
        answers: SimpleQueue[Sequence[Address] | Exception] = SimpleQueue()

        def resolve() -> None:
            try:
                answers.put(self._resolver(host, port))
            except Exception as error:  # noqa: BLE001  # raised again by whoever waits
                answers.put(error)
            finally:
                self._resolving.release()

        if not self._resolving.acquire(timeout=self._seconds):
            raise TimeoutError
        threading.Thread(target=resolve, name="amparo-resolver", daemon=True).start()
        try:
            answer = answers.get(timeout=max(end - monotonic(), 0.001))
        except Empty as error:
            raise TimeoutError from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _may_connect(self, address: Address) -> bool:
        if any(address.version == network.version and address in network for network in self._also_allowed):
            return True
        return all(map(_is_public, _faces(address)))


def _is_public(address: Address) -> bool:
    if any(address.version == network.version and address in network for network in _NEVER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _faces(address: Address) -> list[Address]:
    """The address, and what it stands for where it is an IPv4 address in the dress of IPv6."""
    faces: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            # is_global of the mapped form is not the same in all Python versions; the inner one decides.
            return [address.ipv4_mapped]
        if address.sixtofour is not None:
            faces.append(address.sixtofour)
        if address.teredo is not None:
            faces.extend(address.teredo)
        if address in _TRANSLATED:
            return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return faces


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever its host's name resolves to by now."""

    def __init__(self, host: str, port: int, address: Address, seconds: float, *, encrypted: bool) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address = address
        self._encrypted = encrypted
        self.was_cut = False
        # The name, and the port where it is not the usual one: what http.client would make of the port by itself is wrong
        # for a connection that it believes to be unencrypted.
        if encrypted:
            self.default_port = _PORTS["https"]

    def connect(self) -> None:
        plain = socket.create_connection((str(self._address), self.port), self.timeout)
        self.sock = plain
        if self._encrypted:
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        if self.was_cut:
            raise TimeoutError

    def cut(self) -> None:
        """End whatever is under way, from another thread."""
        self.was_cut = True
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                sock.close()


def _invalid() -> InvalidInput:
    return InvalidInput("url_invalid", "This is not an http or https url that can be fetched.")
