"""Wrong codes wait longer and longer, from one address, up to an end; nobody is locked out."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import httpx
import pytest

from amparo.case import code
from amparo.case.code import draw
from amparo.core.errors import Unavailable
from amparo.hub.context import Hub
from amparo.hub.person import pace_of_codes
from amparo.hub.person.app import create_app
from amparo.hub.person.pace_of_codes import AT_ONCE, FORGOTTEN_EVERY, FREE, IN_LANE, LONGEST_WAIT, PaceOfCodes
from tests.hub.person.pages import FORM


class Hours:
    """A clock that moves when somebody waits. Waits at the same time are added up: this is the longest it could take."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def hours() -> Hours:
    return Hours()


def try_codes(pace: PaceOfCodes, address: str, wrong: list[bool]) -> None:
    async def each() -> None:
        for fault in wrong:
            assert await pace.answer(address, _done, _is(fault)) == "done"

    asyncio.run(each())


async def _done() -> str:
    return "done"


def _is(fault: bool) -> Callable[[str], bool]:
    return lambda _answer: fault


def test_waiting_begins_after_an_evenings_mistakes_grows_and_has_an_end(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    try_codes(pace, "192.0.2.1", [True] * (FREE + 60))
    assert hours.waits[:FREE] == [0.0] * FREE
    after = hours.waits[FREE:]
    assert after == sorted(after)
    assert after[0] > 0
    assert max(after) == after[-1] == LONGEST_WAIT


def test_a_right_code_never_waits_for_the_wrong_ones_before_it(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    try_codes(pace, "192.0.2.1", [True] * 60)
    hours.waits.clear()
    try_codes(pace, "192.0.2.1", [False] * 5)
    assert hours.waits == [0.0] * 5


def test_another_address_does_not_wait_and_a_household_counts_once(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    try_codes(pace, "2001:db8:0:1::1", [True] * 40)
    for address, waits in (("2001:db8:0:2::1", False), ("192.0.2.1", False), ("", False), ("2001:db8:0:1:5::9", True)):
        hours.waits.clear()
        try_codes(pace, address, [True])
        assert (hours.waits[0] > 0) is waits, address


def test_what_was_wrong_is_forgotten(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    try_codes(pace, "192.0.2.1", [True] * 40)
    hours.now += FORGOTTEN_EVERY * 45
    hours.waits.clear()
    try_codes(pace, "192.0.2.1", [True])
    assert hours.waits == [0.0]


def test_answers_come_on_the_beat_whatever_the_work_took(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0.15)
    for took in (0.0, 0.02, 0.149, 0.15, 0.151, 0.4):
        began = hours.now

        async def work(seconds: float = took) -> str:
            hours.now += seconds
            return "done"

        asyncio.run(pace.answer("192.0.2.1", work, _is(False)))
        beats = (hours.now - began) / 0.15
        assert abs(beats - round(beats)) < 1e-6, took


def test_so_many_at_a_time_and_the_others_in_line(hours: Hours) -> None:
    pace, at_once, most = PaceOfCodes(hours.read, hours.sleep, beat=0), 0, 0

    async def work() -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return "done"

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(pace.answer("192.0.2.1", work, _is(True)) for _ in range(100)))

    assert asyncio.run(all_of_them()) == ["done"] * 100
    assert most == AT_ONCE


def test_a_code_that_cannot_be_counted_is_not_looked_up(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_of_codes, "ADDRESSES", 2)
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    looked_up: list[str] = []

    def work(name: str) -> Callable[[], Awaitable[str]]:
        async def look() -> str:
            looked_up.append(name)
            return name

        return look

    for name in ("a", "b"):
        asyncio.run(pace.answer(name, work(name), _is(True)))
    with pytest.raises(Unavailable) as caught:
        asyncio.run(pace.answer("c", work("c"), _is(True)))
    assert (caught.value.code, looked_up) == ("codes_busy", ["a", "b"])
    hours.now += FORGOTTEN_EVERY * 2
    asyncio.run(pace.answer("c", work("c"), _is(True)))
    assert looked_up == ["a", "b", "c"]


async def _slow() -> str:
    for _ in range(10):
        await asyncio.sleep(0)
    return "done"


def at_once(pace: PaceOfCodes, addresses: list[str]) -> list[bool]:
    """Whether each of these, who all ask in one moment, is told that the hub is busy."""

    async def all_of_them() -> list[str | BaseException]:
        many = (pace.answer(address, _slow, _is(False)) for address in addresses)
        return await asyncio.gather(*many, return_exceptions=True)

    return [isinstance(one, Unavailable) for one in asyncio.run(all_of_them())]


def test_one_address_fills_no_more_than_its_own_lane(hours: Hours) -> None:
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    assert at_once(pace, ["192.0.2.1"] * 2000 + ["192.0.2.2"]) == [False] * IN_LANE + [True] * (2000 - IN_LANE) + [
        False
    ]
    try_codes(pace, "192.0.2.1", [False])


def test_a_full_line_still_takes_a_few_from_every_address(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_of_codes, "IN_LINE", 20)
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)
    busy = at_once(pace, ["192.0.2.1"] * 30 + ["192.0.2.2"] * (AT_ONCE + 2))
    assert busy == [False] * 20 + [True] * 10 + [False] * AT_ONCE + [True] * 2


def test_an_interrupted_look_up_gives_its_place_back(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_of_codes, "IN_LANE", 1)
    pace = PaceOfCodes(hours.read, hours.sleep, beat=0)

    async def broken() -> str:
        raise Unavailable("store_busy", "Busy.")

    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            asyncio.run(pace.answer("192.0.2.1", broken, _is(False)))
        assert caught.value.code == "store_busy"


def test_on_a_schools_evening_two_hundred_people_behind_one_address_all_get_through(
    hub: Hub, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within ten minutes each of them opens a case, mistypes the code once, and opens it."""
    # Eight hundred codes at full cost take the machine a quarter of a minute; what is tested here is who waits for whom.
    monkeypatch.setattr(code, "_MEMORY_KIB", 64)

    async def wait(seconds: float) -> None:
        # Others wait at the same time, so the evening's clock moves by arrivals alone.
        hours.waits.append(seconds)

    app = create_app(hub, PaceOfCodes(hours.read, wait))
    opened: set[str] = set()

    async def one_of_them(client: httpx.AsyncClient, number: int) -> None:
        form = {"do": "tell", "step": "99", "request": secrets.token_hex(16), "lang": "en", "age": "minor"}
        page = await client.post("/", content=urlencode(form), headers=FORM)
        shown = re.search(r'id="case-code"[^>]*>([^<]+)<', page.text)
        assert shown is not None, page.text
        mistyped = str(draw(number.to_bytes(16), "en"))
        wrong = await client.post("/", content=urlencode({"do": "open", "code": mistyped}), headers=FORM)
        assert wrong.status_code == 404
        again = await client.post("/", content=urlencode({"do": "open", "code": shown[1]}), headers=FORM)
        assert again.status_code == 200
        opened.add(shown[1])

    async def evening() -> None:
        transport = httpx.ASGITransport(app, client=("198.51.100.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
            for first in range(0, 200, 8):
                hours.now = began + 3 * first
                await asyncio.gather(*(one_of_them(client, number) for number in range(first, first + 8)))

    began = hours.now
    asyncio.run(evening())
    assert len(opened) == 200
    assert max(hours.waits) < LONGEST_WAIT + 0.15
    # Eight wait at a time: even if all two hundred had come in the same second, the last would be through by now.
    assert sum(hours.waits) / AT_ONCE < 600
