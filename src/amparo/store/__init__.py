"""Floor 6: where the hub's state is kept. ``protocol`` says what a store promises; ``sqlite`` opens the embedded one."""

from amparo.store.protocol import (
    Alert,
    AlertKind,
    CaseRecord,
    Change,
    DeskAct,
    EntryRecord,
    ExportRecord,
    Interface,
    OpinionRecord,
    PartnerRecord,
    RecallRecord,
    ReviewRecord,
    ReviewState,
    Store,
    Transaction,
)
from amparo.store.sqlite import open_sqlite

__all__ = [
    "Alert",
    "AlertKind",
    "CaseRecord",
    "Change",
    "DeskAct",
    "EntryRecord",
    "ExportRecord",
    "Interface",
    "OpinionRecord",
    "PartnerRecord",
    "RecallRecord",
    "ReviewRecord",
    "ReviewState",
    "Store",
    "Transaction",
    "open_sqlite",
]
