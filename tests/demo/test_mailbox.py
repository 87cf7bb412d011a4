"""The demo's mail server, by the hub's own way of sending."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from amparo.demo.mailbox import Letter, Mailbox, create_app, receiving
from amparo.hub.mail import MailSettings, Security, deliver
from amparo.notice.mail import Mailbox as MailName
from tests.asgi import Asked
from tests.walk.running import free_ports


def message(subject: str, text: str) -> bytes:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "desk@amparo.example", "legal@foro.example"
    made["Date"] = datetime(2026, 1, 1, tzinfo=UTC)
    made.set_content(text)
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_letters_come_in_as_they_were_sent_and_stand_on_a_page() -> None:
    mailbox, (port,) = Mailbox(), free_ports(1)
    settings = MailSettings("127.0.0.1", port, Security.NONE, MailName("desk@amparo.example"))
    with receiving(mailbox, port):
        for subject, text in (("First", "One line.\n"), ("Second <b>", ".\n..two dots\nÑandú\n")):
            deliver(settings, message(subject, text), "legal@foro.example")
    assert mailbox.letters() == [
        Letter("legal@foro.example", "First", "One line.\n"),
        Letter("legal@foro.example", "Second <b>", ".\n..two dots\nÑandú\n"),
    ]
    page = Asked(create_app(mailbox), "http://mail.test").get("/").text
    assert page.index("Second &lt;b&gt;") < page.index("First")
    assert "Ñandú" in page
