"""A rendered notice as an e-mail message (RFC 5322, MIME). Sending is somebody else's work.

The Message-ID follows from the notice's id and from which sending of it this is: whoever gets the message twice, because a
job ran again, sees one message; a text that was changed after it came back undelivered is another one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from amparo.core.errors import InvalidInput
from amparo.notice.content import NoticeId, check_email, check_line
from amparo.notice.letter import Rendered

_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SENDING: Final = re.compile(r"[A-Za-z0-9-]{0,40}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox with the name shown beside it, or ""."""

    email: str
    name: str = ""

    def header(self) -> Address:
        """Raises InvalidInput ``notice_email_invalid`` or ``notice_text_invalid``."""
        check_email(self.email)
        check_line(self.name)
        return Address(self.name, addr_spec=self.email)


def message_id(notice: NoticeId, domain: str, sending: str = "") -> str:
    """``<ID@DOMAIN>``, ``<ID.SENDING@DOMAIN>`` (RFC 5322, 3.6.4): short, since a folded one is not understood everywhere.

    sending: letters, digits and hyphens. Raises InvalidInput ``mail_domain_invalid``, ``mail_sending_invalid``.
    """
    if _DOMAIN.fullmatch(domain) is None:
        raise InvalidInput("mail_domain_invalid", "The operator's mail domain is not a domain name.")
    if _SENDING.fullmatch(sending) is None:
        raise InvalidInput("mail_sending_invalid", "A sending is named by letters, digits and hyphens.")
    return f"<{notice}{'.' if sending else ''}{sending}@{domain.lower()}>"


def to_eml(
    notice: NoticeId,
    rendered: Rendered,
    sender: Mailbox,
    to: Mailbox,
    at: datetime,
    reply_to: Mailbox | None = None,
    pdf: bytes | None = None,
    reference: str = "",
) -> bytes:
    """The whole message with CRLF line ends, the same bytes for the same arguments.

    at: goes into Date, in UTC. pdf: attached where given. reference: the Message-ID; that of the notice at the
    domain of ``sender`` unless given. Raises InvalidInput for mailboxes that no mail system takes.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender.header()
    message["To"] = to.header()
    if reply_to is not None:
        message["Reply-To"] = reply_to.header()
    message["Subject"] = rendered.subject
    message["Date"] = at.astimezone(UTC)
    message["Message-ID"] = reference or message_id(notice, sender.email.rpartition("@")[2])
    message.set_content(rendered.text, cte="quoted-printable")
    message["Content-Language"] = str(rendered.language)
    if pdf is not None:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{notice}.pdf")
        # A boundary drawn by chance would make two copies of one message differ.
        message.set_boundary("amparo-" + hashlib.sha256(notice.encode() + pdf).hexdigest()[:32])
    return message.as_bytes()
