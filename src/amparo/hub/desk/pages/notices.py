"""Notices: the list by clock and phase, one notice with all it needs, and every step that a person takes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.core.errors import InvalidInput, NotFound
from amparo.core.ids import is_id, random_id
from amparo.hub.commands import notices, sending
from amparo.hub.commands.notice_drafts import Wanted
from amparo.hub.commands.notice_files import LetterFile, letter_file
from amparo.hub.commands.notice_view import NoticePage, NoticeWords, Shelf, notice_list, notice_page
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.notice_form import chosen, form_for, moment, read_notice
from amparo.hub.desk.pages.queue import case_number
from amparo.hub.forms import Form, one
from amparo.hub.mail import read_mail_settings
from amparo.notice.content import Capacity, Circumstance, Claim, NoticeId, check_url
from amparo.notice.machine import Answer, Channel, Proof
from amparo.notice.pack import Language
from amparo.store.staff.protocol import StaffRecord

SHELVES: Final = {
    Shelf.OVER: "Their time is over",
    Shelf.CLOCKS: "Clocks that run",
    Shelf.DRAFTS: "Drafts",
    Shelf.TO_SEND: "Approved, not sent",
    Shelf.ON_THEIR_WAY: "Sent, not answered",
    Shelf.ANSWERED: "Answered or refused",
    Shelf.ENDED: "Removed or given up",
    Shelf.ALL: "All",
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    hub, zone = desk.hub, ZoneInfo(desk.hub.settings.time_zone)

    @router.get("/notices")
    def listed(request: Request, shelf: str = "", page: str = "1") -> Response:
        by = desk.require(request, *CASES)
        view = notice_list(hub, by, Shelf(shelf) if shelf in list(Shelf) else Shelf.OVER, _page_number(page))
        if not shelf and not view.rows:
            view = notice_list(hub, by, Shelf.CLOCKS)
        return desk.page("notices.html", by, view=view, shelves=SHELVES, link=_link)

    @router.get("/cases/{number}/notices")
    def of_case(number: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        view = notice_list(hub, by, Shelf.ALL, 1, case_number(number))
        usual = hub.office.for_platform(None, hub.settings.country)
        return desk.page(
            "case_notices.html",
            by,
            view=view,
            packs=hub.office.letters,
            usual=usual[0].id if usual else "",
            platforms=tuple(hub.office.book),
            fresh=random_id(),
            languages=Language,
        )

    @router.post("/cases/{number}/notices")
    def draft(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        platform = one(form, "platform")
        wanted = Wanted(
            hub.office.packs.get(one(form, "pack")),
            chosen(form, "language", Language),
            "" if platform else one(form, "addressee"),
            platform,
        )
        if not wanted.addressee and not platform:
            raise InvalidInput("addressee_missing", "Say to whom, or choose a platform of the address book.")
        notice = _notice_id(one(form, "notice"))
        notices.draft(hub, by, case_number(number), notice, wanted)
        return RedirectResponse(f"/notices/{notice}/edit", 303)

    @router.get("/notices/{notice}")
    def shown(notice: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        view = notice_page(hub, by, _notice_id(notice))
        return desk.page(
            "notice.html",
            by,
            view=view,
            now=hub.clock.now(),
            proofs=Proof,
            answers=Answer,
            sends_mail=read_mail_settings(hub.mail_file) is not None,
            next_id=random_id(),
        )

    @router.post("/notices/{notice}/open")
    def opened(notice: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        notices.open_words(hub, by, _notice_id(notice), one(form, "reason"))
        return RedirectResponse(f"/notices/{notice}", 303)

    @router.get("/notices/{notice}/edit")
    def edit(notice: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        view = notice_page(hub, by, _notice_id(notice))
        words = _opened(view)
        return desk.page(
            "notice_edit.html",
            by,
            view=view,
            words=words,
            form=form_for(words.notice, view.pack, hub.office.own_award),
            today=hub.clock.now().astimezone(zone).date(),
            languages=Language,
            capacities=Capacity,
            claims=Claim,
            circumstances=Circumstance,
        )

    @router.post("/notices/{notice}/edit")
    def edited(notice: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        view = notice_page(hub, by, _notice_id(notice))
        content = read_notice(form, _opened(view).notice, view.pack, zone, hub.office.own_award)
        for url in content.urls:
            check_url(url)
        notices.revise(hub, by, content, case_number(one(form, "version")))
        return RedirectResponse(f"/notices/{notice}", 303)

    @router.get("/notices/{notice}/{name}")
    def letter(notice: str, name: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        kind = {f"letter.{one.value}": one for one in LetterFile}.get(name)
        if kind is None:
            raise NotFound("page_unknown", "There is no such page.")
        content = letter_file(hub, by, _notice_id(notice), kind)
        attached = f'attachment; filename="{notice}.{kind.value}"'
        return Response(content, media_type=kind.media_type, headers={"Content-Disposition": attached})

    def step(path: str, act: Callable[[StaffRecord, NoticeId, Form], object]) -> None:
        """A form of the notice's page: do it, and show the page again."""

        @router.post(f"/notices/{{notice}}/{path}")
        def acted(notice: str, request: Request, form: Form) -> Response:
            by = desk.require(request, *CASES)
            act(by, _notice_id(notice), form)
            return RedirectResponse(f"/notices/{notice}", 303)

    step("approve", lambda by, notice, form: notices.approve(hub, by, notice, one(form, "digest")))
    step("send", lambda by, notice, _form: sending.send(hub, by, notice))
    step(
        "sent",
        lambda by, notice, form: notices.record_sent(
            hub, by, notice, chosen(form, "channel", Channel), one(form, "reference")
        ),
    )
    step("came-back", lambda by, notice, form: notices.record_failure(hub, by, notice, one(form, "reason")))
    step(
        "receipt",
        lambda by, notice, form: notices.prove_receipt(
            hub,
            by,
            notice,
            moment(form, "received_at", zone, latest=True),
            chosen(form, "proof", Proof),
            one(form, "words"),
        ),
    )
    step(
        "answer",
        lambda by, notice, form: notices.record_answer(
            hub, by, notice, chosen(form, "answer", Answer), moment(form, "answered_at", zone), one(form, "words")
        ),
    )
    step("abandon", lambda by, notice, form: notices.abandon(hub, by, notice, one(form, "reason")))

    @router.post("/notices/{notice}/follow")
    def follow(notice: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        fresh = _notice_id(one(form, "next"))
        notices.follow(hub, by, _notice_id(notice), fresh, hub.office.packs.get(one(form, "pack")))
        return RedirectResponse(f"/notices/{fresh}", 303)

    return router


def _notice_id(text: str) -> NoticeId:
    """Raises NotFound ``notice_unknown``."""
    if not is_id(text):
        raise NotFound("notice_unknown", "There is no such notice.")
    return NoticeId(text)


def _opened(view: NoticePage) -> NoticeWords:
    """Raises Rejected ``notice_closed_to_you``."""
    if view.words is None:
        raise notices.closed_to_you()
    return view.words


def _page_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def _link(shelf: Shelf, page: int = 1) -> str:
    return "/notices?" + urlencode({"shelf": shelf.value} | ({"page": page} if page > 1 else {}))
