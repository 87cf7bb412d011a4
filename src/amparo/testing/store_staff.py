"""The part of the store's contract that keeps staff: accounts, passkeys, invitations, the reveal log, acts of two, policy.

::

    class TestMyStaff(StaffContract):
        @pytest.fixture
        def store(self, tmp_path): ...
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from amparo.case.people import WordsKind
from amparo.core.errors import Conflict
from amparo.core.ids import CaseId, ProposalId, StaffId, random_id
from amparo.store.protocol import Store
from amparo.store.staff.protocol import (
    Deed,
    InvitationRecord,
    PasskeyRecord,
    PolicyRecord,
    ProposalRecord,
    ProposalState,
    Reveal,
    Role,
    StaffDeed,
    StaffRecord,
)
from amparo.testing.records import LATER, NOW


def some_staff(name: str, role: Role = Role.CASEWORKER) -> StaffRecord:
    return StaffRecord(StaffId(random_id()), name, role, NOW)


def _refused(store: Store, record: StaffRecord, *, new: bool) -> bool:
    try:
        with store.write() as transaction:
            (transaction.staff.add if new else transaction.staff.update)(record)
    except Conflict as error:
        return error.code == "staff_exists"
    return False


def _taken(store: Store, record: PasskeyRecord) -> bool:
    try:
        with store.write() as transaction:
            transaction.staff.add_passkey(record)
    except Conflict as error:
        return error.code == "passkey_exists"
    return False


class StaffContract:
    """Subclass it with a fixture ``store``: an empty store."""

    def test_staff_are_found_by_id_name_and_subject_and_named_once(self, store: Store) -> None:
        ana, berta = replace(some_staff("Ana"), subject="s-1"), some_staff("Berta", Role.AUDITOR)
        with store.write() as transaction:
            transaction.staff.add(berta)
            transaction.staff.add(ana)
        gone = replace(berta, disabled_at=LATER)
        with store.write() as transaction:
            transaction.staff.update(gone)
        with store.read() as transaction:
            assert transaction.staff.everyone() == [ana, gone]
            assert transaction.staff.one(ana.id) == transaction.staff.named("Ana") == ana
            assert transaction.staff.with_subject("s-1") == ana
            assert transaction.staff.named("Zoe") is transaction.staff.one(StaffId("x")) is None
        assert _refused(store, some_staff("Ana"), new=True)
        assert _refused(store, replace(some_staff("Carla"), subject="s-1"), new=True)
        assert _refused(store, replace(gone, name="Ana"), new=False)

    def test_passkeys_are_kept_by_credential_used_and_removed(self, store: Store) -> None:
        ana, berta = some_staff("Ana"), some_staff("Berta")
        first = PasskeyRecord(b"\x01" * 20, ana.id, b"key 1", 0, "Phone", NOW)
        second = PasskeyRecord(b"\x02" * 64, ana.id, b"key 2", 7, "Key", LATER)
        hers = PasskeyRecord(b"\x03" * 20, berta.id, b"key 3", 0, "Phone", NOW)
        with store.write() as transaction:
            for one in (ana, berta):
                transaction.staff.add(one)
            for key in (second, hers, first):
                transaction.staff.add_passkey(key)
        assert _taken(store, replace(first, staff=berta.id))
        with store.write() as transaction:
            transaction.staff.use_passkey(first.credential, 5, LATER)
            transaction.staff.remove_passkey(second.credential)
        with store.read() as transaction:
            used = replace(first, sign_count=5, last_used_at=LATER)
            assert transaction.staff.passkeys(ana.id) == [used]
            assert transaction.staff.passkeys() == [used, hers]
            assert transaction.staff.passkey(first.credential) == used
            assert transaction.staff.passkey(second.credential) is None

    def test_somebody_has_one_invitation_at_most_and_old_ones_go(self, store: Store) -> None:
        ana, berta = some_staff("Ana"), some_staff("Berta")
        early, newer = InvitationRecord(b"a" * 32, ana.id, NOW), InvitationRecord(b"b" * 32, ana.id, LATER)
        hers = InvitationRecord(b"c" * 32, berta.id, NOW)
        with store.write() as transaction:
            for one in (ana, berta):
                transaction.staff.add(one)
            for record in (early, newer, hers):
                transaction.staff.invite(record)
            assert transaction.staff.invitations() == [hers, newer]
            assert transaction.staff.invitation(early.digest) is None
            transaction.staff.forget_invitations(NOW)
            assert transaction.staff.invitations() == [newer]
            transaction.staff.withdraw_invitations(ana.id)
            assert transaction.staff.invitations() == []

    def test_the_reveal_log_numbers_its_lines_without_a_gap_and_is_read_backwards(self, store: Store) -> None:
        ana, berta = some_staff("Ana"), some_staff("Berta")
        lines = [
            Reveal(who.id, CaseId(random_id()), number, (WordsKind.LINK, WordsKind.NOTE), b"sealed", NOW)
            for who, number in ((ana, 1), (berta, 1), (ana, 2))
        ]
        with store.write() as transaction:
            for one in (ana, berta):
                transaction.staff.add(one)
            assert [transaction.staff.record_reveal(line) for line in lines[:2]] == [1, 2]
        try:
            with store.write() as transaction:
                transaction.staff.record_reveal(lines[2])
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        with store.write() as transaction:
            assert transaction.staff.record_reveal(lines[2]) == 3, "what was undone leaves no gap"
        with store.read() as transaction:
            assert [one.reveal for one in transaction.staff.reveals(9)] == lines[::-1]
            assert [one.line for one in transaction.staff.reveals(9, staff=ana.id)] == [3, 1]
            assert [one.line for one in transaction.staff.reveals(9, number=1)] == [2, 1]
            assert [one.line for one in transaction.staff.reveals(1, before=3)] == [2]
            assert transaction.staff.reveals(9, staff=berta.id, number=2) == []

    def test_deeds_are_read_backwards_and_those_who_went_are_found(self, store: Store) -> None:
        ana, berta = some_staff("Ana", Role.ADMINISTRATOR), some_staff("Berta", Role.SUPERVISOR)
        first = StaffDeed(Deed.INVITED, ana.id, ana.role, NOW)
        second = StaffDeed(Deed.INVITED, berta.id, berta.role, NOW, ana.id, berta.id)
        third = StaffDeed(Deed.SENT_AWAY, berta.id, berta.role, LATER, ana.id)
        with store.write() as transaction:
            for one in (ana, berta):
                transaction.staff.add(one)
            for deed in (first, second, third):
                transaction.staff.record_deed(deed)
        with store.read() as transaction:
            assert transaction.staff.deeds(9) == [third, second, first]
            assert transaction.staff.deeds(1) == [third]
            assert transaction.staff.openings() == [first, second]
            assert transaction.staff.sent_away_since(LATER) == [third]
            assert transaction.staff.sent_away_since(LATER + timedelta(seconds=1)) == []

    def test_a_proposal_is_decided_once_and_used_once(self, store: Store) -> None:
        ana, berta = some_staff("Ana"), some_staff("Berta")
        made = [
            ProposalRecord(ProposalId(random_id()), "export", f"cases {at}", b"why", ana.id, NOW + timedelta(days=at))
            for at in range(3)
        ]
        with store.write() as transaction:
            for one in (ana, berta):
                transaction.staff.add(one)
            for record in made[::-1]:
                transaction.staff.add_proposal(record)
            first, second, third = (record.id for record in made)
            assert not transaction.staff.use_proposal(first)
            assert transaction.staff.decide_proposal(first, ProposalState.APPROVED, berta.id, LATER)
            assert not transaction.staff.decide_proposal(first, ProposalState.REFUSED, berta.id, LATER)
            assert transaction.staff.decide_proposal(third, ProposalState.REFUSED, berta.id, NOW)
            assert transaction.staff.use_proposal(first)
            assert not transaction.staff.use_proposal(first)
            assert not transaction.staff.use_proposal(third)
        with store.read() as transaction:
            assert transaction.staff.proposals(9, waiting=True) == [made[1]]
            used = replace(made[0], state=ProposalState.USED, decided_by=berta.id, decided_at=LATER)
            refused = replace(made[2], state=ProposalState.REFUSED, decided_by=berta.id, decided_at=NOW)
            assert transaction.staff.proposals(9, waiting=False) == [used, refused]
            assert transaction.staff.proposal(second) == made[1]
            assert transaction.staff.proposal(ProposalId("x")) is None

    def test_policy_keeps_the_newest_value_of_each_name(self, store: Store) -> None:
        ana = some_staff("Ana")
        newer = PolicyRecord("days", "90", LATER, ana.id)
        with store.write() as transaction:
            transaction.staff.set_policy(PolicyRecord("days", "30", NOW, ana.id))
            transaction.staff.set_policy(newer)
            transaction.staff.set_policy(PolicyRecord("another", "x", NOW, ana.id))
        with store.read() as transaction:
            assert list(transaction.staff.policy()) == [PolicyRecord("another", "x", NOW, ana.id), newer]
