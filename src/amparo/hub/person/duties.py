"""The duty to report that whoever reads a person's words is under: shown before any field, with its rule."""

from __future__ import annotations

from typing import Final

from amparo.hub.context import Hub
from amparo.notice.pack import RulePack

_RULES: Final = {"ES": "es-lopivi"}


def duty_to_tell(hub: Hub) -> RulePack | None:
    """The rule of the hub's country; None where none is recorded, and the page says that there may be one."""
    rule = _RULES.get(hub.settings.country)
    return hub.office.packs.get(rule) if rule else None
