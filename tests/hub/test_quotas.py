"""What one partner may tell and ask in a time, over the doors it comes through."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.bank import Action
from amparo.core.clock import SteppedClock
from amparo.core.errors import InvalidInput, NotFound, Unavailable
from amparo.core.ids import SightingId, random_id
from amparo.exchange.native import SightingReport, encode_reports
from amparo.gate.card import PartnerCard
from amparo.hub.app import public_app
from amparo.hub.commands import partners, person
from amparo.hub.commands.quotas import LEAST_A_DAY, set_quotas
from amparo.hub.context import Hub
from tests.asgi import Asked
from tests.hub.hubs import NONCE, fingerprints, pseudonym


@pytest.fixture
def card(hub: Hub) -> PartnerCard:
    return partners.add_partner(hub, "Demo")


def seen(hub: Hub, card: PartnerCard, count: int) -> list[SightingReport]:
    person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    with hub.store.read() as transaction:
        entry = pseudonym(hub, card.partner, transaction.changes(0, 1)[0].entry)
    return [
        SightingReport(SightingId(random_id()), entry, hub.clock.now(), 2, Action.BLOCK, "upload") for _ in range(count)
    ]


def test_sightings_beyond_a_days_quota_are_refused_whole_and_taken_the_next_day(
    hub: Hub, clock: SteppedClock, card: PartnerCard
) -> None:
    with hub.store.write() as transaction:
        record = transaction.partner(card.partner)
        assert record is not None
        transaction.update_partner(replace(record, daily_sightings=4))
    public = Asked(public_app(hub), "http://hub.test")
    reports = seen(hub, card, 6)

    def tell(some: list[SightingReport]) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {card.key}", "Content-Type": "application/json"}
        answer = public.post("/partner/v1/sightings", content=encode_reports(some), headers=headers)
        return answer.status_code, answer.headers.get("Retry-After", "")

    assert tell(reports[:5]) == (503, "3600")
    assert tell(reports[:4]) == (200, "")
    assert tell(reports[4:]) == (503, "3600")
    with hub.store.read() as transaction:
        assert transaction.sightings_since(card.partner, clock.now()) == 4
    clock.advance(timedelta(days=1, microseconds=1))
    assert tell(reports[4:]) == (200, "")


def test_pages_asked_too_fast_are_refused_for_this_partner_only(
    hub: Hub, card: PartnerCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("amparo.hub.pace.monotonic", lambda: now)
    other = partners.add_partner(hub, "Other")
    set_quotas(hub, "Demo", fetches=3)
    public = Asked(public_app(hub), "http://hub.test")

    def doors(who: PartnerCard) -> list[int]:
        keys = {"x-functions-key": who.key, "Ocp-Apim-Subscription-Key": who.partner}
        native = {"Authorization": f"Bearer {who.key}"}
        return [
            public.get("/partner/v1/feed", params={"nonce": NONCE}, headers=native).status_code,
            public.get("/stopncii/FetchHashes", headers=keys).status_code,
        ]

    assert doors(card) == [200, 200]
    assert doors(card) == [200, 503], "every format counts"
    refused = public.get("/partner/v1/feed", params={"nonce": NONCE}, headers={"Authorization": f"Bearer {card.key}"})
    assert (refused.status_code, refused.json()["code"]) == (503, "partner_quota")
    assert refused.headers["Retry-After"] == "20"
    assert doors(other) == [200, 200]
    now += 20
    assert doors(card) == [200, 503]


def test_quotas_are_set_one_by_one_and_kept(hub: Hub, card: PartnerCard) -> None:
    before = partners.authenticate(hub, card.key)
    assert (before.daily_opinions, before.daily_sightings, before.fetches_a_minute) == (10_000, 100_000, 600)
    set_quotas(hub, "Demo", sightings=LEAST_A_DAY)
    assert partners.authenticate(hub, card.key) == replace(before, daily_sightings=LEAST_A_DAY)
    with pytest.raises(NotFound):
        set_quotas(hub, "Nobody", fetches=1)


@pytest.mark.parametrize("wrong", [{"opinions": LEAST_A_DAY - 1}, {"sightings": 0}, {"fetches": 0}], ids=str)
def test_a_quota_below_one_full_request_is_refused(hub: Hub, card: PartnerCard, wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        set_quotas(hub, "Demo", **wrong)
    assert caught.value.code == "quota_too_small"


def test_a_full_bucket_is_that_of_the_partner(hub: Hub, card: PartnerCard) -> None:
    record = replace(partners.authenticate(hub, card.key), fetches_a_minute=2)
    for _ in range(2):
        hub.fetches.take(record.id, record.fetches_a_minute)
    with pytest.raises(Unavailable):
        hub.fetches.take(record.id, record.fetches_a_minute)


UNKNOWN = [f"{number:032x}" for number in range(5)]
VALUES = [f"{number:064x}" for number in range(5)]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/partner/v1/opinions", {"opinions": [{"entry": one, "opinion": "reject"} for one in UNKNOWN]}),
        (
            "/partner/v1/sightings",
            {
                "sightings": [
                    {
                        "id": one, "entry": one, "seen_at": "2026-03-01T12:00:00.000000Z", "distance": 0,
                        "action": "block", "place": "x",
                    }
                    for one in UNKNOWN
                ]
            },
        ),
        (
            "/stopncii/SubmitFeedback",
            {"hashFeedbacks": [{"hashValue": one, "feedbackValue": "NotBlocked"} for one in VALUES]},
        ),
        (
            "/stopncii/SubmitHashes",
            {"hashRecords": [{"hashValue": one, "signalType": "ImagePDQ"} for one in VALUES]},
        ),
    ],
    ids=["opinions", "sightings", "feedback", "submissions"],
)  # fmt: skip
def test_what_the_hub_does_not_know_counts_too(hub: Hub, card: PartnerCard, path: str, told: object) -> None:
    with hub.store.write() as transaction:
        record = transaction.partner(card.partner)
        assert record is not None
        transaction.update_partner(replace(record, daily_sightings=12, daily_opinions=12))
    public = Asked(public_app(hub), "http://hub.test")
    headers = {
        "Authorization": f"Bearer {card.key}", "x-functions-key": card.key, "Ocp-Apim-Subscription-Key": card.partner,
        "Content-Type": "application/json",
    }  # fmt: skip
    answers = [public.post(path, content=json.dumps(told), headers=headers) for _ in range(4)]
    taken = 403 if path.endswith("SubmitHashes") else 200
    assert [answer.status_code for answer in answers] == [taken, taken, 503, 503]
    assert answers[-1].json()["code"] == "partner_quota"


def test_what_could_not_be_kept_does_not_count(hub: Hub, card: PartnerCard, monkeypatch: pytest.MonkeyPatch) -> None:
    partner = replace(partners.authenticate(hub, card.key), daily_sightings=5)
    reports = seen(hub, card, 5)
    with monkeypatch.context() as broken:
        broken.setattr(type(hub.store), "write", refusing)
        for _ in range(3):
            with pytest.raises(Unavailable) as caught:
                partners.tell_sightings(hub, partner, reports)
            assert caught.value.code == "store_busy"
    assert len(partners.tell_sightings(hub, partner, reports).accepted) == 5


def refusing(_store: object) -> None:
    raise Unavailable("store_busy", "Please try again.")
