"""A copy reported by a partner asks for a draft of a notice to it. The request costs the report one row; a worker writes it.

One draft a case and partner, whatever the number of sightings: while a notice to that partner stands, there is no other. Only
where the copies were removed and are back, there is a new one. None is ever approved or sent by this.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from amparo.case.events import CopySighted, DerivativeHeld
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId, PartnerId, random_id
from amparo.hub.commands.notice_drafts import sighting_draft
from amparo.hub.context import Hub
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.vault import OpenedCase
from amparo.notice import machine
from amparo.notice.content import NoticeId
from amparo.notice.machine import NoticeState, Origin, Phase
from amparo.notice.sighting import SightingFacts
from amparo.store import PartnerRecord, Transaction
from amparo.store.jobs.protocol import JobRecord, NewJob

DRAFT: Final = "draft-notice"
_MOST: Final = 150
"""Of notices in a case, beyond which nothing is drafted by itself: the rest is for people's own."""


def ask_for_draft(hub: Hub, transaction: Transaction, case: CaseId, seen: CopySighted | DerivativeHeld) -> None:
    """In the transaction that records what was seen. Nothing happens where a draft is asked for already.

    What was seen goes with it, sealed: a case that has heard of thousands of copies keeps no more of them.
    """
    name = f"{DRAFT}:{case}:{seen.partner}"
    content = {
        "case": case,
        "partner": seen.partner,
        "place": seen.place,
        "seen_at": to_text(seen.seen_at),
        "reference": seen.sighting if isinstance(seen, CopySighted) else seen.review,
    }
    sealed = hub.vault.seal_job(name, canonical_bytes(content))
    transaction.jobs.enqueue(NewJob(DRAFT, name, sealed, case), hub.clock.now())


def do_draft(hub: Hub, job: JobRecord, worker: str) -> None:
    """A claimed job; the draft and the job's end are one transaction."""
    content = cast("dict[str, Any]", json.loads(hub.vault.open_job(job.name, job.sealed)))
    case, partner = CaseId(content["case"]), PartnerId(content["partner"])
    now = hub.clock.now()
    with hub.store.write() as transaction:
        # Its name is free again: what is seen after this asks anew. Somebody else has it where this fails.
        record = transaction.case(case)
        known = transaction.partner(partner)
        if not transaction.jobs.finish(job.id, worker) or record is None or known is None:
            return
        opened = OpenedCase.read(transaction, record, hub.vault)
        notices = OpenedNotice.of_case(transaction, opened.key)
        if len(notices) >= _MOST or any(_stands(hub, one, known) for one in notices):
            return
        facts = SightingFacts(known.name, content["place"], from_text(content["seen_at"]), content["reference"])
        notice = sighting_draft(hub, opened.state, NoticeId(random_id()), facts)
        if notice is None:
            return
        empty = OpenedNotice(NoticeState(notice.id), opened.key)
        pack = hub.office.packs.get(notice.pack)
        events = machine.draft(empty.state, now, notice, pack, Origin.SIGHTING, hub.settings.time_zone)
        empty.append(transaction, events, hub.office.warn_at, now)
        transaction.queue.set_waits(case, True)


def _stands(hub: Hub, one: OpenedNotice, partner: PartnerRecord) -> bool:
    """Whether it speaks to this partner and was not ended by a removal. One that people gave up stays given up."""
    platform = hub.office.book.of_partner(partner.name)
    names = {partner.name, platform.name if platform else partner.name}
    return one.notice.addressee in names and one.state.phase is not Phase.REMOVED
