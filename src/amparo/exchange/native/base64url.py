"""Base64url without padding (RFC 4648, section 5), one spelling for each value."""

from __future__ import annotations

import base64


def to_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: object) -> bytes:
    """Inverse of ``to_base64url``. Raises ValueError for everything else, padding and loose bits included."""
    if not isinstance(text, str):
        raise ValueError("not base64url")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise ValueError("not base64url") from error
    # The decoder skips what is no letter of the alphabet, and loose bits at the end.
    if to_base64url(raw) != text:
        raise ValueError("not base64url")
    return raw
