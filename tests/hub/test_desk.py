"""The desk's pages about one partner and about holds, asked as a browser asks, without a script."""

from __future__ import annotations

import re
import secrets

import pytest

from amparo.bank import EntryState, Opinion
from amparo.core.ids import EntryId
from amparo.gate.card import PartnerCard
from amparo.hub.app import desk_app
from amparo.hub.commands import feedback, partners, person, stopncii
from amparo.hub.commands.partner_page import partner_page
from amparo.hub.context import Hub
from amparo.signal.fingerprint import SignalType
from tests.asgi import Asked
from tests.hub.desks import FORM, signed_in
from tests.hub.hubs import fingerprints, pseudonym, told


@pytest.fixture
def desk(hub: Hub) -> Asked:
    return signed_in(hub, name="Ana")


def opened(hub: Hub, count: int) -> list[EntryId]:
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(count))
    return [one.picture.entry for one in person.view_case(hub, code).pictures]


def says(hub: Hub, card: PartnerCard, *said: tuple[EntryId, Opinion]) -> None:
    opinions = {pseudonym(hub, card.partner, entry): opinion for entry, opinion in said}
    feedback.judge_entries(hub, partners.authenticate(hub, card.key), opinions)


def held(hub: Hub) -> tuple[EntryId, list[PartnerCard]]:
    (entry,) = opened(hub, 1)
    cards = [partners.add_partner(hub, name) for name in ("P", "Q<b>")]
    for card in cards:
        says(hub, card, (entry, Opinion.REJECT))
    return entry, cards


def test_the_overview_leads_to_a_partners_page_with_its_account(desk: Asked, hub: Hub) -> None:
    entries = opened(hub, 6)
    card = partners.add_partner(hub, "Plaza <i>")
    told(hub, card.partner)
    partners.acknowledge(hub, card.partner, partners.feed_head(hub) - 1)
    opinions = [Opinion.CONFIRM] * 3 + [Opinion.REJECT, Opinion.ASK]
    says(hub, card, *zip(entries, opinions, strict=False))
    link = re.search(r'href="(/partners/[0-9a-f]{32})">Plaza &lt;i&gt;<', desk.get("/partners").text)
    assert link is not None
    page = desk.get(link[1])
    assert page.status_code == 200
    assert "<td>6</td><td>3</td><td>1</td><td>1</td><td>75.0 %</td>" in page.text
    assert "no opinions yet" in page.text
    assert "has not confirmed the last 1 steps" in page.text
    assert "<td>1 to 6</td><td>6</td>" in page.text
    assert not any(one.hex in page.text for one in fingerprints(6))
    assert card.key.partition(".")[2] not in page.text


def test_what_was_withdrawn_or_never_sent_is_not_held(hub: Hub) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(4))
    card, other = partners.add_partner(hub, "P"), partners.add_partner(hub, "Q")
    told(hub, card.partner, limit=3)
    assert kinds(hub, card) == {SignalType.PDQ: 3}
    first = person.view_case(hub, code).pictures[0].picture.entry
    person.withdraw_picture(hub, code, first)
    assert kinds(hub, card) == {SignalType.PDQ: 2}
    assert kinds(hub, other) == {}


def kinds(hub: Hub, card: PartnerCard) -> dict[SignalType, int]:
    return {bank.kind: bank.held for bank in partner_page(hub, card.partner).banks if bank.held}


def test_the_page_says_of_a_stock_client_that_it_keeps_what_was_withdrawn(desk: Asked, hub: Hub) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    card = partners.add_partner(hub, "P")
    record = partners.authenticate(hub, card.key)
    assert stopncii.fetch_page(hub, record, card.key, stopncii.FROM_THE_BEGINNING, 100, "").records
    assert "It follows withdrawals" in desk.get(f"/partners/{card.partner}").text
    person.withdraw_case(hub, code)
    assert "It still matches what was withdrawn." in desk.get(f"/partners/{card.partner}").text


def test_a_hold_is_listed_and_released_by_a_button_and_who_did_it_is_on_record(desk: Asked, hub: Hub) -> None:
    entry, _ = held(hub)
    page = desk.get("/holds").text
    assert "P: reject; Q&lt;b&gt;: reject" in page
    assert not any(one.hex in page for one in fingerprints(1))
    action = re.search(r'<form method="post" action="(/holds/[0-9a-f]{32}/release)">', page)
    assert action is not None
    assert entry in action[1]
    released = desk.post(action[1], content="release=1", headers=FORM)
    assert (released.status_code, released.headers["Location"]) == (303, "/holds")
    after = desk.get("/holds").text
    assert "Nothing waits." in after
    assert f"<code>{entry}</code> released by Ana" in after
    with hub.store.read() as transaction:
        record = transaction.entry(entry)
        (act,) = transaction.acts(9)
        staff = transaction.staff.named("Ana")
    assert staff is not None
    assert record is not None
    assert record.entry.state is EntryState.ACTIVE
    assert (act.act, act.entry, act.by, act.at) == ("hold-released", entry, staff.id, hub.clock.now())
    again = desk.post(action[1], content="release=1", headers=FORM)
    assert again.status_code == 409
    assert "</html>" in again.text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.test"}], ids=str)
def test_another_sites_page_cannot_release(desk: Asked, hub: Hub, headers: dict[str, str]) -> None:
    entry, _ = held(hub)
    answer = desk.post(f"/holds/{entry}/release", content="release=1", headers=FORM | headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "request_from_elsewhere")
    with hub.store.read() as transaction:
        assert transaction.entries_held(9)
        assert transaction.acts(9) == []


def test_without_a_session_nothing_is_shown_or_released(hub: Hub) -> None:
    entry, (card, _) = held(hub)
    stranger = Asked(desk_app(hub), "http://desk.test")
    for answer in (
        stranger.get("/holds"),
        stranger.get(f"/partners/{card.partner}"),
        stranger.post(f"/holds/{entry}/release", content="release=1", headers=FORM),
    ):
        assert answer.status_code == 401
        assert entry not in answer.text
    with hub.store.read() as transaction:
        assert transaction.entries_held(9)


@pytest.mark.parametrize("path", ["/partners/x", "/partners/" + "ab" * 16])
def test_an_unknown_partner_is_not_there(desk: Asked, path: str) -> None:
    assert desk.get(path).status_code == 404


def test_an_unknown_entry_is_not_released(desk: Asked, hub: Hub) -> None:
    assert desk.post("/holds/x/release", content="release=1", headers=FORM).status_code == 404
    with hub.store.read() as transaction:
        assert transaction.acts(9) == []
