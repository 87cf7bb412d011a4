import email
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.content import NoticeId
from amparo.notice.letter import render
from amparo.notice.mail import Mailbox, message_id, to_eml
from amparo.notice.pack import Language
from tests.notice.samples import ID, START, WITH_LETTER, complete, pack

SENDER = Mailbox("desk@hotline.example.org", "Línea, de ayuda")
TO = Mailbox("legal@platform.example.com")
FAKE_PDF = bytes(range(256)) * 20


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", WITH_LETTER)
def test_a_message_carries_the_letter_to_the_letter(name: str, language: Language) -> None:
    rendered = render(complete(name, language), pack(name))
    raw = to_eml(ID, rendered, SENDER, TO, START, Mailbox("reply@hotline.example.org"))
    message = parsed(raw)
    assert message.get_content().replace("\r\n", "\n") == rendered.text
    assert message["Subject"] == rendered.subject
    assert message["From"].addresses[0].display_name == SENDER.name
    assert message["From"].addresses[0].addr_spec == SENDER.email
    assert message["To"].addresses[0].addr_spec == TO.email
    assert message["Reply-To"].addresses[0].addr_spec == "reply@hotline.example.org"
    assert message["Date"].datetime == START
    assert message["Content-Language"] == language
    assert not list(message.walk())[1:], "one text and nothing else"


def test_every_line_is_one_that_rfc_5322_allows() -> None:
    notice = replace(complete("eu-dsa-16"), urls=("https://example.org/" + "a" * 1900,))
    raw = to_eml(ID, render(notice, pack("eu-dsa-16")), SENDER, TO, START)
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.isascii()


def test_sending_twice_is_the_same_message() -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    first, again = (to_eml(ID, rendered, SENDER, TO, START, pdf=FAKE_PDF) for _ in range(2))
    assert first == again
    later = to_eml(ID, rendered, SENDER, TO, START + timedelta(days=1), pdf=FAKE_PDF)
    assert parsed(later)["Message-ID"] == parsed(first)["Message-ID"] == f"<{ID}@hotline.example.org>"
    assert message_id(NoticeId("b" * 32), "hotline.example.org") != message_id(ID, "hotline.example.org")


def test_the_pdf_is_attached_byte_for_byte() -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    message = parsed(to_eml(ID, rendered, SENDER, TO, START, pdf=FAKE_PDF))
    (attached,) = message.iter_attachments()
    assert attached.get_content() == FAKE_PDF
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == f"{ID}.pdf"
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == rendered.text


def test_the_date_is_in_utc_wherever_the_moment_came_from() -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    local = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert parsed(to_eml(ID, rendered, SENDER, TO, local))["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.text(max_size=40), st.sampled_from(["\r\nBcc: x@example.org", "\n", "\x00", ""]))
def test_a_name_never_becomes_a_header(name: str, tail: str) -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    try:
        raw = to_eml(ID, rendered, replace(SENDER, name=name + tail), TO, START)
    except InvalidInput:
        return
    assert not tail
    message = parsed(raw)
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Content-Type",
        "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert [address.addr_spec for address in message["From"].addresses] == [SENDER.email]


@pytest.mark.parametrize("domain", ["", "localhost", "a b.org", "example.org>\r\nBcc: x", "exa_mple.org"])
def test_a_mail_domain_is_a_domain_name(domain: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        message_id(ID, domain)
    assert caught.value.code == "mail_domain_invalid"


def test_another_sending_of_a_notice_is_another_message() -> None:
    assert message_id(ID, "hotline.example.org", "3-0") == f"<{ID}.3-0@hotline.example.org>"
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    reference = message_id(ID, "hotline.example.org", "7-1")
    assert parsed(to_eml(ID, rendered, SENDER, TO, START, reference=reference))["Message-ID"] == reference


@pytest.mark.parametrize("sending", ["a b", "1>\r\nBcc: x@example.org", "é", "1" * 41])
def test_a_sending_has_a_plain_name(sending: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        message_id(ID, "hotline.example.org", sending)
    assert caught.value.code == "mail_sending_invalid"
