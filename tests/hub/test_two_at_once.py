"""Two caseworkers, and the person herself, on one case at the same moment: in order, or one is told; nothing is lost."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence

import pytest

from amparo.case.people import Author, WordsKind
from amparo.core.errors import AmparoError, Conflict
from amparo.hub.commands import desk_words, person, proposals, queue, spoken
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.store.staff.protocol import Role
from tests.hub.desks import employ
from tests.hub.hubs import fingerprints

REASON = "She asked us to write to the platform"


def together(acts: Sequence[Callable[[], object]]) -> list[str]:
    """Do them all at once; what came of each, "" for done and else the code of the error."""
    barrier, outcomes = threading.Barrier(len(acts)), [""] * len(acts)

    def do(at: int) -> None:
        barrier.wait()
        try:
            acts[at]()
        except AmparoError as error:
            outcomes[at] = error.code

    threads = [threading.Thread(target=do, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return outcomes


def test_messages_notes_and_reveals_of_one_moment_are_all_kept(hub: Hub) -> None:
    ana, berta = employ(hub, name="Ana"), employ(hub, Role.SUPERVISOR, "Berta")
    words = [Typed(WordsKind.NOTE, "mine")]
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1), words)
    state = person.view_case(hub, code).case
    acts: list[Callable[[], object]] = []
    for at in range(6):
        acts += [
            lambda at=at: desk_words.write_message(hub, ana, state.id, f"ana {at}"),
            lambda at=at: desk_words.write_message(hub, berta, state.id, f"berta {at}"),
            lambda: desk_words.reveal(hub, ana, state.id, [state.notes[0].words], REASON),
        ]
    acts += [lambda: spoken.note(hub, code, [Typed(WordsKind.MESSAGE, "person")])]
    outcomes = together(acts)
    assert set(outcomes) <= {"", "case_moved_on"}
    done = [outcome == "" for outcome in outcomes]
    view = person.view_case(hub, code)
    said = {one.text for one in view.spoken if one.noted.kind is WordsKind.MESSAGE}
    expected = {
        f"{name} {at}" for at in range(6) for place, name in enumerate(("ana", "berta")) if done[3 * at + place]
    }
    assert said == expected | ({"person"} if done[-1] else set())
    assert sum(one.noted.author is Author.DESK for one in view.spoken) == len(expected)
    log = desk_words.reveal_log(hub, employ(hub, Role.AUDITOR))
    assert len(log) == sum(done[2:-1:3])
    assert view.case.version == len(view.case.notes) + 2, "opened, a picture, and each of the words once"


def test_of_two_who_take_a_case_one_is_told(hub: Hub) -> None:
    person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    staff = [employ(hub, name=name) for name in ("Ana", "Berta", "Carla")]
    outcomes = together([lambda by=by: queue.assign(hub, by, 1, by.id, None) for by in staff])
    assert sorted(outcomes) == ["", "case_taken", "case_taken"]
    with hub.store.read() as transaction:
        line = transaction.queue.numbered(1)
    assert line is not None
    assert line.assigned_to == staff[outcomes.index("")].id


def test_an_erasure_and_a_message_at_once_leave_no_message_without_its_case(hub: Hub) -> None:
    ana, berta = employ(hub, name="Ana"), employ(hub, Role.SUPERVISOR, "Berta")
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    case = person.view_case(hub, code).case.id
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    outcomes = together(
        [
            lambda: proposals.decide(hub, berta, proposal, approve=True),
            lambda: desk_words.write_message(hub, ana, case, "one more thing"),
            lambda: person.withdraw_case(hub, code),
        ]
    )
    assert outcomes[1] in ("", "case_unknown", "case_moved_on")
    assert (outcomes[0] == "") != (outcomes[2] == ""), "one of the two erased it"
    with hub.store.read() as transaction:
        assert transaction.case(case) is None
        assert transaction.words.sealed(case) == {}
        assert transaction.words.wraps(case) == {}
        assert transaction.count_entries()["withdrawn"] == 1


def test_who_looked_before_somebody_else_wrote_is_told_when_marking_as_read(hub: Hub) -> None:
    ana = employ(hub, name="Ana")
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    with hub.store.read() as transaction:
        line = transaction.queue.numbered(1)
    assert line is not None
    spoken.note(hub, code, [Typed(WordsKind.NOTE, "news")])
    with pytest.raises(Conflict) as caught:
        queue.mark_read(hub, ana, 1, line.arrived)
    assert caught.value.code == "case_moved_on"
