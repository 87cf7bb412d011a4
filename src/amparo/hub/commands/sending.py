"""Sending approved notices by e-mail: a job each, asked for by a person, done by a worker, and settled with the notice.

The approved bytes go out, never a new rendering. A job is done at least once: where a worker dies, or the connection, between
the server's having the message and our writing that down, the same message goes out again under the same Message-ID.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from amparo.core.canonical import canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected, Unavailable
from amparo.core.logs import get_logger
from amparo.hub.commands.queue import check_works_on_cases
from amparo.hub.context import Hub
from amparo.hub.mail import MailSettings, deliver, read_mail_settings
from amparo.hub.notice_file import OpenedNotice
from amparo.notice import machine
from amparo.notice.content import NoticeId, check_email
from amparo.notice.machine import Channel, NoticeState, Phase
from amparo.notice.mail import Mailbox, message_id, to_eml
from amparo.store import Transaction
from amparo.store.jobs.protocol import JobRecord, JobState, NewJob
from amparo.store.staff.protocol import StaffRecord

log: Final = get_logger("amparo.hub.sending")

SEND: Final = "send-notice"
GIVE_UP_AFTER: Final = timedelta(days=5)
"""As long as RFC 5321, 4.5.4.1, asks a sender to go on trying, at the least."""
_TRIES_AT_LEAST: Final = 20
"""A clock that jumps ahead by a week must not end the trying."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_RECORD_AGAIN_AFTER: Final = (0.2, 1.0, 3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Sending:
    """What a job needs to make the same message each time. reference: the Message-ID; at: its Date."""

    notice: NoticeId
    reference: str
    at: datetime


def send(hub: Hub, by: StaffRecord, notice: NoticeId) -> None:
    """Ask for an approved notice to be sent by e-mail; asked twice, it goes out once. When this returns, that is on disk.

    Raises Rejected ``role_missing``, ``notice_not_approved``, Conflict ``notice_sent``, ``mail_not_set_up``, InvalidInput
    ``notice_email_invalid`` where the approved destination is no e-mail address, NotFound ``notice_unknown``.
    """
    check_works_on_cases(by)
    settings = read_mail_settings(hub.mail_file)
    if settings is None:
        raise Conflict("mail_not_set_up", "This hub sends no mail. Send the letter yourself, and record that here.")
    now = hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        name = job_name(opened.state)
        if opened.state.phase is Phase.DRAFTED or opened.state.approved is None:
            raise Rejected("notice_not_approved", "Nobody has approved this notice.")
        if name is None:
            raise Conflict("notice_sent", "This notice has been sent already.")
        check_email(opened.state.approved.rendered.to)
        reference = message_id(notice, settings.sender.email.rpartition("@")[2], _which(opened.state))
        content = {"notice": notice, "reference": reference, "at": to_text(now)}
        sealed = hub.vault.seal_job(name, canonical_bytes(content))
        if not transaction.jobs.enqueue(NewJob(SEND, name, sealed, opened.case), now):
            known = transaction.jobs.named(name)
            if known is not None and known.state is JobState.FAILED:
                transaction.jobs.again(known.id, now)


def job_name(state: NoticeState) -> str | None:
    """Of the job that sends this approval of this notice; None where nothing waits to be sent."""
    return f"{SEND}:{state.id}:{_which(state)}" if state.phase is Phase.APPROVED else None


def stop_sending(hub: Hub, transaction: Transaction, state: NoticeState) -> None:
    """What waits to be sent is not wanted any more. Raises Conflict ``notice_being_sent`` while a worker is at it."""
    name = job_name(state)
    if name is not None and not transaction.jobs.drop(name, hub.clock.now()):
        raise Conflict("notice_being_sent", "This notice is being sent at this moment. Look again in a minute.")


def read_job(hub: Hub, job: JobRecord) -> Sending:
    """Raises IntegrityViolation ``seal_broken``."""
    content = cast("dict[str, Any]", json.loads(hub.vault.open_job(job.name, job.sealed)))
    return Sending(NoticeId(content["notice"]), content["reference"], from_text(content["at"]))


def message_of(state: NoticeState, sending: Sending, settings: MailSettings) -> bytes:
    """The message as it goes out; the same bytes each time. Raises Rejected ``notice_not_approved``."""
    if state.approved is None:
        raise Rejected("notice_not_approved", "Nobody has approved this notice.")
    rendered = state.approved.rendered
    to = Mailbox(rendered.to)
    return to_eml(state.id, rendered, settings.sender, to, sending.at, settings.answers_to, reference=sending.reference)


def do_send(hub: Hub, job: JobRecord, worker: str) -> None:
    """A claimed job: hand the message over, then record what came of it with the notice, in one transaction."""
    sending = read_job(hub, job)
    with hub.store.read() as transaction:
        try:
            state = OpenedNotice.read(transaction, sending.notice, hub.vault).state
        except NotFound:
            return  # The case was withdrawn, and the job with it.
    if job_name(state) != job.name:
        # It was settled by an earlier worker that did not live to say so.
        _settle(hub, job, worker, None)
        return
    try:
        settings = read_mail_settings(hub.mail_file)
        if settings is None:
            raise Unavailable("mail_not_set_up", "This hub sends no mail.")
        assert state.approved is not None  # as the job's name says
        deliver(settings, message_of(state, sending, settings), state.approved.rendered.to)
    except (Rejected, InvalidInput) as error:
        _give_up(hub, job, worker, problem_of(error))
    except AmparoError as error:
        _put_off(hub, job, worker, error)
    else:
        _settle(hub, job, worker, sending)


def problem_of(error: AmparoError) -> str:
    """Code of what went wrong, with the server's status where it gave one: nothing that says whom it was about."""
    status = error.detail if error.code in ("mail_refused", "mail_put_off") else ""
    return f"{error.code} {status}".strip()


def wait_after(attempts: int) -> timedelta:
    """1, 2, 4 ... minutes, then every hour."""
    return min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _LONGEST_WAIT)


def _which(state: NoticeState) -> str:
    """Which sending of a notice this is: of which approval, after how many that came back."""
    return f"{state.approved_version}-{len(state.failures)}"


def _settle(hub: Hub, job: JobRecord, worker: str, sending: Sending | None) -> None:
    """Tried several times: what is not written down now will be sent a second time."""
    for wait in (*_RECORD_AGAIN_AFTER, None):
        try:
            _record(hub, job, worker, sending)
        except Unavailable:
            if wait is None:
                raise
            time.sleep(wait)
        else:
            return


def _record(hub: Hub, job: JobRecord, worker: str, sending: Sending | None) -> None:
    now = hub.clock.now()
    with hub.store.write() as transaction:
        transaction.jobs.complete(job.id, worker, now)
        if sending is None:
            return
        try:
            opened = OpenedNotice.read(transaction, sending.notice, hub.vault)
            # Even where the claim was lost meanwhile: this message is with them.
            events = machine.record_sent(opened.state, now, Channel.EMAIL, sending.reference)
        except AmparoError as error:
            log.warning("notice_sent_but_gone", code=error.code)
            return
        opened.append(transaction, events, hub.office.warn_at, now)


def _put_off(hub: Hub, job: JobRecord, worker: str, error: AmparoError) -> None:
    now = hub.clock.now()
    log.warning("notice_not_sent", code=error.code, detail=error.detail)
    if now - job.asked_at >= GIVE_UP_AFTER and job.attempts >= _TRIES_AT_LEAST:
        _give_up(hub, job, worker, problem_of(error))
        return
    with hub.store.write() as transaction:
        transaction.jobs.put_off(job.id, worker, now, wait_after(job.attempts), problem_of(error))


def _give_up(hub: Hub, job: JobRecord, worker: str, problem: str) -> None:
    """The notice stays approved and unsent; the case comes up in the queue for a person to look."""
    with hub.store.write() as transaction:
        if transaction.jobs.give_up(job.id, worker, hub.clock.now(), problem) and job.case is not None:
            transaction.queue.set_waits(job.case, True)
