import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import AmparoError, NotFound
from amparo.notice.address_book import AddressBook, read_address_book
from tests.notice.samples import PACKS

ROUTE: dict[str, Any] = {
    "pack": "eu-dsa-16",
    "email": "legal@platform.example",
    "source": "Read on the platform's page of contacts by A. Example",
    "verified_on": "2026-03-01",
}


def book(*routes: dict[str, Any], **platform: Any) -> AddressBook:
    entry = {"id": "example", "name": "Example Platform", "routes": list(routes), **platform}
    return read_address_book(json.dumps({"platforms": [entry]}).encode(), "address_book.json", PACKS)


def test_an_empty_book_is_a_book() -> None:
    assert len(read_address_book(b'{"platforms": []}', "address_book.json", PACKS)) == 0


def test_a_route_is_found_by_platform_and_pack() -> None:
    found = book(ROUTE, {**ROUTE, "pack": "us-take-it-down", "email": "", "form": "https://platform.example/form"})
    platform = found.get("example")
    assert platform.name == "Example Platform"
    notice, american = platform.route("eu-dsa-16"), platform.route("us-take-it-down")
    assert notice is not None
    assert american is not None
    assert (notice.email, american.form) == ("legal@platform.example", "https://platform.example/form")
    assert platform.route("eu-gdpr-17") is None
    with pytest.raises(NotFound) as caught:
        found.get("other")
    assert caught.value.code == "platform_unknown"


def test_a_partner_of_the_hub_is_found_by_its_name_there() -> None:
    found = book(ROUTE, partner="Example")
    assert found.of_partner("Example") == found.get("example")
    assert found.of_partner("Other") is None
    assert book(ROUTE).of_partner("") is None


def test_an_entry_may_say_under_whose_law_it_answers() -> None:
    assert book(ROUTE).get("example").country == ""
    assert book(ROUTE, country="US").get("example").country == "US"


@given(st.integers(-400, 400), st.integers(0, 365))
def test_a_route_is_stale_when_older_than_so_many_days_or_from_a_day_to_come(age: int, days: int) -> None:
    today = date(2026, 3, 1) + timedelta(days=age)
    stale = book(ROUTE).stale(today, days)
    assert bool(stale) == (age < 0 or age > days)
    if stale:
        ((platform, route),) = stale
        assert (platform.id, route.pack) == ("example", "eu-dsa-16")


@pytest.mark.parametrize(
    ("routes", "platform", "code"),
    [
        ([{**ROUTE, "pack": "eu-dsa-61"}], {}, "rule_pack_unknown"),
        ([{**ROUTE, "email": ""}], {}, "address_book_invalid"),
        ([{**ROUTE, "form": "https://platform.example/"}], {}, "address_book_invalid"),
        ([{**ROUTE, "email": "legal at platform"}], {}, "notice_email_invalid"),
        ([{**ROUTE, "email": "", "form": "platform.example"}], {}, "notice_url_invalid"),
        ([{**ROUTE, "email": "", "post": "a\x00b"}], {}, "notice_text_invalid"),
        ([{**ROUTE, "source": ""}], {}, "address_book_invalid"),
        ([{**ROUTE, "verified_on": None}], {}, "address_book_invalid"),
        ([{**ROUTE, "phone": "555"}], {}, "address_book_invalid"),
        ([ROUTE, ROUTE], {}, "address_book_invalid"),
        ([ROUTE], {"id": ""}, "address_book_invalid"),
        ([ROUTE], {"name": "a\nb"}, "notice_text_invalid"),
        ([ROUTE], {"country": "Spain"}, "address_book_invalid"),
        ([ROUTE], {"language": "es"}, "address_book_invalid"),
    ],
)
def test_an_address_that_cannot_be_relied_on_is_refused(
    routes: list[dict[str, Any]], platform: dict[str, Any], code: str
) -> None:
    with pytest.raises(AmparoError) as caught:
        book(*routes, **platform)
    assert caught.value.code == code


def test_two_platforms_of_one_id_are_refused() -> None:
    entry: dict[str, Any] = {"id": "example", "name": "Example", "routes": []}
    with pytest.raises(AmparoError) as caught:
        read_address_book(json.dumps({"platforms": [entry, entry]}).encode(), "address_book.json", PACKS)
    assert caught.value.code == "address_book_invalid"
