"""What a stolen database gives away: after a full story, every file of the hub's folder but its keys is searched."""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from amparo.bank import Opinion
from amparo.case.code import CaseCode
from amparo.case.people import WordsKind
from amparo.core.clock import SteppedClock
from amparo.hub.commands import (
    desk_words,
    feedback,
    incidents,
    partners,
    person,
    proposals,
    spoken,
    staff,
    trace,
)
from amparo.hub.commands.housekeeping import keep_house
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.desk_keys import DESK_KEY_FILE
from amparo.hub.mail import MailSettings, Security, write_mail_settings
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import codec
from amparo.store.staff.protocol import Role
from tests import altered
from tests.hub.desks import employ
from tests.hub.hubs import fingerprints, open_hub, pseudonym, told
from tests.hub.noticing import asked_to_send, drafted, received, tell, town
from tests.hub.posting import SENDER
from tests.hub.queues import newest_number

KEYS = {"hub.key", DESK_KEY_FILE}


@dataclass
class Story:
    """texts: everything that somebody typed; secret: everything that must not stand there in any spelling."""

    texts: list[str] = field(default_factory=list[str])
    secret: list[bytes] = field(default_factory=list[bytes])
    codes: list[CaseCode] = field(default_factory=list[CaseCode])

    def typed(self, kind: WordsKind, text: str) -> Typed:
        self.texts.append(text)
        return Typed(kind, text)

    def says(self, text: str) -> str:
        self.texts.append(text)
        return text

    def shows(self, count: int, seed: int) -> list[Pdq]:
        shown = fingerprints(count, seed)
        self.secret += [one.value for one in shown]
        return shown


def play(hub: Hub, clock: SteppedClock) -> Story:
    """A case with every kind of words and ordinary photos, partners, the desk, an incident, notices, acts of two."""
    story = Story()
    every_kind = [
        story.typed(WordsKind.LINK, "https://foro.example/hilo/998877?u=quimera"),
        story.typed(WordsKind.HANDLE, "@zarzuela_nocturna"),
        story.typed(WordsKind.PLACE, "Instituto Valdelagrana 3B"),
        story.typed(WordsKind.SENDER, "the cousin of Wenceslao"),
        story.typed(WordsKind.DEMAND, "seventy-one euros before Thursday"),
        story.typed(WordsKind.PAYMENT, "bizum-of-Ulpiano"),
        story.typed(WordsKind.NAME, "Quintiliana"),
        story.typed(WordsKind.CONTACT, "quintiliana@correo.example"),
        story.typed(WordsKind.NOTE, "It began behind the gymnasium.\nThen in the chat."),
        story.typed(WordsKind.MESSAGE, "Please do not ring my house"),
    ]
    code = person.open_case(hub, secrets.token_bytes(16), "es", story.shows(3, 1), every_kind)
    first = person.view_case(hub, code)
    photos = [altered.record(1), altered.record(2)]
    trace.register(hub, secrets.token_bytes(16), "es", photos)
    story.secret += [part for one in photos for part in (one.pdq.value, codec.encode(one)[40:72])]
    note = next(one.noted.words for one in first.spoken if one.noted.kind is WordsKind.NOTE)
    spoken.correct(hub, code, note, story.says("It began at the Rocinante bus stop"))
    other = person.open_case(
        hub, secrets.token_bytes(16), "en", story.shows(1, 2), [story.typed(WordsKind.HANDLE, "@zarzuela.diurna")]
    )
    story.codes += [code, other]

    carla, berta = employ(hub, Role.CASEWORKER, "Carla"), employ(hub, Role.SUPERVISOR, "Berta")
    case = first.case.id
    desk_words.reveal(hub, carla, case, [note], story.says("to write to the forum Cascabel"))
    desk_words.write_message(hub, carla, case, story.says("We have written to Cascabel"))
    asked = proposals.ask_erasure(hub, carla, 3, story.says("her aunt Eduvigis asked for it"))
    proposals.decide(hub, berta, asked, approve=True)
    proposals.ask_export(hub, carla, story.says("the yearly report for Torrelodones"))
    numbers = [newest_number(hub), 1]
    incident = incidents.confirm(hub, carla, numbers, title=story.says("The Rosaleda matter"))
    incidents.rename(hub, carla, incident, story.says("The Rosaleda and Peralejo matter"))

    cards = [partners.add_partner(hub, name) for name in ("Plaza", "Foro")]
    for card in cards:
        told(hub, card.partner)
        opinion = {pseudonym(hub, card.partner, first.pictures[0].picture.entry): Opinion.REJECT}
        feedback.judge_entries(hub, partners.authenticate(hub, card.key), opinion)
    story.secret += [card.key.partition(".")[2].encode() for card in cards]

    place = town(hub)
    story.codes.append(place.code)
    story.secret += [one.value for one in fingerprints(1)]
    write_mail_settings(hub.mail_file, MailSettings("127.0.0.1", 9, Security.NONE, SENDER))
    drafted(place)
    received(place)
    asked_to_send(place)
    told(hub, cards[0].partner)
    tell(place, cards[0], story.says("the stall by the Matadero gate"))
    # What tests.notice.samples types into a notice, and where it is sent.
    story.texts += [
        "legal@platform.example.com",
        "ana@example.org",
        "1 Example Street\n00000 Exampletown",
    ]
    clock.advance(timedelta(days=3))
    keep_house(hub)
    secret = staff.invite(hub, employ(hub, Role.ADMINISTRATOR), "Nuria", Role.AUDITOR).secret
    story.secret.append(secret.encode())
    return story


def spellings(text: str) -> Iterator[bytes]:
    """As it was typed, its longest word alone, in capitals and small letters, in UTF-16, base64 and hexadecimal digits."""
    for one in {text, max(text.split(), key=len)}:
        for spelt in (one, one.lower(), one.upper()):
            yield spelt.encode()
            yield spelt.encode("utf-16-le")
            yield spelt.encode().hex().encode()
            # Whatever stood before it, one of three alignments gives the same letters inside.
            for before in range(3):
                inside = base64.b64encode(b"\0" * before + spelt.encode())[4:-4]
                if len(inside) >= 8:
                    yield inside


def spelt_raw(raw: bytes) -> Iterator[bytes]:
    """Raw, a third of it, in hexadecimal digits and in base64."""
    for part in (raw, raw[:12], raw[-12:]):
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        yield base64.b64encode(part)[:-4]
        yield base64.urlsafe_b64encode(part)[:-4]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, dict[str, bytes]]:
    """The story, and the files as they are while the hub runs, after it has stopped, and what its keys are."""
    folder = tmp_path_factory.mktemp("played") / "hub"
    hub, clock = open_hub(folder)
    story = play(hub, clock)
    running = {f"running {name}": content for name, content in files_of(folder).items()}
    hub.close()
    return story, running | files_of(folder)


def test_no_file_but_the_keys_gives_away_a_text_a_fingerprint_or_a_secret(
    played: tuple[Story, dict[str, bytes]],
) -> None:
    story, files = played
    searched = {name: raw for name, raw in files.items() if name.removeprefix("running ") not in KEYS}
    assert any(name.endswith("hub.sqlite") for name in searched)
    assert len(story.texts) > 15
    needles = {needle: text for text in story.texts for needle in spellings(text)}
    needles |= {needle: "a secret" for raw in story.secret for needle in spelt_raw(raw)}
    for code in story.codes:
        # Two words that stand together: one alone may be a word of the schema's, such as trigger.
        needles |= {
            f"{first}{gap}{then}".encode(): "a code" for first, then in pairwise(code.words) for gap in (" ", "", "-")
        }
    assert min(map(len, needles)) >= 4
    for name, content in searched.items():
        found = sorted({text for needle, text in needles.items() if needle in content})
        assert found == [], f"{name} gives away {found}"


def test_the_keys_are_in_their_files_and_nowhere_else(played: tuple[Story, dict[str, bytes]]) -> None:
    _, files = played
    for key in KEYS:
        raw = files[key].strip()
        assert len(raw) >= 32
        assert [name for name, content in files.items() if raw in content] == [f"running {key}", key]


def test_the_search_would_find_what_stands_there(played: tuple[Story, dict[str, bytes]]) -> None:
    """Names of partners and staff are no secrets of a case, and stand there as they are."""
    _, files = played
    for name in (b"Plaza", b"Carla"):
        assert any(name in content for content in files.values())
    needles = list(spellings("the cousin of Wenceslao"))
    for hidden in (b"x the cousin of Wenceslao x", b"WENCESLAO", b"the cousin of Wenceslao".hex().encode()):
        assert any(needle in hidden for needle in needles)
    assert any(needle in base64.b64encode(b"12 the cousin of Wenceslao") for needle in needles)


def test_no_file_is_packed_so_that_the_search_would_look_past_it(played: tuple[Story, dict[str, bytes]]) -> None:
    _, files = played
    assert not any(content.startswith(gzip.compress(b"")[:2]) for content in files.values())
