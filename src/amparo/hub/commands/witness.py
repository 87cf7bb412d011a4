"""What somebody reports who was sent a copy, or saw one: a case of its own, which opens alike whatever was reported."""

from __future__ import annotations

from collections.abc import Sequence

from amparo.case.code import CaseCode
from amparo.case.events import Event
from amparo.hub.commands import person
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.commands.telling import ask_to_tell
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase, WordsKey
from amparo.signal.fingerprint import Pdq
from amparo.store import Transaction


def report(
    hub: Hub, request: bytes, opening: Opening, fingerprints: Sequence[Pdq] = (), words: Sequence[Typed] = ()
) -> CaseCode:
    """Open a witness's case; copies of what was reported are stopped from now on, and its code can be passed on.

    As ``person.open_case``, also in what it raises. Cases that protect such a picture hear of it within a minute
    (``telling``); the witness is never told whether there are any.
    """
    inner = person.filled_with(hub, fingerprints, words)

    def fill(transaction: Transaction, opened: OpenedCase, key: WordsKey) -> Sequence[Event]:
        ask_to_tell(hub, transaction, opened)
        return inner(transaction, opened, key)

    return person.begin(hub, request, opening, fill)
