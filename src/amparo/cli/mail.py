"""``amparo mail set | status | test``, by which server the hub sends letters; ``amparo addresses check``, its address book."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amparo.cli.folders import existing_hub, require_hub

DataFolder = Annotated[Path, typer.Option("--data", help="The hub's folder.")]


def add_commands(mail: typer.Typer, addresses: typer.Typer) -> None:
    """Hang these commands below ``amparo mail`` and ``amparo addresses``."""
    mail.command("set")(set_mail)
    mail.command("status")(mail_status)
    mail.command("test")(send_test)
    addresses.command("check")(check_addresses)


def set_mail(
    host: Annotated[str, typer.Option(help="The mail server.")],
    sender: Annotated[str, typer.Option("--from", help="The mailbox from which letters come.")],
    data: DataFolder = Path("var/hub"),
    port: Annotated[int | None, typer.Option(help="587 for starttls, 465 for tls, 25 for none, unless given.")] = None,
    security: Annotated[str, typer.Option(help="starttls, tls, or none for a server on this machine.")] = "starttls",
    sender_name: Annotated[str, typer.Option("--name", help="The name beside that mailbox.")] = "",
    reply_to: Annotated[str, typer.Option(help="Where answers go, unless to the sender.")] = "",
    user: Annotated[str, typer.Option(help="Name to log in with.")] = "",
    password: Annotated[str, typer.Option(envvar="AMPARO_MAIL_PASSWORD", help="Asked for unless given.")] = "",
    ca_file: Annotated[str, typer.Option(help="Authority of the server, instead of this machine's.")] = "",
) -> None:
    """Keep the settings in a file of its own that only its owner can read. The running hub uses them from its next letter on."""
    from amparo.core.errors import InvalidInput
    from amparo.hub.mail import MAIL_FILE, MailSettings, Security, write_mail_settings
    from amparo.notice.mail import Mailbox

    require_hub(data)
    if security not in list(Security):
        raise InvalidInput("mail_settings_invalid", f"Security is one of {', '.join(Security)}.")
    chosen = Security(security)
    if user and not password:
        password = typer.prompt("Password", hide_input=True)
    usual = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}[chosen]
    settings = MailSettings(
        host, port or usual, chosen, Mailbox(sender, sender_name), user, password, reply_to, ca_file
    )
    write_mail_settings(data / MAIL_FILE, settings)
    typer.echo("Kept. Send yourself a message: amparo mail test YOUR-ADDRESS", err=True)


def mail_status(data: DataFolder = Path("var/hub")) -> None:
    """The settings without the password, and how many letters wait, were sent, or could not be."""
    from amparo.hub.commands.sending import SEND
    from amparo.hub.mail import read_mail_settings
    from amparo.store.jobs.protocol import JobState

    with existing_hub(data) as running:
        settings = read_mail_settings(running.mail_file)
        with running.store.read() as transaction:
            counts = transaction.jobs.count([SEND])
            failed = transaction.jobs.lines([SEND], [JobState.FAILED, JobState.WAITING], 20)
    if settings is None:
        typer.echo("This hub sends no mail.")
    else:
        typer.echo(f"server\t{settings.host}:{settings.port} ({settings.security})")
        typer.echo(f"from\t{settings.sender.email}")
        typer.echo(f"login\t{settings.user or 'none'}")
    for state in (JobState.WAITING, JobState.CLAIMED, JobState.FAILED, JobState.DONE):
        typer.echo(f"{state}\t{counts.get(state, 0)}")
    for job in failed:
        if job.problem:
            typer.echo(f"problem\t{job.problem}\tletter {job.id}, {job.attempts} tries")


def send_test(
    to: Annotated[str, typer.Argument(help="An address of your own.")], data: DataFolder = Path("var/hub")
) -> None:
    """Send a message without any content of a case, and say what the server said."""
    from email.message import EmailMessage
    from email.policy import SMTP

    from amparo.core.clock import SystemClock
    from amparo.core.errors import NotFound
    from amparo.core.ids import random_id
    from amparo.hub.mail import MAIL_FILE, deliver, read_mail_settings
    from amparo.notice.content import NoticeId, check_email
    from amparo.notice.mail import message_id

    require_hub(data)
    settings = read_mail_settings(data / MAIL_FILE)
    if settings is None:
        raise NotFound("mail_not_set_up", "This hub sends no mail. Begin with: amparo mail set")
    check_email(to)
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.sender.header()
    message["To"] = to
    message["Subject"] = "Test"
    message["Date"] = SystemClock().now()
    message["Message-ID"] = message_id(NoticeId(random_id()), settings.sender.email.rpartition("@")[2], "test")
    message.set_content("This mailbox can send.\n")
    deliver(settings, message.as_bytes(), to)
    typer.echo("The mail server has taken it.", err=True)


def check_addresses(
    file: Annotated[Path, typer.Argument(help="An address book, as docs/reference/rule-packs.md describes it.")],
) -> None:
    """Read an address book as the hub would. Exit status 2 where it is out of format; old entries are named."""
    from amparo.core.clock import SystemClock
    from amparo.core.errors import NotFound
    from amparo.notice.address_book import WARN_AFTER_DAYS, read_address_book
    from amparo.notice.pack import load_packs

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise NotFound("file_unknown", f"The file {file} cannot be read.", detail=str(error)) from error
    book = read_address_book(raw, file.name, load_packs())
    routes = sum(len(platform.routes) for platform in book)
    typer.echo(f"{len(book)} platforms, {routes} ways to reach them.")
    for platform, route in book.stale(SystemClock().now().date()):
        typer.echo(
            f"old\t{platform.id}\t{route.pack}\tverified {route.verified_on.isoformat()}, more than {WARN_AFTER_DAYS} days ago"
        )
