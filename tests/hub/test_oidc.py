"""Coming in by the house's own sign-in, over HTTP, at a provider that signs with a real key."""

from __future__ import annotations

import base64
import hmac
import importlib.util
import json
import stat
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from amparo.core.clock import SteppedClock
from amparo.core.errors import InvalidInput
from amparo.hub.app import desk_app
from amparo.hub.commands import staff, subjects
from amparo.hub.context import Hub
from amparo.hub.desk import oidc
from amparo.hub.desk.oidc import ANSWER_WITHIN, BACK, OIDC_COOKIE
from amparo.hub.desk.session import COOKIE
from amparo.hub.provider import ProviderSettings, read_provider, require_protected, write_provider
from amparo.store.staff.protocol import Role, StaffRecord
from tests.asgi import Asked
from tests.hub.desks import ADDRESS, FORM, DeskDoor, employ
from tests.hub.openid import CLIENT, SECRET, Claims, OpenIdProvider, openid_provider, visited


@pytest.fixture
def house(hub: Hub, clock: SteppedClock) -> Generator[OpenIdProvider]:
    with openid_provider(clock) as provider:
        write_provider(hub.provider_file, provider.settings())
        yield provider


@pytest.fixture
def desk(hub: Hub, house: OpenIdProvider) -> Asked:
    return Asked(desk_app(hub), ADDRESS)


@pytest.fixture
def ana(hub: Hub, house: OpenIdProvider) -> StaffRecord:
    administrator, ana = employ(hub, Role.ADMINISTRATOR), employ(hub, Role.CASEWORKER, "Ana")
    subjects.bind(hub, administrator, ana.id, house.address, house.subject)
    return ana


def sent_out(desk: Asked, ticket: str = "") -> str:
    """Where the desk sends the browser."""
    answer = desk.get("/enter/oidc", params={"ticket": ticket} if ticket else {})
    assert answer.status_code == 303
    return answer.headers["Location"]


def enter(desk: Asked, ticket: str = "", **changed: str) -> httpx.Response:
    """The whole way there and back. changed: what the browser brings back otherwise than the provider said."""
    return desk.get(BACK, params={**visited(sent_out(desk, ticket)), **changed})


def refused(desk: Asked, answer: httpx.Response, words: str = "was not accepted") -> bool:
    """Refused in these words, and nobody is in."""
    return answer.status_code == 401 and words in answer.text and desk.get("/account").status_code == 401


def test_a_bound_account_comes_in_with_its_own_role(desk: Asked, ana: StaffRecord) -> None:
    assert "Sign in with the house" in desk.get("/enter").text
    answer = enter(desk)
    assert answer.status_code == 200
    assert "url=/" in answer.text
    kept = next(line for line in answer.headers.get_list("Set-Cookie") if line.startswith(f"{COOKIE}="))
    assert "HttpOnly" in kept
    assert "samesite=strict" in kept.lower()
    assert "Ana</a>, caseworker" in desk.get("/account").text
    assert desk.get("/reveals").status_code == 403


def test_the_question_carries_no_secret_and_is_new_each_time(desk: Asked, house: OpenIdProvider) -> None:
    first, second = (parse_qs(urlsplit(sent_out(desk)).query) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43
    assert SECRET not in json.dumps(first)
    assert first["redirect_uri"] == ["http://localhost:8003/enter/oidc/back"]
    started = desk.get("/enter/oidc").headers["Set-Cookie"].lower()
    assert OIDC_COOKIE in started
    assert "samesite=lax" in started
    assert "httponly" in started


def test_a_provider_that_takes_its_secret_in_the_form(desk: Asked, house: OpenIdProvider, ana: StaffRecord) -> None:
    house.basic = False
    assert enter(desk).status_code == 200


def signed_by_nobody(claims: Claims, _key: RSAKey) -> str:
    parts = ({"alg": "none", "kid": "one"}, claims)
    return ".".join(_unpadded(json.dumps(part).encode()) for part in parts) + "."


def signed_by_the_public_key(claims: Claims, key: RSAKey) -> str:
    """Whoever takes any algorithm takes a public key for a shared secret."""
    parts = ({"alg": "HS256", "kid": "one"}, claims)
    signed = ".".join(_unpadded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_unpadded(hmac.digest(key.as_pem(private=False), signed.encode(), 'sha256'))}"


def no_token(_claims: Claims, _key: RSAKey) -> str:
    return "a.b.c"


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


WRONG: dict[str, Callable[[Claims], object]] = {
    "nonce": lambda claims: claims.update(nonce="another"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "expired": lambda claims: claims.update(exp=claims["iat"] - 61, iat=claims["iat"] - 100),
    "no end": lambda claims: claims.pop("exp"),
    "issued long ago": lambda claims: claims.update(iat=claims["iat"] - 601),
    "issued tomorrow": lambda claims: claims.update(iat=claims["iat"] + 86_400),
    "audience": lambda claims: claims.update(aud="another-client"),
    "no audience": lambda claims: claims.pop("aud"),
    "also for another": lambda claims: claims.update(aud=[CLIENT, "another-client"]),
    "through another": lambda claims: claims.update(aud=[CLIENT, "another-client"], azp="another-client"),
    "issuer": lambda claims: claims.update(iss="https://elsewhere.test"),
    "subject is a number": lambda claims: claims.update(sub=7),
    "no subject": lambda claims: claims.pop("sub"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_token_that_says_something_else_lets_nobody_in(
    desk: Asked, house: OpenIdProvider, ana: StaffRecord, what: str
) -> None:
    def spoil(claims: Claims) -> None:
        WRONG[what](claims)

    house.spoil = spoil
    assert refused(desk, enter(desk)), what


@pytest.mark.parametrize("mint", [signed_by_nobody, signed_by_the_public_key, no_token])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    desk: Asked, house: OpenIdProvider, ana: StaffRecord, mint: Callable[[Claims, RSAKey], str]
) -> None:
    house.mint = mint
    assert refused(desk, enter(desk))


def test_a_token_under_another_key_lets_nobody_in(desk: Asked, house: OpenIdProvider, ana: StaffRecord) -> None:
    house.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert refused(desk, enter(desk))
    house.key, house.signed_with = house.signed_with, None
    assert enter(desk).status_code == 200, "a provider may change its key from one entrance to the next"


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"state": ""},
        {"state": "é"},
        {"iss": "https://elsewhere.test"},
        {"code": ""},
        {"code": "x"},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_to_another_question_lets_nobody_in(desk: Asked, ana: StaffRecord, changed: dict[str, str]) -> None:
    assert refused(desk, enter(desk, **changed))


def test_an_answer_in_another_browser_is_nobodys(hub: Hub, desk: Asked, ana: StaffRecord) -> None:
    stolen = visited(sent_out(desk))
    other = Asked(desk_app(hub), ADDRESS)
    assert refused(other, other.get(BACK, params=stolen), "took too long")


def test_an_answer_is_taken_once_and_in_time(desk: Asked, ana: StaffRecord, clock: SteppedClock) -> None:
    brought = visited(sent_out(desk))
    cookie = desk.cookies.get(OIDC_COOKIE)
    assert desk.get(BACK, params=brought).status_code == 200
    desk.cookies.clear()
    desk.cookies.set(OIDC_COOKIE, cookie or "")
    assert refused(desk, desk.get(BACK, params=brought), "took too long")
    desk.cookies.clear()
    # The same code under a question of its own: the provider takes it once.
    fresh = visited(sent_out(desk))
    assert refused(desk, desk.get(BACK, params={**fresh, "code": brought["code"]}))
    late = visited(sent_out(desk))
    clock.advance(ANSWER_WITHIN)
    assert refused(desk, desk.get(BACK, params=late), "took too long")


def test_a_code_of_another_question_fails_at_pkce(hub: Hub, desk: Asked, ana: StaffRecord) -> None:
    other = Asked(desk_app(hub), ADDRESS)
    theirs, mine = visited(sent_out(other)), visited(sent_out(desk))
    assert refused(desk, desk.get(BACK, params={**mine, "code": theirs["code"]}))


def test_nobody_gets_an_account_by_signing_in(hub: Hub, desk: Asked, house: OpenIdProvider, ana: StaffRecord) -> None:
    before = staff.staff_lines(hub)
    house.subject = "mallory@house"
    assert refused(desk, enter(desk), "«mallory@house»")
    assert staff.staff_lines(hub) == before


def test_who_was_sent_away_stays_out_and_is_bound_anew_by_an_invitation(
    hub: Hub, desk: Asked, house: OpenIdProvider, ana: StaffRecord
) -> None:
    administrator = employ(hub, Role.ADMINISTRATOR)
    assert enter(desk).status_code == 200
    staff.send_away(hub, administrator, ana.id)
    assert desk.get("/account").status_code == 401
    assert refused(desk, enter(desk), "Nobody at this desk")
    invited = staff.invite_again(hub, administrator, ana.id)
    desk.cookies.clear()
    assert refused(desk, enter(desk), "Nobody at this desk")
    assert "sign in with the house" in desk.get("/invitation", params={"ticket": invited.secret}).text
    assert enter(desk, invited.secret).status_code == 200
    assert "Ana" in desk.get("/account").text
    other = Asked(desk_app(hub), ADDRESS)
    assert refused(other, enter(other, invited.secret), "wrong, too old or used")
    assert enter(other).status_code == 200


def test_a_subject_is_of_one_person_and_of_one_provider(
    hub: Hub, desk: Asked, house: OpenIdProvider, ana: StaffRecord, clock: SteppedClock
) -> None:
    invited = staff.invite(hub, employ(hub, Role.ADMINISTRATOR), "Berta", Role.AUDITOR)
    assert enter(desk, invited.secret).status_code == 409
    assert desk.get("/account").status_code == 401
    with openid_provider(clock) as elsewhere:
        elsewhere.subject = house.subject
        write_provider(hub.provider_file, elsewhere.settings())
        other = Asked(desk_app(hub), ADDRESS)
        assert refused(other, enter(other), "Nobody at this desk")


def test_an_administrator_binds_and_unbinds_on_the_page(hub: Hub, house: OpenIdProvider) -> None:
    door, ana = DeskDoor(hub), employ(hub, Role.CASEWORKER, "Ana")
    client, stranger = door.signed_in(employ(hub, Role.ADMINISTRATOR)), door.stranger()
    path = f"/staff/{ana.id}/subject"
    said = client.post(path, content=urlencode({"subject": house.subject}), headers=FORM)
    assert said.status_code == 303
    assert house.subject in client.get("/staff").text
    assert enter(stranger).status_code == 200
    client.post(path, content="subject=", headers=FORM)
    assert stranger.get("/account").status_code == 401, "open sessions end"
    assert refused(stranger, enter(stranger), "Nobody at this desk")
    assert client.post(path, content="subject=" + "x" * 256, headers=FORM).status_code == 422


def test_without_settings_or_the_library_there_is_no_such_way_in(
    hub: Hub, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(hub: Hub) -> None:
        client = DeskDoor(hub).signed_in(employ(hub, Role.ADMINISTRATOR))
        assert "/enter/oidc" not in client.get("/enter").text
        assert client.get("/enter/oidc").status_code == 404
        assert client.get(BACK).status_code == 404
        assert "Subject at" not in client.get("/staff").text

    looked(hub)
    write_provider(hub.provider_file, ProviderSettings("https://id.example.org", "c", "s", "the house"))
    real = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> Any:
        return None if name == "joserfc" else real(name, package)

    monkeypatch.setattr(oidc.importlib.util, "find_spec", found)
    looked(hub)


def test_a_provider_that_is_away_or_calls_itself_something_else_is_not_trusted(
    desk: Asked, house: OpenIdProvider, hub: Hub
) -> None:
    house.issuer_said = "https://elsewhere.test"
    assert desk.get("/enter/oidc").status_code == 503
    write_provider(hub.provider_file, replace(house.settings(), issuer=house.address + "/nothing"))
    assert Asked(desk_app(hub), ADDRESS).get("/enter/oidc").status_code == 503
    write_provider(hub.provider_file, replace(house.settings(), issuer="http://127.0.0.1:1"))
    assert Asked(desk_app(hub), ADDRESS).get("/enter/oidc").status_code == 503
    assert desk.get("/enter").status_code == 200


def test_the_settings_are_private_and_read_strictly(hub: Hub) -> None:
    path, settings = hub.provider_file, ProviderSettings("https://id.example.org", "desk", SECRET, "the house")
    assert read_provider(path) is None
    write_provider(path, settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_provider(path) == settings
    assert SECRET not in repr(settings)
    path.chmod(0o640)
    with pytest.raises(InvalidInput) as caught:
        read_provider(path)
    assert caught.value.code == "oidc_settings_exposed"
    path.chmod(0o600)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_provider(path)
    assert caught.value.code == "oidc_settings_invalid"


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example.org",
        "ftp://127.0.0.1",
        "https://",
        "",
        "https://a@b.example",
        "https://id.example#x",
        "http://[::",
        "http://127.0.0.1.example.org",
        "https://id.example:port",
    ],
)
def test_no_provider_is_reached_in_the_open(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_protected(address)
    assert caught.value.code == "oidc_unprotected"


@pytest.mark.parametrize(
    "address", ["https://id.example.org/x", "http://localhost:9", "http://[::1]:9", "http://127.8.8.8"]
)
def test_a_provider_by_https_or_on_this_machine_is_reached(address: str) -> None:
    assert require_protected(address) == address


def test_answering_late_does_not_keep_questions_for_ever(desk: Asked, clock: SteppedClock) -> None:
    first = visited(sent_out(desk))
    clock.advance(ANSWER_WITHIN + timedelta(seconds=1))
    assert refused(desk, desk.get(BACK, params=first), "took too long")
