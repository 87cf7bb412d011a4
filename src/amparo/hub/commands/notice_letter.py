"""The letter that a notice makes, and whose word it waits for."""

from __future__ import annotations

from amparo.core.errors import Rejected
from amparo.hub.context import Hub
from amparo.notice.content import Capacity, Notice, NoticeIncomplete
from amparo.notice.letter import Rendered, render
from amparo.notice.machine import NoticeState, Phase


def letter_of(hub: Hub, state: NoticeState) -> Rendered | None:
    """The approved text, or what would be approved now; None while anything is missing or its rule is off."""
    if state.approved is not None:
        return state.approved.rendered
    assert state.notice is not None  # of a notice that was read
    try:
        return render(state.notice, hub.office.packs.get(state.notice.pack), hub.office.own_award)
    except (NoticeIncomplete, Rejected):
        return None


def signed_by_person(notice: Notice) -> bool:
    """Whether it carries the person's own signature, so that only she can approve it."""
    signature = notice.signature
    return signature is not None and signature.capacity is Capacity.PERSON and not notice.anonymous


def waits_for_person(hub: Hub, state: NoticeState) -> bool:
    """Whether it is complete, carries her name, and only her word is missing."""
    drafted = state.phase is Phase.DRAFTED and state.notice is not None and signed_by_person(state.notice)
    return drafted and letter_of(hub, state) is not None
