"""The extension inside the real threatexchange library and its command line, against a hub that really listens."""

from __future__ import annotations

import importlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from amparo.bank import EntryState, Opinion
from amparo.core.errors import VerificationFailed
from amparo.gate.card import PartnerCard
from amparo.hub.commands import feedback, partners, person
from tests.hub.formats.serving import Served, Tx, library, serving
from tests.hub.hubs import fingerprints, near


@pytest.fixture
def served(tmp_path: Path) -> Generator[Served]:
    with serving(tmp_path / "hub") as running:
        yield running


def extension() -> Any:
    library("signal_type.pdq.signal")
    return importlib.import_module("amparo.exchange.pytx.api")


class Platform:
    """A platform's program around the library."""

    def __init__(self, served: Served, card: PartnerCard) -> None:
        module = extension()
        card = PartnerCard(served.url, card.hub_key, card.partner, card.name, card.key)
        credentials = module.AmparoCredentials._from_str(card.to_json())
        collab = library("exchanges.collab_config").CollaborationConfigBase("hub", "amparo", True)
        self.collab = collab
        self.exchange = module.AmparoSignalExchangeAPI.for_collab(collab, credentials)
        self.pdq = library("signal_type.pdq.signal").PdqSignal
        self.state: dict[str, Any] = {}
        self.checkpoint: Any = None

    def fetch(self) -> int:
        """How many updates came."""
        count = 0
        for delta in self.exchange.fetch_iter([self.pdq], self.checkpoint):
            self.exchange.naive_fetch_merge(self.state, delta.updates)
            self.checkpoint = delta.checkpoint
            count += len(delta.updates)
        return count

    def signals(self) -> dict[str, Any]:
        return self.exchange.naive_convert_to_signal_type([self.pdq], self.collab, self.state).get(self.pdq, {})

    def matches(self, value: str) -> bool:
        index = self.pdq.get_index_cls().build(self.signals().items())
        return bool(len(index) and index.query(value))


def test_a_withdrawn_fingerprint_stops_matching_after_one_fetch(served: Served) -> None:
    kept, withdrawn = fingerprints(2)
    code = served.protect([kept, withdrawn, *fingerprints(5, seed=9)])
    platform = Platform(served, served.join("P"))
    assert platform.fetch() == 7
    assert platform.matches(near(withdrawn, 5).hex)
    person.withdraw_picture(served.hub, code, served.entry(withdrawn).entry.id)
    assert platform.fetch() == 1
    assert not platform.matches(withdrawn.hex)
    assert platform.matches(kept.hex)
    assert platform.fetch() == 0
    assert person.view_case(served.hub, code).pictures[1].confirmed == ("P",)


def test_a_picture_that_two_people_protect_matches_until_both_have_withdrawn(served: Served) -> None:
    (shared,) = fingerprints(1)
    codes = [served.protect([shared]) for _ in range(2)]
    platform = Platform(served, served.join("P"))
    platform.fetch()
    assert len(platform.signals()[shared.hex].entries) == 2
    for code, left in zip(codes, (True, False), strict=True):
        person.withdraw_case(served.hub, code)
        platform.fetch()
        assert (shared.hex in platform.signals()) is left


def test_pages_of_a_large_feed_follow_each_other(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension(), "_PAGE", 7)
    values = fingerprints(40)
    served.protect(values)
    platform = Platform(served, served.join("P"))
    assert platform.fetch() == 40
    assert set(platform.signals()) == {value.hex for value in values}


def test_opinions_arrive_at_the_hub_hold_the_entry_and_end_the_match(served: Served) -> None:
    (value,) = fingerprints(1)
    served.protect([value, *fingerprints(3, seed=9)])
    category = library("exchanges.fetch_state").SignalOpinionCategory
    opinion = library("exchanges.fetch_state").SignalOpinion
    platforms = [Platform(served, served.join(name)) for name in ("P", "Q")]
    expected = {
        category.POSITIVE_CLASS: Opinion.CONFIRM,
        category.INVESTIGATION_SEED: Opinion.ASK,
        category.NEGATIVE_CLASS: Opinion.REJECT,
    }
    for platform in platforms:
        platform.fetch()
        for spoken, arrived in expected.items():
            platform.exchange.report_opinion(platform.pdq, value.hex, opinion(True, spoken, set()))
            with served.hub.store.read() as transaction:
                assert transaction.opinions(served.entry(value).entry.id)[-1].opinion is arrived
    entry = served.entry(value).entry
    assert entry.state is EntryState.HELD
    platforms[0].fetch()
    assert not platforms[0].matches(value.hex)
    feedback.release(served.hub, entry.id)
    platforms[0].fetch()
    assert platforms[0].matches(value.hex)


def test_a_page_of_another_hub_is_never_applied(served: Served, tmp_path: Path) -> None:
    served.protect(fingerprints(1))
    card = served.join("P")
    with serving(tmp_path / "other") as other:
        stranger = partners.add_partner(other.hub, "P").hub_key
    platform = Platform(served, PartnerCard(served.url, stranger, card.partner, card.name, card.key))
    with pytest.raises(VerificationFailed):
        platform.fetch()
    assert platform.state == {}


@pytest.mark.parametrize("wrong", [{"key": ""}, {"hub_key": "x"}, {"partner": "x"}, {"hub_url": "ftp://x"}])
def test_a_card_with_a_fault_is_no_credential(served: Served, wrong: dict[str, str]) -> None:
    card = json.loads(served.join("P").to_json())
    credentials = extension().AmparoCredentials
    assert credentials._from_str(json.dumps(card))._are_valid()
    assert not credentials._from_str(json.dumps({**card, **wrong}))._are_valid()


def test_the_command_line_loads_the_extension_fetches_matches_and_deletes(served: Served, tmp_path: Path) -> None:
    (value,) = fingerprints(1)
    code = served.protect([value])
    served.protect(fingerprints(4, seed=9))
    card = served.join("P")
    file = tmp_path / "card.json"
    file.write_text(PartnerCard(served.url, card.hub_key, card.partner, card.name, card.key).to_json())
    tx = Tx(tmp_path, {"TX_AMPARO_CARD": str(file)})
    tx("config", "extensions", "add", "amparo.exchange.pytx")
    tx.follow("amparo")
    tx("fetch")
    assert "(hub) INVESTIGATION_SEED" in tx.match(value)
    person.withdraw_case(served.hub, code)
    tx("fetch")
    assert tx.match(value) == ""
