"""The hub over HTTP: its wall, its person's pages, its partners' interface, its desk."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from amparo.bank import TombstoneReason
from amparo.bank.entry import hold
from amparo.case.code import draw, parse
from amparo.core.clock import SteppedClock, to_text
from amparo.core.ids import random_id
from amparo.exchange.native import Addition, decode_page
from amparo.gate.card import PartnerCard
from amparo.hub.app import desk_app, public_app
from amparo.hub.commands import partners
from amparo.hub.context import Hub
from amparo.hub.guard import BODY_LIMIT
from amparo.signal.fingerprint import Pdq
from tests.asgi import Asked
from tests.hub.hubs import NONCE, code_pairs, fingerprints, pseudonym

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def public(hub: Hub) -> Asked:
    return Asked(public_app(hub), "http://hub.test")


@pytest.fixture
def desk(hub: Hub) -> Asked:
    return Asked(desk_app(hub), "http://desk.test")


def written(shown: list[Pdq]) -> list[tuple[str, str]]:
    return [("fingerprint", f"{one.hex}:{one.quality}") for one in shown]


def save(client: Asked, fields: list[tuple[str, str]], **headers: str) -> Any:
    return client.post("/save", content=urlencode(fields), headers=FORM | headers)


def opened(client: Asked, shown: list[Pdq]) -> str:
    answer = save(client, [("request", secrets.token_hex(16)), ("lang", "es"), *written(shown)])
    assert answer.status_code == 200, answer.text
    return answer.json()["code"]


# The wall


@pytest.mark.parametrize("path", ["/", "/save", "/partner/v1/sightings", "/nowhere"])
@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=x",
        "image/jpeg",
        "IMAGE/PNG",
        "application/octet-stream",
        "text/plain",
        "",
        "video/mp4",
    ],
)
def test_no_body_that_could_be_a_picture_comes_in(public: Asked, path: str, kind: str) -> None:
    answer = public.post(path, content=b"\xff\xd8\xff\xe0" * 10, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "body_type_refused")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_meet_the_same_wall(public: Asked, method: str) -> None:
    answer = public.request(method, "/", content=b"x", headers={"Content-Type": "image/jpeg"})
    assert answer.json()["code"] == "body_type_refused"


@pytest.mark.parametrize("path", ["/", "/save", "/partner/v1/sightings"])
def test_a_body_over_the_limit_is_refused_announced_or_in_chunks(public: Asked, hub: Hub, path: str) -> None:
    headers = FORM | {"Authorization": f"Bearer {partners.add_partner(hub, 'Demo').key}"}

    def chunks() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT // 1000 + 1):
            yield b"a" * 1000

    for body in (b"a" * (BODY_LIMIT + 1), chunks()):
        answer = public.post(path, content=body, headers=headers)
        assert answer.status_code == 422
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.test"},
        {"Origin": "null"},
        {"Origin": "http://hub.test.elsewhere.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://hub.test"},
    ],
    ids=str,
)
def test_another_sites_page_cannot_post(public: Asked, headers: dict[str, str]) -> None:
    answer = public.post("/", content="do=home", headers=FORM | headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "request_from_elsewhere")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://hub.test"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
    ids=str,
)
def test_our_own_page_and_programs_can(public: Asked, headers: dict[str, str]) -> None:
    assert public.post("/", content="do=home", headers=FORM | headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/"),
        ("POST", "/save"),
        ("GET", "/leave"),
        ("GET", "/status/live"),
        ("GET", "/nowhere"),
        ("GET", "/static/person.css"),
        ("GET", "/static/nothing.js"),
        ("GET", "/partner/v1/feed"),
        ("POST", "/partner/v1/sightings"),
        ("DELETE", "/"),
    ],
)
def test_every_answer_is_under_our_policy_and_never_cached(public: Asked, method: str, path: str) -> None:
    answer = public.request(method, path, headers=FORM)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy, "no foreign source is allowed"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == ("no-referrer" if path == "/leave" else "same-origin")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "set-cookie" not in answer.headers


# The person's pages


def test_a_case_from_its_opening_to_its_withdrawal(public: Asked, hub: Hub) -> None:
    shown = fingerprints(2)
    code = opened(public, shown)

    def ask(**fields: str) -> str:
        answer = public.post("/", content=urlencode({"lang": "en", "code": code, **fields}), headers=FORM)
        assert answer.status_code == 200, answer.text
        assert "set-cookie" not in answer.headers
        return answer.text

    page = ask(do="open", fresh="1")
    assert code in page
    entry = re.search(r'name="entry" value="([0-9a-f]{32})"', page)
    assert entry is not None
    asked = ask(do="ask-withdraw", entry=entry[1])
    assert re.search(rf'name="entry" value="{entry[1]}"', asked)
    assert "Withdrawn on" not in asked
    assert "Withdrawn on" in ask(do="withdraw", entry=entry[1])
    assert code.split()[0] in ask(do="ask-withdraw-all")
    receipt = re.search(r'name="receipt" value="([^"]+)"', ask(do="withdraw-all"))
    assert receipt is not None
    ask(do="receipt", receipt=receipt[1])
    gone = public.post("/", content=urlencode({"do": "open", "code": code}), headers=FORM)
    assert gone.status_code == 404
    assert not any(fingerprint.hex in gone.text for fingerprint in shown)
    with hub.store.read() as transaction:
        assert transaction.count_cases() == 0


def test_the_page_does_not_say_protected_of_what_is_not(public: Asked, hub: Hub, clock: SteppedClock) -> None:
    code = opened(public, fingerprints(1))

    def page() -> str:
        return public.post("/", content=urlencode({"do": "open", "code": code, "lang": "en"}), headers=FORM).text

    assert "Protected since" in page()
    with hub.store.write() as transaction:
        (record,) = transaction.entries_due(clock.now() + hub.settings.retention, 1)
        transaction.change_entry(hold(record.entry), clock.now(), TombstoneReason.HELD)
    held = page()
    assert "being looked at by a person" in held
    assert "Protected since" not in held
    assert "ask-withdraw" in held
    clock.advance(hub.settings.retention)
    ended = page()
    assert "This protection ended on" in ended
    assert "Protected since" not in ended
    assert 'value="ask-withdraw"' not in ended


def test_unknown_and_withdrawn_codes_get_the_same_bytes(public: Asked) -> None:
    code = opened(public, fingerprints(1))
    public.post("/", content=urlencode({"do": "withdraw-all", "code": code}), headers=FORM)
    unknown = str(draw(secrets.token_bytes(32), "es"))
    answers: list[tuple[str, list[str]]] = []
    for typed in (code, unknown):
        answer = public.post("/", content=urlencode({"do": "open", "code": typed, "lang": "en"}), headers=FORM)
        assert answer.status_code == 404
        answers.append((answer.text.replace(typed, "TYPED"), sorted(set(answer.headers) - {"content-length"})))
    assert answers[0] == answers[1]


def test_no_fingerprint_and_no_case_in_an_address(public: Asked) -> None:
    code = opened(public, fingerprints(1))
    page = public.post("/", content=urlencode({"do": "open", "code": code}), headers=FORM).text
    addresses = re.findall(r'(?:href|action|src)="([^"]*)"', page)
    assert addresses
    assert not any(pair in address for address in addresses for pair in code_pairs(parse(code)))


@pytest.mark.parametrize(
    "body",
    [
        "do=open&code=á",
        b"do=open&code=\xff",
        "&".join(["a=1"] * 3000),
        "do=open",
        "do=withdraw&code=a&entry=b",
        "do=nonsense",
    ],
    ids=["not ascii", "bytes", "many fields", "no code", "no such code", "no such page"],
)
def test_a_form_that_makes_no_sense_gets_a_page(public: Asked, body: str | bytes) -> None:
    answer = public.post("/", content=body.encode() if isinstance(body, str) else body, headers=FORM)
    assert answer.status_code in (200, 404, 422)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "</html>" in answer.text


@pytest.mark.parametrize("receipt", ["", "!!!", "AAAA", "é", "A" * 400])
def test_a_receipt_that_is_none_gets_a_page(public: Asked, receipt: str) -> None:
    answer = public.post("/", content=urlencode({"do": "receipt", "receipt": receipt}), headers=FORM)
    assert answer.status_code == 422
    assert "</html>" in answer.text


GOOD = f"{fingerprints(1)[0].hex}:80"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([("fingerprint", GOOD)], "request_invalid"),
        ([("request", "zz" * 16), ("fingerprint", GOOD)], "request_invalid"),
        ([("request", "ab" * 16)], "pictures_none"),
        ([("request", "ab" * 16), ("fingerprint", GOOD[:-3])], "fingerprint_invalid"),
        ([("request", "ab" * 16), ("fingerprint", GOOD.upper())], "fingerprint_invalid"),
        ([("request", "ab" * 16), ("fingerprint", GOOD[:64] + ":101")], "fingerprint_invalid"),
        ([("request", "ab" * 16), ("fingerprint", GOOD[:64] + ":-1")], "fingerprint_invalid"),
        ([("request", "ab" * 16), ("fingerprint", GOOD[:64] + ":49")], "quality_too_low"),
        ([("code", "one two"), ("fingerprint", GOOD)], "case_code_malformed"),
        ([("code", str(draw(bytes(16), "es"))), ("fingerprint", GOOD)], "case_unknown"),
        ([("request", "ab" * 16), *[("fingerprint", GOOD[:60] + f"{n:04x}:80") for n in range(201)]], "pictures_many"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_saving_nonsense_is_a_problem_document(
    public: Asked, hub: Hub, fields: list[tuple[str, str]], code: str
) -> None:
    answer = save(public, fields)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.status_code == answer.json()["status"]
    with hub.store.read() as transaction:
        assert (transaction.count_cases(), transaction.head()) == (0, 0)


def test_two_hundred_pictures_fit_into_one_request(public: Asked) -> None:
    code = opened(public, fingerprints(200))
    assert len(code.split()) == 8


def test_sending_the_same_request_twice_gets_the_same_code(public: Asked) -> None:
    fields = [("request", secrets.token_hex(16)), ("lang", "en"), *written(fingerprints(1))]
    assert save(public, fields).json() == save(public, fields).json()


def test_leaving_clears_and_redirects(public: Asked, hub: Hub) -> None:
    answer = public.get("/leave")
    assert (answer.status_code, answer.headers["Location"]) == (303, hub.settings.exit_url)
    assert "cache" in answer.headers["Clear-Site-Data"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"


# The partners' interface


@pytest.fixture
def card(hub: Hub) -> PartnerCard:
    return partners.add_partner(hub, "Demo")


def bearer(card: PartnerCard) -> dict[str, str]:
    return {"Authorization": f"Bearer {card.key}"}


def test_a_partner_follows_and_tells(public: Asked, hub: Hub, card: PartnerCard) -> None:
    code = opened(public, fingerprints(1))
    answer = public.get("/partner/v1/feed", params={"nonce": NONCE}, headers=bearer(card))
    assert answer.status_code == 200
    (added,) = decode_page(answer.content)[0].changes
    assert isinstance(added, Addition)
    sighting = {
        "id": random_id(),
        "entry": added.entry,
        "seen_at": to_text(hub.clock.now()),
        "distance": 2,
        "action": "block",
        "place": "<script>alert(1)</script>",
    }
    told = public.post("/partner/v1/sightings", json={"sightings": [sighting]}, headers=bearer(card))
    assert told.json() == {"accepted": [sighting["id"]], "unknown": []}
    page = public.post("/", content=urlencode({"do": "open", "code": code, "lang": "en"}), headers=FORM).text
    assert "A copy was stopped at Demo" in page
    assert "<script>alert" not in page, "a partner's words are words"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic abc", f"Bearer {'a' * 32}.x"])
def test_without_its_key_a_partner_gets_nothing(public: Asked, card: PartnerCard, header: str) -> None:
    for method, path in (("GET", "/partner/v1/feed"), ("POST", "/partner/v1/sightings")):
        answer = public.request(method, path, params={"nonce": NONCE}, headers=JSON | {"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "partner_key_wrong")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"nonce": "A" * 32},
        {"nonce": NONCE, "after": "-1"},
        {"nonce": NONCE, "limit": "0"},
        {"nonce": NONCE, "after": "x"},
        {"nonce": NONCE, "wait": "26"},
        {"nonce": NONCE, "wait": "nan"},
    ],
    ids=str,
)
def test_a_wrong_question_is_a_problem_document(public: Asked, card: PartnerCard, question: dict[str, str]) -> None:
    answer = public.get("/partner/v1/feed", params=question, headers=bearer(card))
    assert (answer.status_code, answer.json()["code"]) == (422, "question_invalid")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_cursor_ahead_of_the_hub_and_an_expired_key_are_told_apart(
    public: Asked, hub: Hub, clock: SteppedClock
) -> None:
    card = partners.add_partner(hub, "Brief", timedelta(days=1))
    ahead = public.get("/partner/v1/feed", params={"nonce": NONCE, "after": 1}, headers=bearer(card))
    assert (ahead.status_code, ahead.json()["code"]) == (409, "cursor_ahead")
    clock.advance(timedelta(days=1))
    late = public.get("/partner/v1/feed", params={"nonce": NONCE}, headers=bearer(card))
    assert (late.status_code, late.json()["code"]) == (401, "partner_key_expired")


def test_malformed_sightings_are_a_problem_document(public: Asked, hub: Hub, card: PartnerCard) -> None:
    answer = public.post("/partner/v1/sightings", content=b"{}", headers=JSON | bearer(card))
    assert (answer.status_code, answer.json()["code"]) == (422, "sightings_malformed")
    assert not answer.json().get("detail", "").startswith("Traceback")


def test_the_largest_batch_a_gate_sends_passes_the_wall(public: Asked, hub: Hub, card: PartnerCard) -> None:
    from amparo.bank import Action
    from amparo.core.ids import EntryId, SightingId
    from amparo.exchange.native import SightingReport, encode_reports
    from amparo.gate import follower

    place = "\N{CJK UNIFIED IDEOGRAPH-20000}" * 80
    named = pseudonym(hub, card.partner, EntryId(random_id()))
    count = follower._REPORTS_AT_ONCE  # pyright: ignore[reportPrivateUsage]
    batch = [
        SightingReport(SightingId(random_id()), named, hub.clock.now(), 256, Action.REVIEW, place) for _ in range(count)
    ]
    answer = public.post("/partner/v1/sightings", content=encode_reports(batch), headers=JSON | bearer(card))
    assert answer.status_code == 200, answer.text


# The desk


def test_the_desk_is_closed_without_a_session(desk: Asked) -> None:
    for cookie in ("", "amparo_desk=x"):
        answer = desk.get("/", headers={"Cookie": cookie})
        assert answer.status_code == 401


def test_the_two_surfaces_share_no_page(public: Asked, desk: Asked) -> None:
    assert public.post("/enter/options", content="{}", headers=JSON).status_code in (404, 405)
    assert desk.post("/save", content="request=ab", headers=FORM).status_code in (404, 405)
    assert desk.get("/partner/v1/feed").status_code in (404, 405)
