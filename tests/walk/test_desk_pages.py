"""The desk in a real browser: a partner's page, and a hold that is released by its button."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from amparo.bank import Opinion
from amparo.hub.commands import feedback, partners, person
from amparo.hub.desk.session import COOKIE
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor, employ
from tests.hub.hubs import fingerprints, open_hub, pseudonym, told
from tests.walk.running import free_ports
from tests.walk.test_walk import assert_accessible

pytestmark = pytest.mark.browser


def test_a_caseworker_looks_at_a_partner_and_releases_a_hold(chromium: Browser, tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path / "hub")
    code = person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1))
    entry = person.view_case(hub, code).pictures[0].picture.entry
    for name in ("Plaza", "Foro"):
        card = partners.add_partner(hub, name)
        told(hub, card.partner)
        opinion = {pseudonym(hub, card.partner, entry): Opinion.REJECT}
        feedback.judge_entries(hub, partners.authenticate(hub, card.key), opinion)
        clock.advance(timedelta(minutes=1))
    (port,) = free_ports(1)
    door = DeskDoor(hub)
    with served(door.app, port, hub.bell.close) as address:
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.context.add_cookies([{"name": COOKIE, "value": door.cookie(employ(hub, name="Ana")), "url": address}])
        page.goto(f"{address}/partners")
        assert_accessible(page)
        press(page, page.get_by_role("link", name="Plaza"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Plaza")
        assert_accessible(page)
        press(page, page.get_by_role("link", name="Holds"))
        expect(page.get_by_text("Plaza: reject; Foro: reject")).to_be_visible()
        assert_accessible(page)
        press(page, page.get_by_role("button", name="Release"))
        expect(page.get_by_text("Nothing waits.")).to_be_visible()
        assert_accessible(page)
        page.close()
    hub.close()
