"""A letter as a file: text, e-mail message, PDF. For whoever sends it by another way, and for whoever wants to see it first."""

from __future__ import annotations

from enum import StrEnum

from amparo.core.errors import Conflict, InvalidInput
from amparo.hub.commands.notice_letter import letter_of
from amparo.hub.commands.notices import require_open
from amparo.hub.commands.queue import check_works_on_cases
from amparo.hub.context import Hub
from amparo.hub.mail import read_mail_settings
from amparo.hub.notice_file import OpenedNotice
from amparo.notice.content import NoticeId, check_email
from amparo.notice.letter import Rendered
from amparo.notice.mail import Mailbox, to_eml
from amparo.notice.pdf import to_pdf
from amparo.store.staff.protocol import StaffRecord


class LetterFile(StrEnum):
    TEXT = "txt"
    MESSAGE = "eml"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        return {"txt": "text/plain", "eml": "message/rfc822", "pdf": "application/pdf"}[self.value]


def letter_file(hub: Hub, by: StaffRecord, notice: NoticeId, kind: LetterFile) -> bytes:
    """The approved letter, or the one that would be approved.

    Raises Rejected ``role_missing``, ``notice_closed_to_you``, NotFound ``notice_unknown``, Conflict ``notice_not_complete``,
    ``mail_not_set_up`` and InvalidInput ``notice_email_invalid`` for a message without mailboxes, ``notice_unprintable``.
    """
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        require_open(hub, transaction, by, opened)
    letter = letter_of(hub, opened.state)
    if letter is None:
        raise Conflict("notice_not_complete", "The notice lacks something still.")
    at = opened.state.approved.at if opened.state.approved else hub.clock.now()
    match kind:
        case LetterFile.TEXT:
            return letter.text.encode()
        case LetterFile.PDF:
            return to_pdf(notice, letter, at)
        case LetterFile.MESSAGE:
            reply_to, sender = _sender(hub)
            return to_eml(notice, letter, sender, Mailbox(_mail_address(letter)), at, reply_to)


def _sender(hub: Hub) -> tuple[Mailbox | None, Mailbox]:
    settings = read_mail_settings(hub.mail_file)
    if settings is None:
        raise Conflict("mail_not_set_up", "This hub has no mailbox to send from. Take the text or the PDF.")
    return settings.answers_to, settings.sender


def _mail_address(letter: Rendered) -> str:
    try:
        check_email(letter.to)
    except InvalidInput as error:
        raise InvalidInput("notice_email_invalid", "This notice does not go to an e-mail address.") from error
    return letter.to
