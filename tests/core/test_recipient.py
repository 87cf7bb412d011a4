"""Sealing to a bearer's public key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import IntegrityViolation
from amparo.core.recipient import recipient_key, seal_to, unseal_with


@given(st.text(min_size=1), st.binary(max_size=200), st.text())
def test_what_is_sealed_to_a_secret_opens_with_it(secret: str, content: bytes, context: str) -> None:
    assert unseal_with(secret, seal_to(recipient_key(secret), content, context), context) == content


def test_two_seals_of_the_same_content_have_nothing_in_common() -> None:
    one, two = (seal_to(recipient_key("s"), bytes(32), "c") for _ in range(2))
    assert one[:44] != two[:44]
    assert bytes(8) not in one


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 60, 91])
def test_another_secret_place_byte_or_length_opens_nothing(length: int) -> None:
    sealed = seal_to(recipient_key("mine"), bytes(32), "here")
    spoiled = bytes([sealed[0] ^ 1]) + sealed[1:]
    for secret, content, context in (
        ("other", sealed, "here"),
        ("mine", sealed, "there"),
        ("mine", spoiled, "here"),
        ("mine", sealed[:length], "here"),
        ("mine", bytes(length), "here"),
    ):
        with pytest.raises(IntegrityViolation, match="seal_broken"):
            unseal_with(secret, content, context)
