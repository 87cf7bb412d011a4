import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from amparo.core.errors import InvalidInput, NotFound
from amparo.notice.pack import (
    ClockStart,
    Element,
    MetBy,
    Quality,
    Status,
    Unit,
    Waiver,
    load_packs,
    override,
    read_pack,
)
from tests.notice.samples import PACKS, pack


def shipped(name: str) -> dict[str, Any]:
    return json.loads((resources.files("amparo.notice") / "packs" / f"{name}.json").read_bytes())


def changed(name: str, **members: object) -> bytes:
    return json.dumps({**shipped(name), **members}).encode()


def test_the_packs_that_ship_are_those_of_the_fact_sheet() -> None:
    assert {p.id: (p.status, p.enabled, p.source.quality) for p in PACKS} == {
        "au-esafety-referral": (Status.IN_FORCE, True, Quality.PRIMARY),
        "bing-report": (Status.POLICY, True, Quality.SECONDARY),
        "es-aepd-priority": (Status.POLICY, True, Quality.SECONDARY),
        "es-cp-173-bis": (Status.BILL, False, Quality.SECONDARY),
        "es-lopivi": (Status.IN_FORCE, True, Quality.PRIMARY),
        "eu-dsa-16": (Status.IN_FORCE, True, Quality.PRIMARY),
        "eu-dsa-20": (Status.IN_FORCE, True, Quality.PRIMARY),
        "eu-dsa-9": (Status.IN_FORCE, True, Quality.PRIMARY),
        "eu-gdpr-17": (Status.IN_FORCE, True, Quality.SECONDARY),
        "gb-osa-10-3a": (Status.ENACTED_UNCOMMENCED, False, Quality.SECONDARY),
        "google-removal": (Status.POLICY, True, Quality.PRIMARY),
        "us-dmca-512": (Status.IN_FORCE, False, Quality.SECONDARY),
        "us-take-it-down": (Status.IN_FORCE, True, Quality.PRIMARY),
    }


def test_no_shipped_pack_claims_a_lawyer() -> None:
    assert {p.reviewed_by for p in PACKS} == {""}


def test_only_the_rules_with_a_clock_have_one() -> None:
    clocks = {p.id: (p.clock.start, p.clock.unit, p.clock.count, p.clock.met_by) for p in PACKS if p.clock}
    assert clocks == {
        "us-take-it-down": (ClockStart.PROVABLE_RECEIPT, Unit.HOURS, 48, MetBy.REMOVAL),
        "gb-osa-10-3a": (ClockStart.PROVABLE_RECEIPT, Unit.HOURS, 48, MetBy.REMOVAL),
        "eu-gdpr-17": (ClockStart.PROVABLE_RECEIPT, Unit.MONTHS, 1, MetBy.DECISION),
        "eu-dsa-20": (ClockStart.INFORMED, Unit.MONTHS, 6, MetBy.SENDING),
    }


def test_only_article_16_lets_anything_be_left_out_and_only_name_and_address() -> None:
    waived = {(p.id, asked.element, asked.unless) for p in PACKS for asked in p.elements if asked.unless}
    assert waived == {("eu-dsa-16", Element.NAME_AND_EMAIL, Waiver.OFFENCE_AGAINST_MINOR)}


@pytest.mark.parametrize("member", sorted(shipped("eu-dsa-16")))
def test_a_pack_without_one_of_its_members_is_refused(member: str) -> None:
    content = shipped("eu-dsa-16")
    del content[member]
    if member == "reviewed_by":
        assert read_pack(json.dumps(content).encode(), "eu-dsa-16.json").reviewed_by == ""
        return
    with pytest.raises(InvalidInput) as caught:
        read_pack(json.dumps(content).encode(), "eu-dsa-16.json")
    assert caught.value.code == "rule_pack_invalid"
    assert member in caught.value.detail or member == "clock_start"


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"id": "eu-dsa-17"},
        {"status": "repealed"},
        {"status": "bill"},
        {"as_of": "23 November 2026"},
        {"title": {"en": "only one language"}},
        {"source": "a book"},
        {"source": {"cite": {"en": "x", "es": "x"}, "quality": "Q"}},
        {"source": {"cite": "one language", "quality": "P"}},
        {"quoted_text_sha256": "12"},
        {"clock_start": "sending"},
        {"clock": None},
        {"clock": {"unit": "hours", "count": 0, "met_by": "removal"}},
        {"clock": {"unit": "hours", "count": True, "met_by": "removal"}},
        {"clock": {"unit": "hours", "count": 48, "met_by": "sending"}},
        {"clock_start": "informed_of_decision"},
        {"elements": [{"element": "contact", "basis": "rule"}] * 2},
        {"elements": [{"element": "photo", "basis": "rule"}]},
        {"enabled": "yes"},
    ],
)
def test_a_pack_out_of_format_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_pack(changed("us-take-it-down", **members), "us-take-it-down.json")
    assert caught.value.code == "rule_pack_invalid"


def test_the_digest_of_a_quoted_text_is_kept() -> None:
    digest = "0123456789abcdef" * 4
    assert read_pack(changed("eu-dsa-9", quoted_text_sha256=digest), "eu-dsa-9.json").quoted_text_sha256 == digest


def test_the_operator_names_a_reviewer_and_switches_packs(tmp_path: Path) -> None:
    (tmp_path / "eu-dsa-16.json").write_text('{"reviewed_by": "Lawyer Example, 2026-11-20"}')
    (tmp_path / "bing-report.json").write_text('{"enabled": false}')
    packs = load_packs(tmp_path)
    assert packs.get("eu-dsa-16").reviewed_by == "Lawyer Example, 2026-11-20"
    assert packs.get("eu-dsa-16").enabled
    assert not packs.get("bing-report").may_render
    assert len(packs) == len(PACKS)


@pytest.mark.parametrize("name", ["es-cp-173-bis", "gb-osa-10-3a"])
def test_the_operator_cannot_switch_on_what_is_not_in_force(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        override(pack(name), b'{"enabled": true}', f"{name}.json")
    assert caught.value.code == "rule_pack_not_in_force"
    assert override(pack(name), b'{"reviewed_by": "Lawyer"}', f"{name}.json").reviewed_by == "Lawyer"


@pytest.mark.parametrize("raw", [b'{"status": "in_force"}', b'{"elements": []}', b'{"enabled": 1}', b"x"])
def test_the_operator_cannot_change_what_a_pack_says(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        override(pack("eu-dsa-16"), raw, "eu-dsa-16.json")
    assert caught.value.code == "rule_pack_invalid"


def test_a_file_of_the_operator_that_belongs_to_no_pack_is_named(tmp_path: Path) -> None:
    (tmp_path / "eu-dsa-61.json").write_text("{}")
    with pytest.raises(InvalidInput) as caught:
        load_packs(tmp_path)
    assert caught.value.code == "rule_pack_override_unknown"
    assert caught.value.detail == "eu-dsa-61.json"


def test_an_unknown_pack_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        PACKS.get("eu-dsa-61")
    assert caught.value.code == "rule_pack_unknown"
