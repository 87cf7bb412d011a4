"""Every route of the desk, asked in every role and in none. A route that is not in this table fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from amparo.hub.context import Hub
from amparo.hub.desk.access import NAVIGATION
from amparo.hub.desk.app import PAGES, create_app
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.oidc import Provider
from amparo.hub.desk.passkeys import Passkeys
from amparo.hub.desk.session import Sessions
from amparo.store.staff.protocol import Role
from tests.hub.desks import FORM, DeskDoor, employ

C, S, A, M = Role.CASEWORKER, Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR
EVERYONE, CASES, NOBODY_IN = {C, S, A, M}, {C, S}, None
"""NOBODY_IN: for those who have not entered; what it needs instead, a passkey or a link, is tested in test_passkeys."""

TABLE: dict[str, set[Role] | None] = {
    "GET /enter": NOBODY_IN,
    "POST /enter/options": NOBODY_IN,
    "POST /enter/passkey": NOBODY_IN,
    "GET /invitation": NOBODY_IN,
    "POST /invitation/options": NOBODY_IN,
    "POST /invitation/passkey": NOBODY_IN,
    "GET /enter/oidc": NOBODY_IN,
    "GET /enter/oidc/back": NOBODY_IN,
    "POST /leave": NOBODY_IN,
    "GET /account": EVERYONE,
    "POST /account/options": EVERYONE,
    "POST /account/passkey": EVERYONE,
    "POST /account/remove": EVERYONE,
    "GET /partners": EVERYONE,
    "GET /partners/{partner}": EVERYONE,
    "GET /holds": {C, S, M},
    "POST /holds/{entry}/release": CASES,
    "GET /staff": EVERYONE,
    "POST /staff/invite": {M},
    "POST /staff/{who}/invite-again": {M},
    "POST /staff/{who}/send-away": {M},
    "POST /staff/{who}/subject": {M},
    "GET /reveals": {A, S},
    "GET /proposals": EVERYONE,
    "POST /proposals/erase": CASES,
    "POST /proposals/export": {C, S, A},
    "POST /proposals/policy": {S, M},
    "POST /proposals/{proposal}/decide": {S, M},
    "POST /proposals/{proposal}/take-back": EVERYONE,
    "POST /proposals/{proposal}/link": {M},
    "POST /proposals/{proposal}/fetch": {C, S, A},
    "GET /policy": EVERYONE,
    "GET /addresses": EVERYONE,
    "GET /rules": EVERYONE,
    "GET /rules/{pack}": EVERYONE,
    "POST /policy/keep/{number}": CASES,
    "GET /figures": EVERYONE,
    "GET /figures.csv": {S, A},
}

BELOW: dict[str, set[Role]] = dict.fromkeys(("/cases", "/queue", "/search", "/incidents", "/notices", "/outbox"), CASES)
"""Everything below these addresses is for who works on cases."""


def expected(name: str) -> set[Role] | None:
    """Who may use a route. Raises KeyError for one that nobody has thought of."""
    if name in TABLE:
        return TABLE[name]
    return BELOW["/" + name.partition(" /")[2].partition("/")[0]]


def routes_of(hub: Hub) -> Iterator[str]:
    """Every route of the desk's pages, as they are mounted."""
    desk = Desk(hub, Sessions(hub.clock), Passkeys(hub), Provider(hub))
    for routes in PAGES:
        yield from _named(routes(desk).routes)


def _named(routes: list[BaseRoute]) -> Iterator[str]:
    for route in routes:
        assert isinstance(route, APIRoute)
        for method in sorted(route.methods or ()):
            yield f"{method} {route.path}"


def test_the_table_knows_every_route_and_names_none_that_is_gone(hub: Hub) -> None:
    there = list(routes_of(hub))
    assert len(there) > 40
    assert all(expected(name) is None or expected(name) for name in there)
    assert set(TABLE) <= set(there)
    assert isinstance(create_app(hub), FastAPI)


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_each_route_lets_in_its_roles_and_nobody_else(hub: Hub, role: Role | None) -> None:
    door = DeskDoor(hub)
    for name in routes_of(hub):
        roles = expected(name)
        method, path = name.split(" ")
        if roles is None:
            continue
        client = door.stranger() if role is None else door.signed_in(employ(hub, role))
        address = path.replace("{", "").replace("}", "")
        sent: dict[str, Any] = {"content": "x=1", "headers": FORM}
        if path.endswith("/passkey"):
            sent = {"json": {}}
        answer = client.request(method, address, **sent)
        if role is None:
            assert answer.status_code == 401, name
        elif role in roles:
            assert answer.status_code not in (401, 500), name
            assert "This is not for the role" not in answer.text, name
        else:
            assert answer.status_code == 403, name
            assert "This is not for the role" in answer.text, name


def test_the_navigation_shows_each_role_only_what_it_may_open(hub: Hub) -> None:

    for place in NAVIGATION:
        assert expected(f"GET {place.path}") == set(place.roles), place


@pytest.mark.parametrize("role", Role)
def test_whoever_enters_lands_on_a_page_of_theirs(hub: Hub, role: Role) -> None:
    client = DeskDoor(hub).signed_in(employ(hub, role))
    start = client.get("/")
    assert start.status_code == 303
    assert client.get(start.headers["Location"]).status_code == 200
