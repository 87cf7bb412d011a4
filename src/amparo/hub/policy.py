"""What the desk has set for the whole hub: how long things are kept. Changed by two people only (``commands.proposals``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from amparo.core.errors import InvalidInput
from amparo.hub.context import Hub
from amparo.store import Transaction

FINGERPRINT_DAYS: Final = "fingerprint_days"
CASE_IDLE_DAYS: Final = "case_idle_days"
CASE_NOTICE_DAYS: Final = "case_notice_days"


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of days. least, most: what two people may set it to; default: None for what the hub was started with."""

    name: str
    label: str
    least: int
    most: int
    default: int | None


SETTINGS: Final = {
    one.name: one
    for one in (
        Setting(FINGERPRINT_DAYS, "How many days a new fingerprint is kept", 30, 3650, None),
        Setting(
            CASE_IDLE_DAYS,
            "After how many days without a step a case that protects nothing any more is due",
            30,
            3650,
            365,
        ),
        Setting(CASE_NOTICE_DAYS, "How many days such a case is shown as due before it is erased", 7, 365, 30),
    )
}


@dataclass(frozen=True, slots=True)
class SettingNow:
    """changed_at, by: when and by whose decision it was last changed; None and "" for a default."""

    setting: Setting
    days: int
    changed_at: datetime | None = None
    by: str = ""


def settings_now(hub: Hub, transaction: Transaction) -> list[SettingNow]:
    """In the order of ``SETTINGS``."""
    changed = {record.name: record for record in transaction.staff.policy()}
    names = {str(one.id): one.name for one in transaction.staff.everyone()}
    now: list[SettingNow] = []
    for setting in SETTINGS.values():
        record = changed.get(setting.name)
        if record is None:
            now.append(SettingNow(setting, _default(hub, setting)))
        else:
            by = names.get(record.changed_by, record.changed_by)
            now.append(SettingNow(setting, int(record.value), record.changed_at, by))
    return now


def time_of(hub: Hub, transaction: Transaction, name: str) -> timedelta:
    """What a setting says now."""
    for record in transaction.staff.policy():
        if record.name == name:
            return timedelta(days=int(record.value))
    return timedelta(days=_default(hub, SETTINGS[name]))


def fingerprints_live(hub: Hub, transaction: Transaction) -> timedelta:
    """How long what is banked now will be kept. What is banked already keeps the end that it was given."""
    return time_of(hub, transaction, FINGERPRINT_DAYS)


def checked_days(name: str, text: str) -> int:
    """Raises InvalidInput ``policy_unknown``, ``policy_invalid``."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise InvalidInput("policy_unknown", "There is no such setting.")
    if not text.isascii() or not text.isdecimal() or not setting.least <= int(text[:9]) <= setting.most:
        raise InvalidInput("policy_invalid", f"{setting.label}: a whole number from {setting.least} to {setting.most}.")
    return int(text)


def _default(hub: Hub, setting: Setting) -> int:
    return hub.settings.retention.days if setting.default is None else setting.default
