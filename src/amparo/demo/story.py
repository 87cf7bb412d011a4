"""The story that ``amparo demo`` plays: an evening at a school, two platforms, a caseworker, and four days.

The people are invented, and so are the pictures: landscapes that were never anywhere. Each step goes through the same pages
and interfaces that people, sites and partners use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from amparo.case.code import parse
from amparo.core.errors import Unavailable
from amparo.demo.people import (
    code_shown,
    keep_photos,
    keep_pictures,
    newest_photo,
    note,
    open_case,
    publish,
    until,
)
from amparo.demo.pictures import altered, landscape
from amparo.demo.stage import FORO, FORO_TAKES, PLAZA, Stage
from amparo.demo.visitor import Visitor
from amparo.hub.commands.person import view_case
from amparo.hub.desk.session import COOKIE

PLACE: Final = "3º B, Instituto del Puerto"
HANDLE: Final = "@sombra_17"
STOPPED: Final = "This picture cannot be published here."
WAITS: Final = "Thank you. Your picture is waiting for a person to look at it."
PUBLISHED: Final = "Published."
TITLE: Final = "Instituto del Puerto, autumn"
LUCIA, INES, VERA = 1, 2, 3
"""Seeds of the photo that each picture began as."""


@dataclass(frozen=True, slots=True)
class Told:
    """One step, after it happened. lines: plain sentences; open: what can be looked at now, label and address or code."""

    title: str
    lines: tuple[str, ...]
    look: tuple[tuple[str, str], ...] = ()


class Story:
    """Plays on one stage, once. ``steps`` does each step when the next one is asked for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._plaza, self._foro = Visitor(stage.plaza), Visitor(stage.foro)
        self._desk = Visitor(stage.desk)
        self._desk.keep_cookie(COOKIE, stage.cookie("Ana"))
        self._codes: dict[str, str] = {}
        self._photo = ""
        self._notice = ""

    def close(self) -> None:
        for visitor in (self._plaza, self._foro, self._desk):
            visitor.close()

    def steps(self) -> Iterator[Told]:
        acts: tuple[Callable[[], Told], ...] = (
            self.somebody_publishes,
            self.lucia_guards_her_photos,
            self.marta_helps_ines,
            self.rosa_helps_vera,
            self.vera_is_threatened,
            self.noa_tells,
            self.an_altered_photo_is_held,
            self.the_reviewer_confirms,
            self.copies_are_stopped_elsewhere,
            self.the_caseworker_links_them,
            self.a_notice_goes_out,
            self.the_platform_is_late,
            self.rosa_withdraws,
        )
        for act in acts:
            yield act()

    # Before

    def somebody_publishes(self) -> Told:
        said = publish(self._foro, altered(INES, 902))
        _expect(said, PUBLISHED)
        self._photo = newest_photo(self._foro)
        return Told(
            f"A changed picture is up at {FORO}",
            (
                "Somebody took an ordinary photo of Inés, covered a part of it with something else, and published it.",
                f"Nobody has told anyone yet, so {FORO} lets it through.",
            ),
            ((f"The site {FORO}", self._stage.foro), (f"The site {PLAZA}", self._stage.plaza)),
        )

    # People come

    def lucia_guards_her_photos(self) -> Told:
        page = self._person()
        page.press("do", "picture").press("age", "minor").press("do", "ordinary")
        code = keep_photos(page, [landscape(LUCIA), landscape(11)])
        note(page, "place", PLACE)
        return self._opened(
            "Lucía",
            page,
            code,
            "Lucía, 15, guards two ordinary photos of herself",
            "She has heard that fakes go round in her class. She has no copy of any, and needs none.",
            "Her device turned both photos into traces. The photos stayed where they are; she noted her class.",
        )

    def marta_helps_ines(self) -> Told:
        page = self._person()
        page.press("do", "helping").press("relation", "parent").press("told", "1").press("age", "minor")
        page.press("do", "protect")
        code = keep_pictures(page, [altered(INES, 902)])
        note(page, "place", PLACE)
        note(page, "handle", HANDLE)
        return self._opened(
            "Marta",
            page,
            code,
            "Marta comes for her daughter Inés",
            "Inés knows and agrees. The picture was on Marta's telephone: 32 bytes of it left, and nothing else.",
            f"She noted the class, and who is said to send it: {HANDLE}. The words are sealed; the hub cannot read them.",
        )

    def rosa_helps_vera(self) -> Told:
        page = self._person()
        page.press("do", "helping").press("relation", "parent").press("told", "1").press("age", "minor")
        page.press("do", "protect")
        code = keep_pictures(page, [altered(VERA, 903)])
        note(page, "place", PLACE)
        return self._opened(
            "Rosa", page, code, "Rosa comes for her daughter Vera", "Another picture, the same class, the same evening."
        )

    def vera_is_threatened(self) -> Told:
        page = self._person()
        page.press("do", "threat").press("step", "0")
        page.press("step", "1", handle=HANDLE).press("step", "2", demand="50 euros by Friday, or everybody gets it")
        page.press("step", "99", payment="sombra-paga")
        return self._opened(
            "Vera",
            page,
            code_shown(page),
            "Vera is threatened, and comes by herself",
            "Help lines stood first on her page, then: do not pay, do not send more.",
            "She noted who it is, what they demand, and the payment name. The desk sees it at the top of its queue.",
        )

    def noa_tells(self) -> Told:
        page = self._person()
        page.press("do", "witness")
        code = keep_pictures(page, [altered(INES, 902, quality=70, scale=0.8)])
        self._stage.catch_up()
        return self._opened(
            "Noa",
            page,
            code,
            "Noa, a friend, was sent the picture of Inés",
            "A smaller, re-saved copy. Noa is not told whose it is, nor whether anybody knows it; Inés is told of a report.",
            "Noa's page then says how to delete it.",
        )

    # The platforms

    def an_altered_photo_is_held(self) -> Told:
        said = ""

        def held() -> bool:
            nonlocal said
            said = publish(self._plaza, altered(LUCIA, 901))
            return said == WAITS

        until(held, f"{PLAZA} follows the hub and holds the upload")
        return Told(
            f"An altered photo of Lucía is uploaded at {PLAZA}, and held",
            (
                f"{PLAZA} has never seen it. The ordinary photo's trace tells what it was made from, and how much was changed.",
                f"The site says to the uploader: «{said}»",
            ),
            (
                (f"The reviewer's page at {PLAZA}", f"{self._stage.plaza}/review"),
                ("Lucía's code", self._codes["Lucía"]),
            ),
        )

    def the_reviewer_confirms(self) -> Told:
        self._plaza.go("/review").press("decision", "confirm")
        return Told(
            f"A reviewer at {PLAZA} looks and confirms",
            (
                "From now on its fingerprint is in the bank of every platform. Lucía's own photo still passes everywhere.",
            ),
            (("Lucía's page, with her code", self._stage.person), ("Lucía's code", self._codes["Lucía"])),
        )

    def copies_are_stopped_elsewhere(self) -> Told:
        until(
            lambda: publish(self._foro, altered(LUCIA, 901, quality=70, scale=0.7)).startswith(STOPPED),
            f"{FORO} stops the altered photo",
        )
        _expect(publish(self._foro, landscape(LUCIA, quality=70)), PUBLISHED)
        until(
            lambda: publish(self._foro, altered(INES, 902, quality=60, scale=0.6)).startswith(STOPPED),
            f"{FORO} stops the picture of Inés",
        )
        until(lambda: self._drafted(self._codes["Marta"]) != "", "the sighting has drafted a notice")
        return Told(
            f"Copies are stopped at {FORO}, which nobody had told",
            (
                "A smaller, re-saved copy of Lucía's altered photo: refused. Her own photo: published.",
                "A copy of the picture of Inés: refused. Marta sees where and when.",
                f"Each sighting drafts a notice to {FORO}. Nothing is sent without a person's decision.",
            ),
            (("Marta's code", self._codes["Marta"]), ("The desk, as Ana", self._stage.desk_link())),
        )

    # The desk

    def the_caseworker_links_them(self) -> Told:
        desk = self._desk.go("/incidents/suggested")
        desk.submit("/incidents/confirm", title=TITLE)
        people = desk.said(r"<dt>Cases of people</dt><dd>(\d+)</dd>")
        return Told(
            "Ana, a caseworker, sees that these cases belong together",
            (
                "Found by what they have in common, the picture, the class and the user name, without opening anybody's words.",
                f"She confirms: one incident of {people} people's cases and a witness's. Nobody in it is told of the others.",
            ),
            (("The incident, at the desk", desk.at), ("The desk, as Ana", self._stage.desk_link())),
        )

    def a_notice_goes_out(self) -> Told:
        self._notice = self._drafted(self._codes["Marta"])
        here = f"/notices/{self._notice}"
        desk = self._desk.go(here)
        desk.submit(f"{here}/open", reason="To complete the notice and send it")
        desk.go(f"{here}/edit").submit(
            f"{here}/edit",
            urls=f"{self._stage.foro}/photos/{self._photo}",
            said__depiction="A photo of a person of which a large part was replaced.",
            said__relevant_information="The person in it never agreed to it. Her family asks for its removal.",
            confirm__non_consent="1",
            claim="fake",
            capacity="agent",
            signer="Ana, Amparo desk",
            contact__name="Amparo desk",
            contact__email="desk@amparo.example",
        )
        desk.submit(f"{here}/approve").submit(f"{here}/send")
        until(self._sent, "the mail has gone out")
        self._stage.let_pass(timedelta(minutes=5))
        desk.go(here).submit(
            f"{here}/receipt", received_at=self._now(), proof="acknowledgement", words="They confirmed by e-mail."
        )
        return Told(
            f"Ana completes the notice to {FORO} and sends it",
            (
                "She read the draft, added the exact address, signed for the desk, and approved the text.",
                f"It went by e-mail to {FORO_TAKES}, a mailbox of this demo.",
                f"{FORO} confirmed that it has it. That starts the clock of the rule: 48 hours. Sending alone would not.",
            ),
            (("The mail that came in", self._stage.mail), ("The notice, at the desk", f"{self._stage.desk}{here}")),
        )

    def the_platform_is_late(self) -> Told:
        self._stage.let_pass(timedelta(hours=50))
        here = f"/notices/{self._notice}"
        desk = self._desk.go(here)
        _expect(desk.text, "over since")
        desk.submit(f"{here}/open", reason="To see what they answered, and record it")
        self._stage.take_down(FORO, self._photo)
        desk.submit(f"{here}/answer", answer="removed", answered_at=self._now(), words="We have removed it now.")
        _expect(desk.text, "met late")
        return Told(
            f"Two days pass, the clock runs out, and {FORO} answers late",
            (
                "After 48 hours the case came up in the queue by itself, with the next steps that the rules offer.",
                f"Two hours later {FORO} wrote: removed. The desk keeps that it was met late, and Marta reads it on her page.",
            ),
            (("The notice, at the desk", f"{self._stage.desk}{here}"), ("Marta's code", self._codes["Marta"])),
        )

    # The end

    def rosa_withdraws(self) -> Told:
        picture = altered(VERA, 903, quality=70)
        until(lambda: publish(self._plaza, picture).startswith(STOPPED), f"{PLAZA} stops the picture of Vera")
        page = self._person()
        open_case(page, self._codes["Rosa"])
        page.press("do", "ask-withdraw-all").press("do", "withdraw-all")
        until(lambda: publish(self._plaza, picture) == PUBLISHED, f"{PLAZA} follows the withdrawal")
        page.close()
        _expect(self._opens_nothing(self._codes["Rosa"]), "opens nothing")
        return Told(
            "Rosa takes everything back",
            (
                "Her case is erased and its key destroyed. She needs to say no reason.",
                f"{PLAZA} had stopped the picture a minute ago, and lets it through now: what is withdrawn matches nowhere.",
                "Her code opens nothing any more; a wrong code looks the same.",
            ),
            (("Rosa's code, which opens nothing", self._codes["Rosa"]), ("The hub", self._stage.person)),
        )

    def _person(self) -> Visitor:
        return Visitor(self._stage.person).go("/")

    def _opened(self, name: str, page: Visitor, code: str, title: str, *lines: str) -> Told:
        page.close()
        self._codes[name] = code
        return Told(title, lines, (("The hub", self._stage.person), (f"{name}'s code", code)))

    def _opens_nothing(self, code: str) -> str:
        """The page that a code leads to which opens nothing."""
        page = self._person()
        answer = page.post("/", [("do", "open"), ("lang", "en"), ("code", code)])
        page.close()
        return answer.text

    def _drafted(self, code: str) -> str:
        """The draft to the site that takes mail, in the case of this code; empty while there is none."""
        case = view_case(self._stage.hub, parse(code)).case.id
        with self._stage.hub.store.read() as transaction:
            line = transaction.queue.line(case)
        assert line is not None  # of a case that is open
        page = self._desk.go(f"/cases/{line.number}/notices").text
        found = re.search(rf'href="/notices/([0-9a-f]{{32}})"[^>]*>[^<]*{FORO}', page)
        return found[1] if found else ""

    def _sent(self) -> bool:
        return f"/notices/{self._notice}/receipt" in self._desk.go(f"/notices/{self._notice}").text

    def _now(self) -> str:
        """As somebody types it into a field for day and hour."""
        zone = ZoneInfo(self._stage.hub.settings.time_zone)
        return self._stage.clock.now().astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _expect(text: str, words: str) -> None:
    if words not in text:
        raise Unavailable("demo_page_other", f"The story expects «{words}», and the page says something else.")
