"""Fetching by url: a server and a resolver of ours; nothing is sent to any address but 127.0.0.1."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import pytest

from amparo.core.errors import AmparoError
from amparo.gate.fetch_url import Address, Fetcher

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Generator[int]:
    """A server that treats each connection as ``serve`` does, until the test ends."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    serve(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def answering(head: bytes, body: bytes = b"") -> Serve:
    return lambda connection: connection.sendall(head.replace(b"\n", b"\r\n") + b"\r\n" + body)


def to(*addresses: str) -> Callable[[str, int], Sequence[Address]]:
    return lambda _host, _port: [ipaddress.ip_address(address) for address in addresses]


def code_of(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(AmparoError) as caught:
        fetcher.fetch(url)
    return caught.value.code


def near(port: int, **options: float) -> Fetcher:
    return Fetcher([f"pictures.test:{port}"], resolver=to("127.0.0.1"), also_allowed=LOOPBACK, **options)  # type: ignore[arg-type]


def test_what_lies_at_an_allowed_host_is_fetched() -> None:
    head = b"HTTP/1.1 200 OK\nContent-Type: image/jpeg; x=1\nContent-Length: 3\n"
    with server(answering(head, b"abc")) as port:
        fetched = near(port).fetch(f"http://pictures.test:{port}/a.jpg?b=1")
    assert (fetched.content, fetched.kind) == (b"abc", "image/jpeg")


def test_nothing_is_fetched_without_a_list_of_hosts() -> None:
    assert code_of(Fetcher(resolver=to("127.0.0.1")), "http://pictures.test/") == "url_not_allowed"


@pytest.mark.parametrize(
    "url",
    ["http://other.test/", "http://pictures.test:81/", "http://pictures.test.evil.test/", "http://127.0.0.1/",
     "http://[::1]/", "http://0x7f000001/", "http://2130706433/", "https://a.pictures.test/"],
)  # fmt: skip
def test_a_host_that_is_not_on_the_list_is_not_even_resolved(url: str) -> None:
    def resolver(_host: str, _port: int) -> Sequence[Address]:
        raise AssertionError("resolved")

    assert code_of(Fetcher(["pictures.test"], resolver=resolver), url) == "url_not_allowed"


@pytest.mark.parametrize(
    "url",
    ["", "pictures.test", "ftp://pictures.test/", "file:///etc/passwd", "http://", "http://user:pw@pictures.test/",
     "http://pictures.test:99999/", "http://pictures.test/a b", "http://pictures.test/\r\nX: y", "http://pictures.test\\@x/",
     "gopher://pictures.test/", "http://[::1/"],
)  # fmt: skip
def test_what_is_no_url_is_refused(url: str) -> None:
    assert code_of(Fetcher(["pictures.test"], resolver=to("127.0.0.1")), url) in ("url_invalid", "url_not_allowed")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "fec0::1", "feff::1", "3fff::1",
     "192.88.99.1", "2002:c058:6301::", "::ffff:192.88.99.1", "64:ff9b:1::1", "168.63.129.16"],
)  # fmt: skip
def test_addresses_of_inner_networks_are_not_connected_to(address: str) -> None:
    for answer in ([address], ["93.184.216.34", address]):
        assert code_of(Fetcher(["pictures.test"], resolver=to(*answer)), "http://pictures.test/") == "url_not_allowed"


def test_a_resolver_that_hangs_is_not_waited_for_and_cannot_take_every_thread() -> None:
    hung, started = threading.Event(), threading.Semaphore(0)

    def hangs(_host: str, _port: int) -> Sequence[Address]:
        started.release()
        hung.wait(60)
        return []

    fetcher = Fetcher(["pictures.test"], resolver=hangs, seconds=0.01)
    before = threading.active_count()
    for _ in range(20):
        assert code_of(fetcher, "http://pictures.test/") == "url_unreachable"
    assert threading.active_count() - before <= 8
    assert started.acquire(timeout=20)
    hung.set()


def test_a_name_is_resolved_once_so_that_a_second_answer_has_no_effect() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[Address]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")]

    with server(answering(b"HTTP/1.1 200 OK\nContent-Length: 1\n", b"a")) as port:
        fetcher = Fetcher([f"pictures.test:{port}"], resolver=rebinding, also_allowed=LOOPBACK)
        assert fetcher.fetch(f"http://pictures.test:{port}/").content == b"a"
        assert asked == ["pictures.test"]
        assert code_of(fetcher, f"http://pictures.test:{port}/") == "url_not_allowed"


def test_redirects_are_not_followed() -> None:
    with server(answering(b"HTTP/1.1 302 Found\nLocation: http://127.0.0.1:1/\nContent-Length: 0\n")) as port:
        assert code_of(near(port), f"http://pictures.test:{port}/") == "url_unreachable"


def test_size_is_bounded_whatever_the_server_announces() -> None:
    big = b"a" * 5000
    for head in (b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 OK\nContent-Length: 5000\n"):
        with server(answering(head, big)) as port:
            assert code_of(near(port, max_bytes=1000), f"http://pictures.test:{port}/") == "url_too_many_bytes"


def test_a_server_that_drips_is_cut_off() -> None:
    stopping = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stopping.wait(0.05):
            connection.sendall(b"X-a: b\r\n")

    with server(drip) as port:
        start = time.monotonic()
        assert code_of(near(port, seconds=0.3), f"http://pictures.test:{port}/") == "url_unreachable"
        assert time.monotonic() - start < 30
        stopping.set()


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\n", b"HTTP/1.1 200 OK\nContent-Length: 10\n", b"HTTP/1.1 500 Oh\nContent-Length: 0\n"]
)
def test_a_broken_answer_is_an_unavailable_url(answer: bytes) -> None:
    with server(answering(answer, b"abc") if answer else lambda _: None) as port:
        assert code_of(near(port), f"http://pictures.test:{port}/") == "url_unreachable"


def test_names_below_a_domain_can_be_allowed_together() -> None:
    def fails(_host: str, _port: int) -> Sequence[Address]:
        raise OSError

    fetcher = Fetcher(["*.pictures.test"], resolver=fails)
    assert code_of(fetcher, "http://a.pictures.test/") == "url_unreachable"
    assert code_of(fetcher, "http://pictures.test/") == "url_not_allowed"
    assert code_of(fetcher, "http://evilpictures.test/") == "url_not_allowed"
