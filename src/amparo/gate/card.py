"""The partner card: the one file a platform gets from a hub's operator, with all it needs to join."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from amparo.core.errors import InvalidInput
from amparo.core.ids import PartnerId, is_id
from amparo.core.keys import VerifyKey


@dataclass(frozen=True, slots=True)
class PartnerCard:
    """hub_url: where the hub answers; hub_key: its Ed25519 public key, 64 hex digits; key: our bearer secret."""

    hub_url: str
    hub_key: str
    partner: PartnerId
    name: str
    key: str

    @property
    def verify_key(self) -> VerifyKey:
        return VerifyKey.from_hex(self.hub_key)

    def to_json(self) -> str:
        return json.dumps({"amparo_partner_card": 1, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> PartnerCard:
        """Raises InvalidInput ``partner_card_invalid``."""
        try:
            content = cast("dict[str, Any]", json.loads(text))
            if content.pop("amparo_partner_card") != 1:
                raise ValueError("another version")
            card = cls(**content)
            if not all(isinstance(value, str) for value in asdict(card).values()) or not is_id(card.partner):
                raise ValueError("a member has another type")
            if not _is_address(card.hub_url):
                raise ValueError("the hub's address is not one")
            if not _fits_a_header(card.key):
                raise ValueError("the key has letters that no header can carry")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput("partner_card_invalid", "This is not a partner card.", detail=str(error)) from error
        card.verify_key  # noqa: B018  # a wrong key must be refused here, not at the first page
        return card

    @classmethod
    def read(cls, path: Path) -> PartnerCard:
        """Raises InvalidInput ``partner_card_missing`` or ``partner_card_invalid``."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InvalidInput("partner_card_missing", f"There is no partner card at {path}.") from error
        except UnicodeDecodeError as error:
            raise InvalidInput("partner_card_invalid", "This is not a partner card.") from error


def _is_address(text: str) -> bool:
    """Raises ValueError for a port that is none."""
    parts = urlsplit(text)
    known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return known and not parts.query and not parts.fragment and _fits_a_header(text)


def _fits_a_header(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
