"""What the desk's keys open, for whoever runs the hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from amparo.hub.context import Hub


@dataclass(frozen=True, slots=True)
class KeyLine:
    """here: its private half is loaded; cases: whose words it opens, of ``all_cases``."""

    id: str
    created_at: datetime
    retired_at: datetime | None
    here: bool
    cases: int
    all_cases: int


def status(hub: Hub) -> list[KeyLine]:
    """Oldest first, in one consistent picture."""
    with hub.store.read() as transaction:
        everything = transaction.count_cases()
        return [
            KeyLine(
                record.id,
                record.created_at,
                record.retired_at,
                record.id in hub.desk.secrets,
                transaction.words.count_wraps(record.id),
                everything,
            )
            for record in transaction.words.desk_keys()
        ]
