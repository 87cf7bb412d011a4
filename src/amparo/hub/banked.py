"""Which protected pictures look alike, across cases: for what a witness reports, and for cases that may belong together.

Nobody outside is ever told what this finds: see SAFETY.md, never 4 and 6.
"""

from __future__ import annotations

from collections import Counter

from amparo.core.ids import CaseId
from amparo.hub.followed import Followed
from amparo.hub.vault import Vault
from amparo.signal.fingerprint import Pdq, SignalType
from amparo.store import Change, Transaction


class BankedPictures(Followed):
    """The fingerprints of all active pictures of all cases; canaries belong to no case and are left out."""

    def cases_near(self, vault: Vault, transaction: Transaction, fingerprint: Pdq) -> Counter[CaseId]:
        """How many pictures that look like this one (PDQ, 31 bits) each case protects."""
        return Counter(found.case for found in self.near(vault, transaction, fingerprint))

    def _changes(self, transaction: Transaction, after: int, limit: int) -> list[Change]:
        return transaction.changes(after, limit)

    def _value(self, vault: Vault, change: Change) -> Pdq | None:
        if change.canary_of is not None or change.signal_type is not SignalType.PDQ:
            return None
        return vault.case_key(change.case, change.wrapped_key).open_fingerprint(change.entry, change.sealed)
