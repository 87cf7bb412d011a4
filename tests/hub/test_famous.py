"""A picture that everybody has is not stopped because one person asks for it."""

from __future__ import annotations

import secrets
from pathlib import Path

from amparo.bank import Opinion
from amparo.bank.famous import FAMOUS_FILE
from amparo.exchange.native import Addition, decode_page
from amparo.hub.commands import feedback, partners, person
from amparo.hub.commands.holds import holds
from amparo.hub.context import HubSettings
from tests.hub.hubs import fingerprints, near, open_hub, pseudonym

NONCE = "0" * 32


def test_a_famous_picture_or_a_copy_of_it_waits_for_a_caseworker(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    famous, own, later = fingerprints(3)
    (folder / FAMOUS_FILE).write_text(f"{famous.hex}  everybody.jpg\n")
    hub, _ = open_hub(folder, HubSettings(canaries=0))
    partner = partners.add_partner(hub, "Demo")

    def shown() -> set[str]:
        page = decode_page(partners.feed_page(hub, partner.partner, 0, 100, NONCE))[0]
        return {change.fingerprint.hex for change in page.changes if isinstance(change, Addition)}

    code = person.open_case(hub, secrets.token_bytes(16), "en", [near(famous, 9), own])
    assert shown() == {own.hex}
    assert [one.state for one in person.view_case(hub, code).pictures] == ["held", "active"]
    person.add_pictures(hub, code, [later, famous])
    assert shown() == {own.hex, later.hex}
    waiting = [line.entry for line in holds(hub).waiting]
    assert len(waiting) == 2
    # Not even its own owner's or a partner's word brings it into the feed: only the desk's.
    known = {pseudonym(hub, partner.partner, entry): Opinion.CONFIRM for entry in waiting}
    feedback.judge_entries(hub, partners.authenticate(hub, partner.key), known)
    assert shown() == {own.hex, later.hex}
    feedback.release(hub, waiting[0])
    assert len(shown()) == 3
    hub.close()
