"""Canonical bytes: what is signed or hashed has one spelling only (RFC 8785, JSON Canonicalization Scheme)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


def canonical_bytes(value: Json) -> bytes:
    """RFC 8785 bytes of a JSON value. Raises ValueError for what JSON cannot say (NaN, integers beyond 2**53)."""
    return rfc8785.dumps(value)  # pyright: ignore[reportArgumentType]  # their alias asks for dict and list; ours is wider
