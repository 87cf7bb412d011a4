"""Coming in to the desk as browsers do, with an authenticator in software: invitations, passkeys, what is refused."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, Unauthenticated
from amparo.hub.app import desk_app
from amparo.hub.commands import staff
from amparo.hub.context import Hub
from amparo.hub.desk.passkeys import Challenges, Passkeys, Purpose
from amparo.hub.desk.session import COOKIE
from amparo.store.staff.protocol import Role, StaffRecord
from tests.asgi import Asked
from tests.hub.authenticator import PRESENT, Authenticator
from tests.hub.desks import ADDRESS, FORM, employ

JSON = {"Content-Type": "application/json"}
ORIGIN = "http://localhost:8003"


@pytest.fixture
def desk(hub: Hub) -> Asked:
    return Asked(desk_app(hub), ADDRESS)


def send(desk: Asked, path: str, content: Any = None) -> httpx.Response:
    return desk.post(path, json=content or {})


def accept(desk: Asked, secret: str, device: Authenticator) -> httpx.Response:
    options = send(desk, f"/invitation/options?ticket={secret}")
    if options.status_code != 200:
        return options
    return send(desk, f"/invitation/passkey?ticket={secret}", device.create(options.json()))


def enter(desk: Asked, device: Authenticator) -> httpx.Response:
    return send(desk, "/enter/passkey", device.get(send(desk, "/enter/options").json()))


def arrived(desk: Asked, hub: Hub) -> Authenticator:
    """The first administrator, in for the first time."""
    device = Authenticator(ORIGIN)
    assert accept(desk, staff.link_from_machine(hub, "Ana").secret, device).status_code == 200
    return device


def test_a_link_from_the_machine_makes_the_first_administrator_once(desk: Asked, hub: Hub) -> None:
    invited = staff.link_from_machine(hub, "Ana")
    page = desk.get("/invitation", params={"ticket": invited.secret})
    assert page.status_code == 200, "a preview of the link uses nothing up"
    assert "Welcome, Ana" in page.text
    answer = accept(desk, invited.secret, Authenticator(ORIGIN))
    assert answer.json() == {"to": "/"}
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "samesite=strict" in answer.headers["Set-Cookie"].lower()
    assert "Ana" in desk.get("/staff").text
    stranger = Asked(desk_app(hub), ADDRESS)
    again = accept(stranger, invited.secret, Authenticator(ORIGIN))
    assert (again.status_code, again.json()["code"]) == (401, "desk_link_invalid")
    assert stranger.get("/staff").status_code == 401
    (line,) = staff.staff_lines(hub)
    assert (line.passkeys, line.staff.role) == (1, Role.ADMINISTRATOR)


def test_two_who_follow_one_link_at_the_same_time_are_not_both_let_in(desk: Asked, hub: Hub) -> None:
    secret = staff.link_from_machine(hub).secret
    devices = [Authenticator(ORIGIN), Authenticator(ORIGIN)]
    options = [send(desk, f"/invitation/options?ticket={secret}").json() for _ in devices]
    answers = [device.create(asked) for device, asked in zip(devices, options, strict=True)]
    status = [send(desk, f"/invitation/passkey?ticket={secret}", answer).status_code for answer in answers]
    assert status == [200, 401]


def test_a_passkey_opens_the_desk_again_and_again_until_somebody_is_sent_away(desk: Asked, hub: Hub) -> None:
    device = arrived(desk, hub)
    with hub.store.read() as transaction:
        ana = transaction.staff.named("Ana")
    assert ana is not None
    for _ in range(2):
        later = Asked(desk_app(hub), ADDRESS)
        assert enter(later, device).status_code == 200
        assert later.get("/account").status_code == 200
    other = employ(hub, Role.ADMINISTRATOR, "Berta")
    staff.send_away(hub, other, ana.id)
    assert desk.get("/account").status_code == 401, "sessions that were open end too"
    assert enter(Asked(desk_app(hub), ADDRESS), device).status_code == 401


def test_an_old_link_opens_nothing_and_a_newer_one_replaces_it(desk: Asked, hub: Hub, clock: SteppedClock) -> None:
    first = staff.link_from_machine(hub).secret
    second = staff.link_from_machine(hub).secret
    assert desk.get("/invitation", params={"ticket": first}).status_code == 401
    clock.advance(staff.MACHINE_LINK_LIVES - timedelta(seconds=1))
    assert desk.get("/invitation", params={"ticket": second}).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert desk.get("/invitation", params={"ticket": second}).status_code == 401


@pytest.mark.parametrize("ticket", ["", "a", "é", "%00", "A" * 43, "=" * 4])
def test_a_wrong_link_opens_nothing(desk: Asked, hub: Hub, ticket: str) -> None:
    staff.link_from_machine(hub)
    assert desk.get("/invitation", params={"ticket": ticket}).status_code == 401
    assert send(desk, "/invitation/options?ticket=" + ticket.replace("%", "%25")).status_code == 401


@pytest.mark.parametrize(
    "device",
    [
        Authenticator("http://127.0.0.1:8003"),
        Authenticator("https://localhost:8003"),
        Authenticator("http://elsewhere.test"),
        Authenticator(ORIGIN, flags=PRESENT),
        Authenticator(ORIGIN, flags=0),
    ],
    ids=["by its address", "over https", "another site", "nobody verified", "nobody there"],
)
def test_a_passkey_of_another_place_or_without_its_person_is_refused(
    desk: Asked, hub: Hub, device: Authenticator
) -> None:
    answer = accept(desk, staff.link_from_machine(hub).secret, device)
    assert (answer.status_code, answer.json()["code"]) == (401, "passkey_refused")
    assert "Set-Cookie" not in answer.headers
    assert not staff.has_administrator(hub)


def test_entering_needs_the_person_the_place_the_key_and_its_owner(desk: Asked, hub: Hub) -> None:
    device = arrived(desk, hub)
    wrong = {
        "nobody verified": Authenticator(ORIGIN, flags=PRESENT, uses=9),
        "another place": Authenticator("http://elsewhere.test", uses=9),
        "another key": Authenticator(ORIGIN, uses=9),
    }
    for name, other in wrong.items():
        other.credential, other.user = device.credential, device.user
        if name != "another key":
            other.key = device.key
        refused = enter(Asked(desk_app(hub), ADDRESS), other)
        assert (refused.status_code, refused.json()["code"]) == (401, "passkey_refused"), name
    owner, device.user = device.user, "AAAA"
    device.uses = 20
    assert enter(Asked(desk_app(hub), ADDRESS), device).status_code == 401
    device.user = owner
    assert enter(Asked(desk_app(hub), ADDRESS), device).status_code == 200


def test_a_copy_of_an_authenticator_that_counts_less_is_refused(desk: Asked, hub: Hub) -> None:
    device = arrived(desk, hub)
    enter(desk, device)
    enter(desk, device)
    device.uses = 0
    refused = enter(Asked(desk_app(hub), ADDRESS), device)
    assert refused.json()["code"] == "passkey_refused"


def test_an_authenticator_that_counts_nothing_is_let_in(desk: Asked, hub: Hub) -> None:
    device = Authenticator(ORIGIN, counts=False)
    accept(desk, staff.link_from_machine(hub).secret, device)
    assert [enter(desk, device).status_code for _ in range(2)] == [200, 200]


def test_an_answer_is_taken_once_and_in_time_and_for_its_purpose(desk: Asked, hub: Hub, clock: SteppedClock) -> None:
    device = arrived(desk, hub)
    answer = device.get(send(desk, "/enter/options").json())
    assert send(desk, "/enter/passkey", answer).status_code == 200
    again = send(desk, "/enter/passkey", answer)
    assert (again.status_code, again.json()["code"]) == (401, "challenge_over")
    late = device.get(send(desk, "/enter/options").json())
    clock.advance(timedelta(minutes=5))
    assert send(desk, "/enter/passkey", late).json()["code"] == "challenge_over"
    enter(desk, device)
    crossed = send(desk, "/account/options").json()
    options = {"rpId": crossed["rp"]["id"], "challenge": crossed["challenge"]}
    assert send(desk, "/enter/passkey", device.get(options)).json()["code"] == "challenge_over"


def test_a_challenge_for_one_person_serves_no_other(hub: Hub) -> None:
    ana, berta = employ(hub, name="Ana"), employ(hub, name="Berta")
    passkeys, device = Passkeys(hub), Authenticator(ORIGIN)
    answer = device.create(dict(passkeys.ask_registration(ana, Purpose.ANOTHER)))
    with pytest.raises(Unauthenticated) as caught:
        passkeys.registered(berta, Purpose.ANOTHER, answer)
    assert caught.value.code == "challenge_over"


def test_challenges_that_nobody_answers_make_room(hub: Hub, clock: SteppedClock) -> None:
    challenges = Challenges(clock)
    first = challenges.give(Purpose.ENTER)
    kept = [challenges.give(Purpose.ENTER) for _ in range(10_000)][-1]
    with pytest.raises(Unauthenticated):
        challenges.take(first, Purpose.ENTER)
    challenges.take(kept, Purpose.ENTER)


def test_somebody_keeps_several_passkeys_and_removes_all_but_the_last(desk: Asked, hub: Hub) -> None:
    first = arrived(desk, hub)
    options = send(desk, "/account/options").json()
    assert [one["id"] for one in options["excludeCredentials"]], "the same device is not asked to make a second one"
    second = Authenticator(ORIGIN)
    assert send(desk, "/account/passkey", second.create(options, "Key <b>")).json() == {"to": "/account"}
    page = desk.get("/account").text
    assert "Key &lt;b&gt;" in page
    assert enter(Asked(desk_app(hub), ADDRESS), second).status_code == 200
    lost = options["excludeCredentials"][0]["id"]
    removed = desk.post("/account/remove", content=f"credential={lost}", headers=FORM)
    assert removed.status_code == 303
    assert enter(Asked(desk_app(hub), ADDRESS), first).status_code == 401
    mine = second.create(options)["credential"]["id"]
    assert desk.post("/account/remove", content=f"credential={mine}", headers=FORM).status_code == 409
    assert desk.post("/account/remove", content="credential=A", headers=FORM).status_code == 404
    assert enter(Asked(desk_app(hub), ADDRESS), second).status_code == 200


def test_nobody_removes_another_persons_passkey(desk: Asked, hub: Hub) -> None:
    arrived(desk, hub)
    with hub.store.read() as transaction:
        (theirs,) = transaction.staff.passkeys()
    with pytest.raises(AmparoError) as caught:
        staff.remove_passkey(hub, employ(hub, Role.ADMINISTRATOR, "Berta"), theirs.credential)
    assert caught.value.code == "passkey_unknown"


def test_an_administrator_invites_and_the_link_is_shown_once(desk: Asked, hub: Hub) -> None:
    arrived(desk, hub)
    page = desk.post("/staff/invite", content="name=Carla+%3Ci%3E&role=caseworker", headers=FORM)
    link = page.text.partition(f'value="{ORIGIN}/invitation?ticket=')[2].partition('"')[0]
    assert len(link) == 43
    assert link not in desk.get("/staff").text
    newcomer = Asked(desk_app(hub), ADDRESS)
    assert accept(newcomer, link, Authenticator(ORIGIN)).status_code == 200
    assert "Carla &lt;i&gt;</a>, caseworker" in newcomer.get("/account").text
    assert newcomer.post("/staff/invite", content="name=D&role=administrator", headers=FORM).status_code == 403


@pytest.mark.parametrize("form", ["name=&role=auditor", "name=A&role=", "name=A&role=chief", "role=auditor"])
def test_an_invitation_without_a_name_or_a_role_is_refused(desk: Asked, hub: Hub, form: str) -> None:
    arrived(desk, hub)
    assert desk.post("/staff/invite", content=form, headers=FORM).status_code == 422


def test_a_lost_passkey_is_a_new_invitation_and_the_old_one_ends_at_once(desk: Asked, hub: Hub) -> None:
    device = arrived(desk, hub)
    cookie = desk.cookies[COOKIE]
    berta = employ(hub, Role.ADMINISTRATOR, "Berta")
    with hub.store.read() as transaction:
        ana = transaction.staff.named("Ana")
    assert ana is not None
    with pytest.raises(AmparoError, match="two_needed"):
        staff.invite_again(hub, berta, ana.id)
    assert desk.get("/staff").status_code == 200
    invited = staff.link_from_machine(hub, "Ana")
    assert desk.get("/staff").status_code == 401, "a session that was open ends, too"
    assert enter(Asked(desk_app(hub), ADDRESS), device).status_code == 401
    assert cookie
    fresh = Authenticator(ORIGIN)
    assert accept(Asked(desk_app(hub), ADDRESS), invited.secret, fresh).status_code == 200
    assert enter(Asked(desk_app(hub), ADDRESS), fresh).status_code == 200


def test_once_there_is_an_administrator_the_machine_must_say_whom_it_means(desk: Asked, hub: Hub) -> None:
    arrived(desk, hub)
    for name, code in ((None, "staff_name_missing"), ("Zoe", "staff_unknown")):
        with pytest.raises(AmparoError) as caught:
            staff.link_from_machine(hub, name)
        assert caught.value.code == code
    assert staff.link_from_machine(hub, "Ana").staff.name == "Ana"


def test_nobody_sends_themselves_away(hub: Hub) -> None:
    ana = employ(hub, Role.ADMINISTRATOR, "Ana")
    with pytest.raises(AmparoError) as caught:
        staff.send_away(hub, ana, ana.id)
    assert caught.value.code == "staff_is_self"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_staff_commands_ask_for_the_role_themselves(hub: Hub, role: Role) -> None:
    by, other = employ(hub, role), employ(hub, name="Other")
    for act in (
        lambda: staff.invite(hub, by, "New", Role.ADMINISTRATOR),
        lambda: staff.invite_again(hub, by, other.id),
        lambda: staff.send_away(hub, by, other.id),
    ):
        with pytest.raises(AmparoError) as caught:
            act()
        assert caught.value.code == "role_missing"


_TEXT = st.text(max_size=20) | st.sampled_from(["public-key", "AAAA", "{}", "e30", "o2NmbXQ"])
_JSON = st.recursive(st.none() | st.booleans() | st.integers() | _TEXT, lambda inner: st.lists(inner, max_size=3))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_page_sends_is_refused_by_a_typed_error(hub: Hub, data: st.DataObject) -> None:
    """Answers that are almost right: one part of a real answer is something else."""
    passkeys, who = Passkeys(hub), _somebody(hub)
    device = Authenticator(ORIGIN)
    if data.draw(st.booleans(), "registration"):
        answer = device.create(dict(passkeys.ask_registration(who, Purpose.ANOTHER)))
        spoil(answer, data)
        with pytest.raises(AmparoError):
            passkeys.registered(who, Purpose.ANOTHER, answer)
    else:
        answer = device.create(dict(passkeys.ask_registration(who, Purpose.ANOTHER)))
        staff.add_passkey(hub, who, passkeys.registered(who, Purpose.ANOTHER, answer))
        answer = device.get(dict(passkeys.ask_entrance()))
        spoil(answer, data)
        with pytest.raises(AmparoError):
            passkeys.entered(answer)


def _somebody(hub: Hub) -> StaffRecord:
    return employ(hub, name=f"Somebody {secrets.token_hex(4)}")


def spoil(answer: dict[str, Any], data: st.DataObject) -> None:
    """Put something else where the ceremony looks; never into what it may leave unread."""
    credential = answer["credential"]
    places = [(answer, "challenge"), (answer, "credential"), (credential, "id"), (credential, "rawId")]
    places += [(credential, "type"), (credential, "response")]
    places += [(credential["response"], name) for name in credential["response"]]
    where, name = data.draw(st.sampled_from(places))
    before = where[name]
    where[name] = data.draw(
        (_JSON | st.just(before[:-3] if isinstance(before, str) else 7)).filter(lambda v: v != before)
    )
