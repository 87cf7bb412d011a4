"""What a gate's people say of entries: ``{"opinions": [{"entry": 32 hex, "opinion": "confirm" | "reject" | "ask"}]}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from amparo.bank import Opinion
from amparo.core.canonical import canonical_bytes
from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId, is_id

MAXIMUM_OPINIONS: Final = 500


def encode_opinions(opinions: Mapping[EntryId, Opinion]) -> bytes:
    """Canonical JSON; the entries are the partner's pseudonyms."""
    told = [{"entry": entry, "opinion": opinion.value} for entry, opinion in opinions.items()]
    return canonical_bytes({"opinions": told})


def decode_opinions(raw: bytes) -> dict[EntryId, Opinion]:
    """Inverse of ``encode_opinions``; of several on one entry, the last counts. Raises InvalidInput ``opinions_malformed``."""
    try:
        told = cast("list[dict[str, Any]]", json.loads(raw)["opinions"])
        if len(told) > MAXIMUM_OPINIONS:
            raise ValueError(f"{len(told)} at once")
        return dict(_opinion_of(one) for one in told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("opinions_malformed", "These opinions could not be read.", detail=str(error)) from error


def decode_opinion(raw: bytes) -> tuple[EntryId, Opinion]:
    """One member of the list above by itself, as a gate is told. Raises InvalidInput ``opinions_malformed``."""
    try:
        return _opinion_of(cast("dict[str, Any]", json.loads(raw)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("opinions_malformed", "This opinion could not be read.", detail=str(error)) from error


def _opinion_of(content: dict[str, Any]) -> tuple[EntryId, Opinion]:
    entry = content["entry"]
    if not isinstance(entry, str) or not is_id(entry) or set(content) != {"entry", "opinion"}:
        raise ValueError("an opinion is not one")
    return EntryId(entry), Opinion(content["opinion"])
