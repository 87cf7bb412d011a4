"""A gate's data folder with many random fingerprints in it, by the gate's own calls; and questions for it."""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amparo.core.ids import EntryId, PartnerId, random_id
from amparo.core.keys import SigningKey, bearer_digest, new_bearer_secret, new_key
from amparo.exchange.native import Addition, FeedPage
from amparo.gate.access import Role
from amparo.gate.card import PartnerCard
from amparo.gate.engine import FILE, Engine
from amparo.gate.replica import Replica
from amparo.signal.fingerprint import PDQ_BYTES, Pdq

_PAGE = 5000


def fingerprints(count: int, seed: int) -> NDArray[np.uint8]:
    """(count, 32) uint8, uniform."""
    return np.random.default_rng(seed).integers(0, 256, (count, PDQ_BYTES), dtype=np.uint8)


def new_card(hub_url: str) -> PartnerCard:
    """A card of a hub that is nowhere."""
    return PartnerCard(hub_url, SigningKey(new_key()).public.hex, PartnerId(random_id()), "bench", "no-secret")


def fill(folder: Path, card: PartnerCard, count: int, seed: int) -> None:
    """Apply ``count`` random entries page by page as the follower would, and leave the snapshot that a stop leaves."""
    shutil.rmtree(folder, ignore_errors=True)
    replica = Replica(folder)
    hub = card.verify_key.hub_id
    replica.join(hub, card.partner)
    now = datetime.now(UTC)
    expires = now + timedelta(days=700)
    rows = fingerprints(count, seed)
    identifiers = np.random.default_rng(seed + 1).bytes(16 * count).hex()
    for start in range(0, count, _PAGE):
        end = min(start + _PAGE, count)
        changes = tuple(
            Addition(
                place + 1,
                EntryId(identifiers[32 * place : 32 * place + 32]),
                identifiers[32 * place : 32 * place + 32],
                Pdq(rows[place].tobytes(), 100),
                expires,
            )
            for place in range(start, end)
        )
        replica.apply(FeedPage(hub, card.partner, start, end, end, secrets.token_hex(16), now, changes))
    Engine(replica, folder).kept.save()
    assert (folder / FILE).exists()
    replica.close()


def new_key_for(folder: Path) -> str:
    """A key for everything."""
    secret = new_bearer_secret()
    replica = Replica(folder)
    replica.allow_client("bench", bearer_digest(secret), [Role.ADMIN])
    replica.close()
    return secret
