"""Under which jurisdiction a country is: the Union's rules bind its members, every other rule here one country."""

from __future__ import annotations

from typing import Final

UNION: Final = "EU"
_MEMBERS: Final = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)


def jurisdictions_of(country: str) -> tuple[str, ...]:
    """As packs name them, the country's own first. country: ISO 3166-1."""
    return (country, UNION) if country in _MEMBERS else (country,)
