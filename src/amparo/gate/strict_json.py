"""JSON that can be stored and told again: what Python's reader lets through and its writers refuse is refused at the door."""

from __future__ import annotations

import json

from amparo.core.errors import InvalidInput


def read_json(raw: bytes | str) -> object:
    """What ``raw`` says.

    Raises InvalidInput ``json_invalid`` for what is no JSON, and for what RFC 8259 and UTF-8 cannot say: numbers without an
    end (NaN, 1e999), halves of characters ("\\ud800").
    """
    try:
        content: object = json.loads(raw)
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput("json_invalid", "This is not JSON that can be used.") from error
    return content


def is_text(value: str) -> bool:
    """Whether UTF-8 can say it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
