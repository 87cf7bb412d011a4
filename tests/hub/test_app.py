"""What the hub's wiring does around its surfaces: addresses that are not there, and work that goes on whatever fails."""

from __future__ import annotations

import asyncio

import pytest

from amparo.core.errors import Unavailable
from amparo.hub import app
from amparo.hub.context import Hub
from tests.asgi import Asked


@pytest.mark.parametrize("path", ["/partner/v1/x", "/stopncii/x", "/ncmec/v2/x"])
def test_an_address_that_is_not_there_is_a_problem_at_every_partners_door(hub: Hub, path: str) -> None:
    answer = Asked(app.public_app(hub), "http://hub.test").get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "path_unknown")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/partner/v1/feed", "/stopncii/FetchHashes", "/ncmec/v2/status"])
def test_an_address_asked_by_another_method_is_a_problem_that_names_the_right_one(hub: Hub, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = Asked(app.public_app(hub), "http://hub.test").post(path, content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_refused")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "GET" in answer.headers["Allow"]


def test_housekeeping_goes_on_after_an_error_that_nobody_foresaw(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_HOUSEKEEPING_EVERY", 0.0)
    fails = iter([MemoryError(), RuntimeError("a mistake of ours"), Unavailable("disk_full", "Later.")])

    async def until_it_has_kept_house() -> None:
        kept = asyncio.Event()
        loop = asyncio.get_running_loop()

        def keep(_hub: Hub) -> None:
            for error in fails:
                raise error
            loop.call_soon_threadsafe(kept.set)

        keeping = asyncio.create_task(app._again_and_again(keep, hub))  # pyright: ignore[reportPrivateUsage]
        waiting = asyncio.create_task(kept.wait())
        await asyncio.wait([keeping, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert kept.is_set()
        waiting.cancel()
        keeping.cancel()

    asyncio.run(until_it_has_kept_house())
