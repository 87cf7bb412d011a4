"""Addresses and keys that cannot be used are told at once, and by the code of an error of ours."""

from __future__ import annotations

import pytest

from amparo.core.errors import InvalidInput, Unavailable
from amparo.gate import Gate


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://[::1",
            "http://127.0.0.1:port",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:0",
            "http://",
            "",
            "gate",
        ),
        *("127.0.0.1:8001", "ftp://127.0.0.1", "http://a\0", "http://xn--", "http://a..b", f"http://{'a' * 300}.es"),
    ],
)
def test_what_is_no_address_of_a_server_is_told_at_once(url: str) -> None:
    with pytest.raises(InvalidInput, match="gate_address_invalid"):
        Gate.from_url(url, "key")


@pytest.mark.parametrize("key", ["contraseña", "\udcf1", "two\nlines", "nul\0"])
def test_a_key_that_cannot_stand_in_a_request_is_told_at_once(key: str) -> None:
    with pytest.raises(InvalidInput, match="gate_key_invalid"):
        Gate.from_url("http://127.0.0.1:1", key)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://127.0.0.1:1/below/"])
def test_a_sound_address_where_nothing_answers_is_unavailable(url: str) -> None:
    with Gate.from_url(url, "key") as gate, pytest.raises(Unavailable, match="gate_unreachable"):
        gate.check(b"picture")
