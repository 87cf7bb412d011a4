import secrets
from pathlib import Path

from amparo.bank import TombstoneReason
from amparo.bank.entry import hold, release
from amparo.case.code import CaseCode
from amparo.core.ids import EntryId
from amparo.hub.commands import partners, person
from amparo.hub.context import Hub, HubSettings
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, Pdq
from tests.hub.hubs import fingerprints, near, open_hub

SHOWN = fingerprints(1)[0]


def opened(hub: Hub, shown: list[Pdq]) -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), "es", shown)


def found(hub: Hub, fingerprint: Pdq = SHOWN) -> list[tuple[EntryId, int]]:
    with hub.store.read() as transaction:
        return [(one.entry, one.distance) for one in hub.banked.near(hub.vault, transaction, fingerprint)]


def entry_of(hub: Hub, code: CaseCode) -> EntryId:
    return person.view_case(hub, code).pictures[0].picture.entry


def test_pictures_of_every_case_are_found_within_the_radius_and_not_beyond(hub: Hub) -> None:
    assert found(hub) == []
    exact, edge, beyond = (opened(hub, [near(SHOWN, bits)]) for bits in (0, PDQ_MATCH_RADIUS, PDQ_MATCH_RADIUS + 1))
    opened(hub, fingerprints(3, seed=9))
    assert found(hub) == [(entry_of(hub, exact), 0), (entry_of(hub, edge), PDQ_MATCH_RADIUS)]
    assert (entry_of(hub, beyond), PDQ_MATCH_RADIUS) in found(hub, near(SHOWN, 1))


def test_cases_are_counted(hub: Hub) -> None:
    both = opened(hub, [SHOWN, near(SHOWN, 2)])
    opened(hub, [near(SHOWN, 3)])
    case = person.view_case(hub, both).case.id
    with hub.store.read() as transaction:
        counted = hub.banked.cases_near(hub.vault, transaction, SHOWN)
    assert (counted[case], counted.total(), len(counted)) == (2, 3, 2)


def test_what_is_withdrawn_or_held_is_not_found_and_what_is_released_is_again(hub: Hub) -> None:
    code, other = opened(hub, [SHOWN]), opened(hub, [near(SHOWN, 4)])
    entry = entry_of(hub, code)
    assert len(found(hub)) == 2
    person.withdraw_case(hub, other)
    assert found(hub) == [(entry, 0)]
    for change, reason in ((hold, TombstoneReason.HELD), (release, None)):
        with hub.store.write() as transaction:
            record = transaction.entry(entry)
            assert record is not None
            transaction.change_entry(change(record.entry), hub.clock.now(), reason)
        assert found(hub) == ([] if reason else [(entry, 0)])


def test_canaries_are_nobodys_pictures(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path, HubSettings(canaries=3))
    card = partners.add_partner(hub, "Demo")
    with hub.store.read() as transaction:
        canary = next(c for c in transaction.changes(0, 10) if c.canary_of == card.partner)
        value = hub.vault.open_canary(canary.entry, canary.sealed)
    assert found(hub, value) == []
    hub.close()


def test_another_processs_pictures_are_found_too(hub: Hub, tmp_path: Path) -> None:
    assert found(hub) == []
    other, _ = open_hub(tmp_path / "hub")
    entry = entry_of(other, opened(other, [SHOWN]))
    other.close()
    assert found(hub) == [(entry, 0)]
