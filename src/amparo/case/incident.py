"""Which cases may belong together, and why: from what they have in common to suggestions for a caseworker. Pure.

::

    what cases share ──ties──▶ two cases and their grounds ──suggested──▶ groups, for a person to confirm or to set apart

Nothing here links anything: a suggestion is a lead. One very common thing never brings cases together, and two cases that
somebody has found apart are never suggested in one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final

from amparo.case.people import WordsKind
from amparo.core.ids import CaseId, IncidentId


class Ground(StrEnum):
    """PICTURE: pictures that look alike; WITNESS: the same, and one of them was reported by somebody who was sent it; PHOTO:
    ordinary photos that look alike; the others: a term that both name (``linking.terms_of``), by the kind of its words."""

    PICTURE = "picture"
    WITNESS = "witness"
    PHOTO = "photo"
    LINK = "link"
    HANDLE = "handle"
    PLACE = "place"
    SENDER = "sender"
    PAYMENT = "payment"


OF_KIND: Final = {
    WordsKind.LINK: Ground.LINK,
    WordsKind.HANDLE: Ground.HANDLE,
    WordsKind.PLACE: Ground.PLACE,
    WordsKind.SENDER: Ground.SENDER,
    WordsKind.PAYMENT: Ground.PAYMENT,
}
"""The ground of a term, by the kind of words that hold it: one for each of ``people.LINKING``."""

ENOUGH: Final = 30
"""The weight from which a tie is suggested."""
COMMON: Final = 25
"""A term that more cases name than this is common: a town's school, an app's name. It adds a tenth of its weight to a tie
that has other grounds, and makes none."""
COMMON_NAMES: Final = 8
"""The same for what many strangers name: a school, a given name."""
LARGEST: Final = 40
"""How many cases that nobody has confirmed are suggested at once. Beyond it, chance ties chain strangers together; once these
are confirmed, the others are suggested for their incident."""
EVERYWHERE: Final = (
    *(
        "instagram",
        "whatsapp",
        "telegram",
        "tiktok",
        "snapchat",
        "discord",
        "facebook",
        "messenger",
        "youtube",
        "twitter",
    ),
    *("x", "reddit", "twitch", "signal", "google", "onlyfans", "bizum", "paypal", "wallapop", "revolut"),
    *(
        "instagram.com",
        "tiktok.com",
        "snapchat.com",
        "discord.com",
        "facebook.com",
        "youtube.com",
        "twitter.com",
        "x.com",
    ),
    *(
        "reddit.com",
        "t.me",
        "wa.me",
        "web.whatsapp.com",
        "chat.whatsapp.com",
        "telegram.org",
        "paypal.com",
        "google.com",
    ),
    *(
        "m.facebook.com",
        "youtu.be",
        "vm.tiktok.com",
        "discord.gg",
        "onlyfans.com",
        "amazon",
        "steam",
        "roblox",
        "bereal",
    ),
    *("colegio", "instituto", "clase", "escuela", "universidad", "grupo", "amigo", "amiga", "un amigo", "una amiga"),
    *(
        "school",
        "class",
        "group",
        "friend",
        "a friend",
        "college",
        "university",
        "work",
        "trabajo",
        "internet",
        "online",
    ),
    *(
        "ex",
        "mi ex",
        "my ex",
        "novio",
        "exnovio",
        "boyfriend",
        "unknown",
        "desconocido",
        "no se",
        "i don t know",
        "nobody",
    ),
)
"""Terms that say nothing of who belongs together, however few cases name them: common from the first one on."""

_WEIGHTS: Final = {
    Ground.PICTURE: 100,
    Ground.WITNESS: 100,
    Ground.LINK: 60,
    Ground.HANDLE: 60,
    Ground.PAYMENT: 60,
    Ground.PHOTO: 40,
    Ground.PLACE: 40,
    # Given names are shared by strangers: it takes another ground beside one.
    Ground.SENDER: 20,
}


@dataclass(frozen=True, slots=True)
class Shared:
    """One thing that several cases have. common: it says little, see ``COMMON``; grounds: of each case, as what it has it."""

    cases: Mapping[CaseId, Ground]
    common: bool = False

    def between(self, first: CaseId, second: CaseId) -> Ground:
        """As what the two share it: the weightier of both, a user name that the other took for a sender."""
        return max(self.cases[first], self.cases[second], key=lambda ground: (_WEIGHTS[ground], ground))


@dataclass(frozen=True, slots=True)
class Tie:
    """Two cases that may belong together; the lesser id stands first. grounds: the weightiest first, one for each thing."""

    first: CaseId
    second: CaseId
    grounds: tuple[Ground, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Cases that may be one incident. cases: all of them, in order; incidents: those that some of them are in already;
    weight: of the strongest tie."""

    cases: tuple[CaseId, ...]
    incidents: tuple[IncidentId, ...]
    ties: tuple[Tie, ...]
    weight: int


def ties(shared: Iterable[Shared]) -> list[Tie]:
    """Every two cases whose grounds weigh ``ENOUGH``, each pair once, in order.

    What is common counts a tenth, and only where something else is shared too.
    """
    rare: defaultdict[tuple[CaseId, CaseId], list[Ground]] = defaultdict(list)
    common: list[Shared] = []
    for one in shared:
        if one.common:
            common.append(one)
            continue
        for first, second in combinations(sorted(one.cases), 2):
            rare[first, second].append(one.between(first, second))
    having: defaultdict[CaseId, set[int]] = defaultdict(set)
    for number, one in enumerate(common):
        for case in one.cases:
            having[case].add(number)
    found: list[Tie] = []
    for (first, second), grounds in sorted(rare.items()):
        little = [common[number].between(first, second) for number in sorted(having[first] & having[second])]
        weight = sum(_WEIGHTS[ground] for ground in grounds) + sum(_WEIGHTS[ground] for ground in little) // 10
        if weight >= ENOUGH:
            found.append(Tie(first, second, tuple(sorted([*grounds, *little], key=order)), weight))
    return found


def suggested(
    found: Iterable[Tie], apart: Collection[tuple[CaseId, CaseId]], linked: Mapping[CaseId, IncidentId]
) -> list[Suggestion]:
    """Groups of tied cases, the strongest first; a case is in one group at most.

    apart: pairs that somebody found apart, the lesser id first: no group holds both, unless somebody has linked the two since.
    linked: the incident of each case that is in one. Cases of one incident stand together from the beginning, and a group
    that would only say what is confirmed already is left out. The same whatever order things come in.
    """
    by_weight = sorted(found, key=lambda tie: (-tie.weight, tie.first, tie.second))
    groups = _Groups({case for tie in by_weight for case in (tie.first, tie.second)}, linked, apart)
    for tie in by_weight:
        groups.join(tie.first, tie.second)
    within: defaultdict[CaseId, list[Tie]] = defaultdict(list)
    for tie in by_weight:
        if groups.of(tie.first) == groups.of(tie.second) and not _confirmed(tie, linked):
            within[groups.of(tie.first)].append(tie)
    suggestions = [_suggestion(kept, linked) for kept in within.values()]
    return sorted(suggestions, key=lambda one: (-one.weight, one.cases))


class _Groups:
    """Union of cases that refuses to bring together what was found apart, or more than people can look at."""

    def __init__(
        self, cases: Iterable[CaseId], linked: Mapping[CaseId, IncidentId], apart: Collection[tuple[CaseId, CaseId]]
    ) -> None:
        self._head: dict[CaseId, CaseId] = {}
        self._members: defaultdict[CaseId, set[CaseId]] = defaultdict(set)
        self._loose: dict[CaseId, int] = {}
        first_of: dict[IncidentId, CaseId] = {}
        for case in sorted({*cases, *linked}):
            incident = linked.get(case)
            head = case if incident is None else first_of.setdefault(incident, case)
            self._head[case] = head
            self._members[head].add(case)
            self._loose[head] = int(incident is None)
        self._apart: defaultdict[CaseId, set[CaseId]] = defaultdict(set)
        for first, second in apart:
            self._apart[first].add(second)
            self._apart[second].add(first)

    def of(self, case: CaseId) -> CaseId:
        return self._head[case]

    def join(self, first: CaseId, second: CaseId) -> None:
        one, other = self._head[first], self._head[second]
        if one == other:
            return
        small, large = sorted((self._members[one], self._members[other]), key=len)
        if any(self._apart[case] & large for case in small if case in self._apart):
            return
        if self._loose[one] + self._loose[other] > LARGEST:
            return
        kept = self._head[next(iter(large))]
        gone = other if kept == one else one
        for case in small:
            self._head[case] = kept
        self._members[kept] |= self._members.pop(gone)
        self._loose[kept] += self._loose.pop(gone)


def _confirmed(tie: Tie, linked: Mapping[CaseId, IncidentId]) -> bool:
    return tie.first in linked and linked[tie.first] == linked.get(tie.second)


def _suggestion(kept: Sequence[Tie], linked: Mapping[CaseId, IncidentId]) -> Suggestion:
    cases = sorted({case for tie in kept for case in (tie.first, tie.second)})
    incidents = sorted({linked[case] for case in cases if case in linked})
    return Suggestion(tuple(cases), tuple(incidents), tuple(kept), max(tie.weight for tie in kept))


def order(ground: Ground) -> tuple[int, str]:
    """By which grounds are sorted: the weightiest first."""
    return -_WEIGHTS[ground], ground
