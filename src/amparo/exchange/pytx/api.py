"""``SignalExchangeAPI`` for an Amparo hub: verified pages, deletes that delete, opinions that arrive.

Records are kept by the partner's pseudonym of an entry, not by value: a tombstone names no value, and two people may
protect the same picture, of whom one withdraws.
"""

from __future__ import annotations

import json
import secrets
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from threatexchange.exchanges import auth, fetch_state, signal_exchange_api
from threatexchange.exchanges.collab_config import CollaborationConfigBase
from threatexchange.signal_type.pdq.signal import PdqSignal
from threatexchange.signal_type.signal_base import SignalType

from amparo.core.clock import SystemClock, from_text, to_text
from amparo.core.errors import InvalidInput
from amparo.core.ids import PartnerId, is_id
from amparo.core.keys import VerifyKey
from amparo.exchange.native import Addition, Expectation, FeedPage, verify_page
from amparo.exchange.stopncii import FeedbackValue, HashFeedback, encode_feedbacks

_SECONDS: t.Final = 60.0
_PAGE: t.Final = 2000
_FEEDBACKS: t.Final = {
    fetch_state.SignalOpinionCategory.POSITIVE_CLASS: FeedbackValue.BLOCKED,
    fetch_state.SignalOpinionCategory.NEGATIVE_CLASS: FeedbackValue.NOT_BLOCKED,
    fetch_state.SignalOpinionCategory.INVESTIGATION_SEED: FeedbackValue.PENDING_REVIEW,
}


@dataclass
class AmparoCheckpoint(fetch_state.FetchCheckpointBase):
    """Everything up to ``cursor`` is applied; head and issued_at (RFC 3339): of the newest page, which may not go back."""

    cursor: int
    head: int
    issued_at: str

    def get_progress_timestamp(self) -> int | None:
        return int(from_text(self.issued_at).timestamp())


@dataclass
class AmparoEntry:
    """One entry of the feed; value: 64 hexadecimal digits."""

    value: str
    case: str


@dataclass
class AmparoSignalMetadata(fetch_state.FetchedSignalMetadata):
    """entries: the partner's pseudonyms of the entries with this value."""

    entries: list[str] = field(default_factory=list[str])

    def get_as_opinions(self) -> t.Sequence[fetch_state.SignalOpinion]:
        # A match is a lead, never proof: the platform's people decide.
        seed = fetch_state.SignalOpinionCategory.INVESTIGATION_SEED
        return [fetch_state.SignalOpinion(False, seed, set[str]())]


@dataclass
class AmparoCredentials(auth.CredentialHelper):
    """What a partner card holds. The variable has the card's path, or its text."""

    ENV_VARIABLE: t.ClassVar[str] = "TX_AMPARO_CARD"
    FILE_NAME: t.ClassVar[str] = "~/.tx_amparo_card"

    hub_url: str = field(metadata={"help": "where the hub answers"})
    hub_key: str = field(metadata={"help": "the hub's public key, 64 hexadecimal digits"})
    partner: str = field(metadata={"help": "our id at the hub"})
    key: str = field(metadata={"help": "our secret key"})

    @classmethod
    def _from_str(cls, s: str) -> AmparoCredentials:
        text = s.strip()
        if not text.startswith("{"):
            text = Path(text).expanduser().read_text(encoding="utf-8")
        content: dict[str, t.Any] = json.loads(text)
        return cls(*(str(content[name]) for name in ("hub_url", "hub_key", "partner", "key")))

    def _are_valid(self) -> bool:
        try:
            VerifyKey.from_hex(self.hub_key)
        except InvalidInput:
            return False
        return is_id(self.partner) and bool(self.key) and self.hub_url.startswith(("https://", "http://"))


class AmparoSignalExchangeAPI(
    auth.SignalExchangeWithAuth[CollaborationConfigBase, AmparoCredentials],
    signal_exchange_api.SignalExchangeAPI[
        CollaborationConfigBase, AmparoCheckpoint, AmparoSignalMetadata, str, AmparoEntry
    ],
):
    """An Amparo hub as an exchange. Raises Amparo's VerificationFailed for a page that must not be used."""

    def __init__(self, credentials: AmparoCredentials) -> None:
        super().__init__()
        self._credentials = credentials
        self._key = VerifyKey.from_hex(credentials.hub_key)

    @classmethod
    def get_name(cls) -> str:
        return "amparo"

    @staticmethod
    def get_config_cls() -> type[CollaborationConfigBase]:
        return CollaborationConfigBase

    @staticmethod
    def get_checkpoint_cls() -> type[AmparoCheckpoint]:
        return AmparoCheckpoint

    @staticmethod
    def get_record_cls() -> type[AmparoSignalMetadata]:
        return AmparoSignalMetadata

    @staticmethod
    def get_credential_cls() -> type[AmparoCredentials]:
        return AmparoCredentials

    @classmethod
    def for_collab(
        cls, collab: CollaborationConfigBase, credentials: AmparoCredentials | None = None
    ) -> AmparoSignalExchangeAPI:
        del collab  # one card, one feed
        return cls(credentials or AmparoCredentials.get(cls))

    @classmethod
    def naive_convert_to_signal_type(
        cls,
        signal_types: t.Sequence[type[SignalType]],
        collab: CollaborationConfigBase,
        fetched: t.Mapping[str, AmparoEntry],
    ) -> dict[type[SignalType], dict[str, AmparoSignalMetadata]]:
        del collab
        if PdqSignal not in signal_types:
            return {}
        by_value: dict[str, AmparoSignalMetadata] = {}
        for entry, record in fetched.items():
            by_value.setdefault(record.value, AmparoSignalMetadata()).entries.append(entry)
        return {PdqSignal: by_value} if by_value else {}

    def fetch_iter(
        self, supported_signal_types: t.Sequence[type[SignalType]], checkpoint: AmparoCheckpoint | None
    ) -> t.Iterator[fetch_state.FetchDelta[str, AmparoEntry, AmparoCheckpoint]]:
        del supported_signal_types  # the feed has PDQ only
        standing = checkpoint
        with self._client() as client:
            while True:
                page = self._page(client, standing)
                updates: dict[str, AmparoEntry | None] = {}
                for change in page.changes:
                    added = isinstance(change, Addition)
                    updates[change.entry] = AmparoEntry(change.fingerprint.hex, change.case) if added else None
                issued_at = to_text(page.issued_at)
                if standing is not None:
                    # A hub's clock may go back by a little; tx takes a checkpoint that does for a broken one.
                    issued_at = max(issued_at, standing.issued_at)
                standing = AmparoCheckpoint(page.cursor, page.head, issued_at)
                yield fetch_state.FetchDelta(updates, standing)
                if not page.more:
                    # No further question: it would tell the hub that this page is applied, and the library saves later.
                    return

    def report_opinion(self, s_type: type[SignalType], signal: str, opinion: fetch_state.SignalOpinion) -> None:
        """Tell the hub what our people say of a value. When this returns, it is on the hub's disk.

        An opinion by value goes through the hub's door for StopNCII's format, which names values.
        """
        if s_type is not PdqSignal:
            raise NotImplementedError
        told = HashFeedback(signal, _FEEDBACKS[opinion.category], tuple(sorted(opinion.tags)))
        headers = {
            "Content-Type": "application/json",
            "x-functions-key": self._credentials.key,
            "Ocp-Apim-Subscription-Key": self._credentials.partner,
        }
        with self._client() as client:
            answer = client.post("/stopncii/SubmitFeedback", content=encode_feedbacks([told]), headers=headers)
            answer.raise_for_status()

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._credentials.hub_url, timeout=_SECONDS, trust_env=False)

    def _page(self, client: httpx.Client, standing: AmparoCheckpoint | None) -> FeedPage:
        nonce = secrets.token_hex(16)
        after = standing.cursor if standing else 0
        question = {"after": after, "limit": _PAGE, "nonce": nonce}
        headers = {"Authorization": f"Bearer {self._credentials.key}"}
        answer = client.get("/partner/v1/feed", params=question, headers=headers)
        answer.raise_for_status()
        expected = Expectation(
            key=self._key,
            partner=PartnerId(self._credentials.partner),
            after=after,
            nonce=nonce,
            head=standing.head if standing else 0,
            issued_at=from_text(standing.issued_at) if standing else None,
            now=SystemClock().now(),
        )
        return verify_page(answer.content, expected)
