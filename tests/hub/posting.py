"""A real mail server on loopback that does what a test tells it to: take, refuse, drop the line."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from amparo.hub.mail import MailSettings, Security
from amparo.notice.mail import Mailbox
from tests.walk.running import free_ports

SENDER = Mailbox("desk@hotline.example.org", "The desk")


@dataclass
class Post:
    """What the server has taken, and what it answers: to a recipient, and to a message. drop: end the connection instead of
    answering a message that it has taken."""

    port: int
    taken: list[EmailMessage] = field(default_factory=list[EmailMessage])
    envelopes: list[Envelope] = field(default_factory=list[Envelope])
    to_recipient: str = "250 OK"
    to_message: str = "250 OK"
    drop: bool = False

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        if self.to_message.startswith("2"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.envelopes.append(envelope)
        if self.drop:
            transport: Any = server.transport
            transport.abort()
        return self.to_message

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]

    def settings(self, security: Security = Security.NONE, **more: Any) -> MailSettings:
        return MailSettings("127.0.0.1", self.port, security, SENDER, **more)


@contextmanager
def mail_server(post: Post | None = None, **options: Any) -> Generator[Post]:
    """Listening until the block ends. Given the same post again, it is the same server, back on its port."""
    post = post or Post(free_ports(1)[0])
    controller = Controller(post, hostname="127.0.0.1", port=post.port, server_hostname="mail.test", **options)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()
