from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.content import (
    CONFIRMED,
    SAID,
    Capacity,
    Contact,
    Notice,
    NoticeId,
    Signature,
    Statement,
    check,
    check_email,
    check_url,
    validate,
)
from amparo.notice.pack import Element
from tests.notice.samples import PACKS, complete, pack, without_sender


def without(notice: Notice, element: Element) -> Notice:
    """The notice with one element taken out, and whatever else the same field carries left in."""
    match element:
        case Element.SIGNATURE:
            return replace(notice, signature=None)
        case Element.CONTACT | Element.NAME_AND_EMAIL:
            return replace(notice, contact=None)
        case Element.URLS:
            return replace(notice, urls=())
        case Element.LOCATION:
            notice = replace(notice, urls=())
        case _:
            pass
    return replace(
        notice,
        statements=tuple(statement for statement in notice.statements if statement.element is not element),
        confirmed=tuple(confirmed for confirmed in notice.confirmed if confirmed is not element),
    )


@pytest.mark.parametrize("name", [p.id for p in PACKS])
def test_a_complete_notice_lacks_nothing_and_each_element_taken_out_is_named(name: str) -> None:
    notice = complete(name)
    assert check(notice, pack(name)) == ()
    for asked in pack(name).elements:
        assert check(without(notice, asked.element), pack(name)) == (asked.element,)


@pytest.mark.parametrize("name", [p.id for p in PACKS])
def test_an_empty_draft_lacks_everything_in_the_order_of_the_rule(name: str) -> None:
    empty = Notice(NoticeId("a" * 32), name, complete(name).language, "Example")
    assert check(empty, pack(name)) == tuple(asked.element for asked in pack(name).elements)


def test_blank_words_are_no_words() -> None:
    notice = replace(complete("eu-dsa-16"), statements=(Statement(Element.REASONS, " \n "),))
    assert check(notice, pack("eu-dsa-16")) == (Element.REASONS,)
    blank = replace(complete("us-take-it-down"), signature=Signature(" ", Capacity.PERSON, date(2026, 1, 1)))
    assert check(blank, pack("us-take-it-down")) == (Element.SIGNATURE,)


def test_words_do_not_stand_for_a_confirmation() -> None:
    """Somebody who writes something beside the statement of good faith has not made the statement."""
    notice = complete("eu-dsa-16")
    written = replace(notice, confirmed=(), statements=(*notice.statements, Statement(Element.GOOD_FAITH, "Well.")))
    assert check(written, pack("eu-dsa-16")) == (Element.GOOD_FAITH,)


def test_only_a_notice_about_a_minor_may_be_anonymous() -> None:
    anonymous = replace(without_sender(complete("eu-dsa-16")), anonymous=True)
    assert check(anonymous, pack("eu-dsa-16")) == (Element.NAME_AND_EMAIL,)
    assert check(replace(complete("eu-dsa-16"), anonymous=True), pack("eu-dsa-16")) == (Element.NAME_AND_EMAIL,)
    assert check(replace(anonymous, shows_minor=True), pack("eu-dsa-16")) == (Element.NAME_AND_EMAIL,), (
        "an age states no offence"
    )
    assert check(replace(anonymous, offence_against_minor=True), pack("eu-dsa-16")) == ()
    american = replace(complete("us-take-it-down"), anonymous=True, offence_against_minor=True)
    assert check(american, pack("us-take-it-down")) == (Element.SIGNATURE, Element.CONTACT)


def test_a_name_without_an_address_is_not_name_and_address() -> None:
    for contact in (Contact(name="Ana"), Contact(email="ana@example.org")):
        assert check(replace(complete("eu-dsa-16"), contact=contact), pack("eu-dsa-16")) == (Element.NAME_AND_EMAIL,)


def test_a_place_without_a_link_locates_too_where_the_rule_allows_it() -> None:
    words = (Statement(Element.LOCATION, "Group 'Class 3B', sent by user example_7"),)
    notice = complete("us-take-it-down")
    told = replace(notice, urls=(), statements=(*without(notice, Element.LOCATION).statements, *words))
    assert check(told, pack("us-take-it-down")) == ()


def test_a_notice_is_checked_against_its_own_rule() -> None:
    with pytest.raises(InvalidInput) as caught:
        check(complete("eu-dsa-16"), pack("eu-dsa-9"))
    assert caught.value.code == "notice_of_other_pack"


def test_every_element_is_satisfied_in_one_way() -> None:
    structured = {Element.SIGNATURE, Element.LOCATION, Element.URLS, Element.CONTACT, Element.NAME_AND_EMAIL}
    assert not CONFIRMED & SAID
    assert CONFIRMED | SAID | structured == set(Element)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/photo",
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://",
        "https://example.org/a b",
        "https://example.org/\n",
        "https://user:secret@example.org/",
        "https://example.org:port/",
        "https://[::1",
        "https://example.org/\u202egnp.exe",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_exact_link_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(url)
    assert caught.value.code == "notice_url_invalid"


@pytest.mark.parametrize("url", ["http://example.org", "https://example.org:8443/ñ?q=%20#part", "https://[::1]/"])
def test_exact_links_are_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "email", ["", "ana", "ana@", "@b.org", "a@b", "a b@c.org", "a@b.org\nBcc: x@y.org", "a@b.org,c@d.org"]
)
def test_what_is_no_mail_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_email(email)
    assert caught.value.code == "notice_email_invalid"


@given(st.sampled_from("\x00\r\x0b\x1b\x7f\x85\u2028\u202e\u2066\ud800"), st.integers(0, 5))
def test_no_field_takes_a_control_character(mark: str, field: int) -> None:
    text = f"a{mark}b"
    notice = complete("us-take-it-down")
    contact = notice.contact or Contact()
    changed = (
        replace(notice, addressee=text),
        replace(notice, statements=(Statement(Element.DEPICTION, text),)),
        replace(notice, signature=Signature(text, Capacity.PERSON, date(2026, 1, 1))),
        replace(notice, contact=replace(contact, name=text)),
        replace(notice, contact=replace(contact, post=text)),
        replace(notice, signature=Signature("A", Capacity.AGENT, date(2026, 1, 1), text)),
    )[field]
    with pytest.raises(InvalidInput) as caught:
        validate(changed)
    assert caught.value.code == "notice_text_invalid"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "x"}, "notice_id_invalid"),
        ({"addressee": " "}, "notice_text_invalid"),
        ({"addressee": "a\nb"}, "notice_text_invalid"),
        ({"addressee": "a" * 201}, "notice_text_invalid"),
        ({"urls": ("https://example.org/",) * 501}, "notice_url_invalid"),
        ({"urls": ("example",)}, "notice_url_invalid"),
        ({"contact": Contact(email="x")}, "notice_email_invalid"),
        ({"statements": (Statement(Element.REASONS, "a" * 5001),)}, "notice_text_invalid"),
        ({"informed_at": datetime(2026, 1, 1)}, "notice_moment_invalid"),  # noqa: DTZ001  # a moment without a zone
    ],
)
def test_what_no_notice_may_carry_is_refused_by_name(changes: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(replace(complete("eu-dsa-16"), **changes))  # pyright: ignore[reportArgumentType]  # wrong on purpose
    assert caught.value.code == code
