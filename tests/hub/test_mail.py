"""Handing a message over to real mail servers: protected, with a login, and to servers that misbehave at every step."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import AmparoError, InvalidInput, Rejected, Unavailable
from amparo.hub import mail
from amparo.hub.mail import MailSettings, Security, deliver, read_mail_settings, write_mail_settings
from amparo.notice.mail import Mailbox
from tests.hub.posting import SENDER, Post, mail_server
from tests.walk.running import free_ports

MESSAGE = b"Subject: Test\r\nMessage-ID: <1@hotline.example.org>\r\n\r\n.dots\r\n..at the start\r\n"
TO = "legal@platform.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of a server on 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("authority")
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def context_of(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


def only_casey(server: object, session: object, envelope: object, mechanism: str, auth_data: object) -> AuthResult:
    assert isinstance(auth_data, LoginPassword)
    return AuthResult(success=auth_data == LoginPassword(b"desk", b"correct horse"), handled=False)


def test_a_message_arrives_byte_for_byte() -> None:
    with mail_server() as post:
        deliver(post.settings(), MESSAGE, TO)
    assert post.envelopes[0].content == MESSAGE
    assert (post.envelopes[0].mail_from, post.envelopes[0].rcpt_tos) == (SENDER.email, [TO])


def test_over_starttls_with_a_login(certificate: tuple[Path, Path]) -> None:
    tls = context_of(certificate)
    with mail_server(require_starttls=True, tls_context=tls, authenticator=only_casey, auth_required=True) as post:
        good = post.settings(Security.STARTTLS, user="desk", password="correct horse", ca_file=str(certificate[0]))
        deliver(good, MESSAGE, TO)
        assert len(post.taken) == 1
        wrong = post.settings(Security.STARTTLS, user="desk", password="wrong", ca_file=str(certificate[0]))
        assert code_of(wrong) == "mail_login_refused"
        stranger = post.settings(Security.STARTTLS, user="desk", password="correct horse")
        assert code_of(stranger) == "mail_tls_failed"
    assert len(post.taken) == 1


def test_over_tls_from_the_first_byte(certificate: tuple[Path, Path]) -> None:
    with mail_server(ssl_context=context_of(certificate)) as post:
        deliver(post.settings(Security.TLS, ca_file=str(certificate[0])), MESSAGE, TO)
        assert code_of(post.settings(Security.TLS)) == "mail_tls_failed"
    assert len(post.taken) == 1


def test_a_server_without_starttls_hears_nothing_of_the_message() -> None:
    with mail_server() as post:
        assert code_of(post.settings(Security.STARTTLS)) == "mail_tls_failed"
    assert post.taken == []


def code_of(settings: MailSettings) -> str:
    with pytest.raises(AmparoError) as caught:
        deliver(settings, MESSAGE, TO)
    return caught.value.code


def test_a_missing_authority_is_a_clear_error() -> None:
    with mail_server() as post, pytest.raises(AmparoError) as caught:
        deliver(post.settings(Security.TLS, ca_file="/nowhere/ca.pem"), MESSAGE, TO)
    assert caught.value.code == "mail_ca_missing"


@contextmanager
def scripted(*answers: bytes | None) -> Generator[int]:
    """A server that answers each line of ours by the next of these, and hangs up at None or at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                for answer in answers:
                    if answer is None:
                        return
                    connection.sendall(answer)
                    line = lines.readline()
                    if answer.startswith(b"354"):
                        while line not in (b".\r\n", b""):
                            line = lines.readline()
        except OSError:
            return
        except BaseException as error:  # noqa: BLE001  # carried to the asserting thread
            failed.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        thread.join(10)
        assert not failed


READY, OK, GO = b"220 mail.test\r\n", b"250 OK\r\n", b"354 go on\r\n"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((None,), "mail_unreachable"),
        ((b"421 too busy\r\n",), "mail_unreachable"),
        ((b"554 no mail here\r\n",), "mail_unreachable"),
        ((b"nonsense\r\n",), "mail_unreachable"),
        ((READY, None), "mail_unreachable"),
        ((READY, b"550 no\r\n", b"550 no\r\n"), "mail_unreachable"),
        ((READY, OK, b"451 later\r\n"), "mail_put_off"),
        ((READY, OK, b"550 5.7.1 not you\r\n"), "mail_refused"),
        ((READY, OK, OK, b"550 5.1.1 nobody\r\n"), "mail_refused"),
        ((READY, OK, OK, b"452 full\r\n"), "mail_put_off"),
        ((READY, OK, OK, None), "mail_unreachable"),
        ((READY, OK, OK, OK, b"554 no\r\n"), "mail_refused"),
        ((READY, OK, OK, OK, None), "mail_unreachable"),
        ((READY, OK, OK, OK, GO, None), "mail_answer_lost"),
        ((READY, OK, OK, OK, GO, b"552 too large\r\n"), "mail_refused"),
        ((READY, OK, OK, OK, GO, b"451 later\r\n"), "mail_put_off"),
    ],
)
def test_what_a_server_does_at_each_step_has_its_own_name(answers: tuple[bytes | None, ...], code: str) -> None:
    with scripted(*answers) as port:
        settings = MailSettings("127.0.0.1", port, Security.NONE, SENDER)
        with pytest.raises((Rejected, Unavailable)) as caught:
            deliver(settings, MESSAGE, TO)
    assert caught.value.code == code
    assert TO not in str(caught.value)


def test_a_message_is_sent_even_where_the_good_bye_fails() -> None:
    with scripted(READY, OK, OK, OK, GO, OK, None) as port:
        deliver(MailSettings("127.0.0.1", port, Security.NONE, SENDER), MESSAGE, TO)


def test_a_server_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = MailSettings("127.0.0.1", int(silent.getsockname()[1]), Security.NONE, SENDER)
        assert code_of(settings) == "mail_unreachable"


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.sampled_from([b"", b".", b"..", b"a", b".b", b"c."]), min_size=1, max_size=8))
def test_dots_at_the_start_of_lines_survive(lines: list[bytes]) -> None:
    message = b"Subject: x\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"

    class Line:
        def send(self, raw: bytes) -> None:
            self.sent = raw

        def getreply(self) -> tuple[int, bytes]:
            return 250, b"OK"

    line: Any = Line()
    mail._content(line, message)  # pyright: ignore[reportPrivateUsage]
    assert line.sent.endswith(b"\r\n.\r\n")
    body = line.sent.removesuffix(b".\r\n").split(b"\r\n")
    assert b".\r\n" not in {part + b"\r\n" for part in body}
    assert b"\r\n".join(part.removeprefix(b".") if part.startswith(b".") else part for part in body) == message


# Settings


def test_settings_are_read_back_as_they_were_kept(tmp_path: Path) -> None:
    kept = MailSettings("mail.example.org", 587, Security.STARTTLS, SENDER, "desk", "pass wörd", "r@example.org", "/ca")
    assert read_mail_settings(tmp_path / "mail.json") is None
    write_mail_settings(tmp_path / "mail.json", kept)
    assert read_mail_settings(tmp_path / "mail.json") == kept
    assert "pass" not in repr(kept)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"security": "none"}, "mail_unprotected"),
        ({"host": "mail example"}, "mail_settings_invalid"),
        ({"port": 70000}, "mail_settings_invalid"),
        ({"port": "587"}, "mail_settings_invalid"),
        ({"user": "desk"}, "mail_settings_invalid"),
        ({"sender": "nobody"}, "notice_email_invalid"),
        ({"reply_to": "x\r\nBcc: y@example.org"}, "notice_email_invalid"),
        ({"more": 1}, "mail_settings_invalid"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, object], code: str) -> None:
    good = {"host": "mail.example.org", "port": 587, "security": "starttls", "sender": "desk@example.org"}
    path = tmp_path / "mail.json"
    path.write_text(json.dumps(good))
    assert read_mail_settings(path) is not None
    path.write_text(json.dumps(good | change))
    with pytest.raises(InvalidInput) as caught:
        read_mail_settings(path)
    assert caught.value.code == code


def test_without_tls_only_this_machine_is_spoken_to() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert mail.checked(MailSettings(host, 25, Security.NONE, Mailbox("desk@example.org")))
    with pytest.raises(InvalidInput):
        mail.checked(MailSettings("192.0.2.1", 25, Security.NONE, Mailbox("desk@example.org")))


def test_nothing_listens_there() -> None:
    (port,) = free_ports(1)
    assert code_of(Post(port).settings()) == "mail_unreachable"
