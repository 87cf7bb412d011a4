"""While a change of the platform's own banks waits for another one, everybody else is answered."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from amparo.gate.local_banks import PDQ
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from tests.gate.feeding import key_for
from tests.hub.hubs import fingerprints

CHANGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a bank is made": ("POST", "/c/banks", {"json": {"name": "NEW"}}),
    "a bank is changed": ("PUT", "/c/bank/OWN", {"json": {"enabled_ratio": 0.5}}),
    "the hub's bank is changed": ("PUT", "/c/bank/AMPARO_HUB", {"json": {"enabled_ratio": 0.5}}),
    "a bank is deleted": ("DELETE", "/c/bank/OWN", {}),
    "a content is added": ("POST", "/c/bank/OWN/signal", {"json": {"pdq": "0" * 64}}),
    "a content is changed": ("PUT", "/c/bank/OWN/content/1", {"json": {"note": "x"}}),
    "a content is deleted": ("DELETE", "/c/bank/OWN/content/1", {}),
    "a signal type is changed": ("PUT", "/c/signal_type/pdq", {"json": {"enabled_ratio": 0.5}}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_waits_holds_up_no_lookup(gate: GateRuntime, name: str) -> None:
    (value,) = fingerprints(1)
    gate.local.create_bank("OWN")
    gate.local.add_content("OWN", {PDQ: value.hex})
    method, path, sent = CHANGES[name]
    headers = {"Authorization": f"Bearer {key_for(gate, 'admin')}"}
    # Where a long list comes into a bank in another thread, this is what it holds.
    busy = gate.local._database.lock  # pyright: ignore[reportPrivateUsage]

    async def ask() -> None:
        transport = httpx.ASGITransport(create_app(gate))
        async with httpx.AsyncClient(transport=transport, base_url="http://gate.test", headers=headers) as client:
            # Held by a thread that stands still until the lookup has been answered.
            answered, held = asyncio.Event(), asyncio.Event()
            loop = asyncio.get_running_loop()

            def hold() -> None:
                with busy:
                    loop.call_soon_threadsafe(held.set)
                    asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(20)

            holder = loop.run_in_executor(None, hold)
            await held.wait()
            change = asyncio.create_task(client.request(method, path, **sent))
            await asyncio.sleep(0)
            found = await client.get("/m/lookup", params={"signal_type": "pdq", "signal": value.hex})
            assert found.json() == {"OWN": [{"bank_content_id": 1, "distance": "0"}]}
            assert not change.done()
            answered.set()
            assert (await change).is_success
            await holder

    asyncio.run(ask())
