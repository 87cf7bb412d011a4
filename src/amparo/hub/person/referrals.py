"""Whom a person can tell by herself where nobody here may write a letter: a country's own office, with its rule."""

from __future__ import annotations

from typing import Final

from amparo.hub.context import Hub
from amparo.notice.pack import RulePack

_RULES: Final = {"AU": "au-esafety-referral"}


def referral_of(hub: Hub) -> RulePack | None:
    """The rule of the hub's country; None where none is recorded, or the operator has switched it off."""
    rule = _RULES.get(hub.settings.country)
    pack = hub.office.packs.get(rule) if rule else None
    return pack if pack is not None and pack.may_render else None
