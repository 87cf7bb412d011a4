"""Handing a message to the operator's mail server (SMTP, RFC 5321), and telling precisely what came of it.

At least once: where the connection ends between our last byte and the server's answer, nobody can know whether it has the
message (RFC 5321, 4.5.4.1). It is then sent again with the same Message-ID, by which most mail systems show one message.
"""

from __future__ import annotations

import ipaddress
import json
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from amparo.core.canonical import canonical_bytes
from amparo.core.errors import IntegrityViolation, InvalidInput, Rejected, Unavailable
from amparo.core.keys import write_private
from amparo.notice.content import check_email
from amparo.notice.mail import Mailbox
from amparo.notice.reading import Reader

MAIL_FILE: Final = "mail.json"
_SECONDS: Final = 30.0
"""For each step of the conversation; there are about eight."""
_STATUS: Final = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")


class Security(StrEnum):
    """TLS: from the first byte (RFC 8314). STARTTLS: turned on before anything is said, or nothing is. NONE: for a server on
    this machine only."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True, repr=False)
class MailSettings:
    """sender: from whom notices come. reply_to: where answers go, "" for the sender. ca_file: whom to trust instead of the
    machine's authorities, "" for those."""

    host: str
    port: int
    security: Security
    sender: Mailbox
    user: str = ""
    password: str = ""
    reply_to: str = ""
    ca_file: str = ""

    @property
    def answers_to(self) -> Mailbox | None:
        return Mailbox(self.reply_to) if self.reply_to else None


def read_mail_settings(path: Path) -> MailSettings | None:
    """None where this hub sends no mail. Raises InvalidInput ``mail_settings_invalid`` for a file out of format."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    reader = Reader.of_bytes(raw, path.name, "mail_settings_invalid")
    settings = MailSettings(
        reader.text("host"),
        reader.count("port"),
        reader.choice("security", Security),
        Mailbox(reader.text("sender"), reader.text_or_blank("sender_name")),
        reader.text_or_blank("user"),
        reader.text_or_blank("password"),
        reader.text_or_blank("reply_to"),
        reader.text_or_blank("ca_file"),
    )
    reader.done()
    return checked(settings)


def write_mail_settings(path: Path, settings: MailSettings) -> None:
    """Readable by its owner only; when this returns, it is on disk. Raises as ``checked`` does."""
    settings = checked(settings)
    content = {
        "host": settings.host,
        "port": settings.port,
        "security": settings.security,
        "sender": settings.sender.email,
        "sender_name": settings.sender.name,
        "user": settings.user,
        "password": settings.password,
        "reply_to": settings.reply_to,
        "ca_file": settings.ca_file,
    }
    write_private(path, json.dumps(json.loads(canonical_bytes(content)), indent=2, ensure_ascii=False).encode() + b"\n")


def checked(settings: MailSettings) -> MailSettings:
    """Raises InvalidInput ``mail_settings_invalid``, ``mail_unprotected`` where words would cross a network in the open, and
    the errors of mailboxes."""
    if _HOST.fullmatch(settings.host) is None or not 1 <= settings.port <= 65535:
        raise InvalidInput("mail_settings_invalid", "This is not a mail server's name and port.")
    if settings.security is Security.NONE and not _on_this_machine(settings.host):
        raise InvalidInput("mail_unprotected", "Without TLS, only a mail server on this machine is used.")
    if bool(settings.user) != bool(settings.password):
        raise InvalidInput("mail_settings_invalid", "A user name and a password belong together.")
    settings.sender.header()
    if settings.reply_to:
        check_email(settings.reply_to)
    return settings


def deliver(settings: MailSettings, message: bytes, to: str) -> None:
    """When this returns, the server has taken the message. Raises

    Rejected ``mail_refused``: it never will take this one to this address; Unavailable otherwise: ``mail_unreachable`` (no
    connection, or it broke before the message), ``mail_tls_failed``, ``mail_login_refused``, ``mail_put_off`` (its 4xx),
    ``mail_answer_lost`` (it may or may not have it). The detail of the first and of ``mail_put_off`` is the server's status.
    """
    conversation = None
    handed_over = False
    try:
        conversation = _connected(settings)
        _answered(conversation.mail(settings.sender.email))
        _answered(conversation.rcpt(to))
        _answered(conversation.docmd("DATA"), expected=3)
        handed_over = True
        _answered(_content(conversation, message))
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        if handed_over:
            raise Unavailable(
                "mail_answer_lost", "The mail server did not say whether it has the message.", detail=str(error)
            ) from error
        if isinstance(error, ssl.SSLError):
            raise Unavailable(
                "mail_tls_failed", "No protected connection to the mail server.", detail=str(error)
            ) from error
        raise Unavailable("mail_unreachable", "The mail server cannot be reached.", detail=str(error)) from error
    finally:
        if conversation is not None:
            # It has taken the message or not by now; how the connection ends changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                conversation.quit()
            conversation.close()


def _connected(settings: MailSettings) -> smtplib.SMTP:
    # Our own name would be looked up, and would tell the machine's: the sender's domain says enough.
    name = settings.sender.email.rpartition("@")[2]
    conversation: smtplib.SMTP
    try:
        if settings.security is Security.TLS:
            conversation = smtplib.SMTP_SSL(
                settings.host, settings.port, local_hostname=name, timeout=_SECONDS, context=_context(settings)
            )
        else:
            conversation = smtplib.SMTP(settings.host, settings.port, local_hostname=name, timeout=_SECONDS)
    except smtplib.SMTPException as error:
        raise _unready(error) from error
    try:
        if settings.security is Security.STARTTLS:
            conversation.starttls(context=_context(settings))
        conversation.ehlo_or_helo_if_needed()
        if settings.user:
            conversation.login(settings.user, settings.password)
    except smtplib.SMTPException as error:
        conversation.close()
        raise _unready(error) from error
    except OSError:
        conversation.close()
        raise
    return conversation


def _context(settings: MailSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except FileNotFoundError as error:
        raise IntegrityViolation(
            "mail_ca_missing", "The file of the mail server's authority is missing.", detail=settings.ca_file
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _content(conversation: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
    """The message with its dots doubled (RFC 5321, 4.5.2), and the server's answer."""
    lines = message.removesuffix(b"\r\n").split(b"\r\n")
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    conversation.send(stuffed + b"\r\n.\r\n")
    return conversation.getreply()


def _answered(answer: tuple[int, bytes], expected: int = 2) -> None:
    code, text = answer
    if code // 100 != expected:
        raise smtplib.SMTPResponseException(code, text)


def _unready(error: smtplib.SMTPException) -> Unavailable:
    """What a server says before it has heard of any message is about the server, and never about the message."""
    code = f"{error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else type(error).__name__
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Unavailable("mail_login_refused", "The mail server refuses our name and password.", detail=code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Unavailable("mail_tls_failed", "The mail server offers no protected connection or login.", detail=code)
    return Unavailable("mail_unreachable", "The mail server does not work with us now.", detail=code)


def _refused(code: int, text: bytes | str) -> Rejected | Unavailable:
    # Its text may repeat an address; its numbers do not.
    found = _STATUS.search(text.encode() if isinstance(text, str) else text)
    status = f"{code} {found[0].decode()}" if found else f"{code}"
    if code // 100 == 5:
        return Rejected("mail_refused", "The mail server refuses this message.", detail=status)
    return Unavailable("mail_put_off", "The mail server asks to be tried again later.", detail=status)


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
