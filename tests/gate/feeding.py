"""What tests of the gate share: a gate without a hub's server, its feed, its keys, and synthetic pictures as files."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from starlette.types import ASGIApp

from amparo.bank import Policy, TombstoneReason
from amparo.core.clock import Clock, SteppedClock
from amparo.core.ids import EntryId, PartnerId, random_id
from amparo.core.keys import SigningKey, bearer_digest, new_bearer_secret, new_key
from amparo.exchange.native import Addition, FeedPage, Tombstone
from amparo.gate.access import roles_of
from amparo.gate.card import PartnerCard
from amparo.gate.runtime import GateRuntime
from amparo.signal.fingerprint import Pdq
from tests.pictures import photo_like

NO_HUB = "http://127.0.0.1:9"


def jpeg(seed: int, side: int = 256, quality: int = 90) -> bytes:
    """A picture that PDQ finds rich; the same seed is the same picture, in any size and quality."""
    picture = Image.fromarray(photo_like(256, 256, seed)).resize((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo_like(256, 256, seed)).save(file, "PNG")
    return file.getvalue()


def new_gate(
    folder: Path, policy: Policy | None = None, *, dry_run: bool = False, clock: Clock | None = None
) -> GateRuntime:
    """A gate whose hub does not exist; ``start`` is not called."""
    key = SigningKey(new_key()).public
    card = PartnerCard(NO_HUB, key.hex, PartnerId(random_id()), "Tests", "no-secret")
    return GateRuntime(card, folder, clock or SteppedClock(), policy, dry_run=dry_run)


class Feed:
    """Writes pages into a gate as its follower would after verifying them."""

    def __init__(self, gate: GateRuntime) -> None:
        self._gate = gate

    def add(self, *fingerprints: Pdq) -> list[EntryId]:
        entries = [EntryId(random_id()) for _ in fingerprints]
        expires = self._gate.clock.now() + timedelta(days=30)
        at = self._cursor()
        self._apply(
            [
                Addition(at + place, entry, random_id(), fingerprint, expires)
                for place, (entry, fingerprint) in enumerate(zip(entries, fingerprints, strict=True), start=1)
            ]
        )
        return entries

    def withdraw(self, *entries: EntryId) -> None:
        at = self._cursor()
        self._apply([Tombstone(at + place, e, TombstoneReason.WITHDRAWN) for place, e in enumerate(entries, start=1)])

    def _cursor(self) -> int:
        standing = self._gate.replica.standing()
        assert standing is not None
        return standing.cursor

    def _apply(self, changes: Sequence[Addition | Tombstone]) -> None:
        card, cursor = self._gate.card, changes[-1].sequence
        page = FeedPage(
            card.verify_key.hub_id, card.partner, self._cursor(), cursor, cursor, secrets.token_hex(16),
            self._gate.clock.now(), tuple(changes),
        )  # fmt: skip
        self._gate.engine.apply(lambda: self._gate.replica.apply(page))


def key_for(gate: GateRuntime, *roles: str) -> str:
    """A new key with these roles."""
    secret = new_bearer_secret()
    gate.replica.allow_client(random_id(), bearer_digest(secret), roles_of(roles))
    return secret


class AppClient:
    """Asks an ASGI application within this process, one question after the other, from a stranger's address."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 40000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://gate.test", headers=headers)

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **sent))

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("GET", path, **sent)

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("POST", path, **sent)

    def close(self) -> None:
        self._runner.close()

    def __del__(self) -> None:
        self._runner.close()


def client_for(gate: GateRuntime, app: ASGIApp, *roles: str) -> AppClient:
    """A client of the application with a key of these roles; without any, with no key."""
    headers = {"Authorization": f"Bearer {key_for(gate, *roles)}"} if roles else {}
    return AppClient(app, headers)
