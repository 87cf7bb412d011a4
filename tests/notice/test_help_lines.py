import json
from dataclasses import replace
from datetime import date, timedelta
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.help_lines import help_lines, read_help_lines
from amparo.notice.pack import Language, Quality

RAW = (resources.files("amparo.notice") / "help_lines.json").read_bytes()


def test_the_lines_are_those_of_the_fact_sheet() -> None:
    found = {(line.country, line.name, line.phone, line.source.value) for line in help_lines()}
    assert found == {
        ("ES", "INCIBE", "017", "P"),
        ("ES", "016", "016", "S"),
        ("ES", "ANAR", "900 20 20 10", "S"),
        ("ES", "AEPD", "", "S"),
        ("ES", "112", "112", "S"),
        ("ES", "Policía Nacional", "091", "S"),
        ("FR", "3018", "3018", "P"),
        ("FR", "119", "119", "P"),
        ("GB", "Revenge Porn Helpline", "0345 6000 459", "P"),
        ("US", "NCMEC", "1-800-843-5678", "S"),
        ("US", "988", "988", "S"),
        ("AU", "eSafety Commissioner", "", "S"),
        ("AU", "000", "000", "S"),
        ("AU", "131 444", "131 444", "S"),
    }
    ways = {line.id: [(way.name[Language.EN], way.value) for way in line.ways] for line in help_lines() if line.ways}
    assert ways == {
        "es-017": [("WhatsApp", "900 116 117"), ("Telegram", "@INCIBE017")],
        "es-016": [("WhatsApp", "600 000 016")],
        "es-anar": [("Families", "600 50 51 52")],
        "es-aepd": [("WhatsApp", "616 172 204")],
    }


def test_the_line_that_stays_in_the_call_log_says_so() -> None:
    (line,) = [line for line in help_lines() if line.id == "es-016"]
    assert "call log" in " ".join(line.notes[Language.EN])
    assert "registro de llamadas" in " ".join(line.notes[Language.ES])


def test_both_languages_say_as_much() -> None:
    for line in help_lines():
        assert len(line.notes[Language.ES]) == len(line.notes[Language.EN])


def test_nothing_can_be_dialled_by_a_page_that_prints_it() -> None:
    assert b"tel:" not in RAW
    assert b"http" not in RAW


@given(st.integers(-400, 400))
def test_a_number_older_than_180_days_warns(age: int) -> None:
    line = replace(help_lines()[0], verified_on=date(2026, 3, 1))
    assert line.stale(date(2026, 3, 1) + timedelta(days=age)) == (not 0 <= age <= 180)


def test_a_number_that_nobody_verified_on_a_known_day_warns() -> None:
    assert all(line.verified_on is None and line.stale(date(2026, 3, 1)) for line in help_lines())


def changed(**members: Any) -> bytes:
    content = json.loads(RAW)
    content["lines"] = [{**content["lines"][0], **members}]
    return json.dumps(content).encode()


def test_an_operator_verifies_a_line_in_a_list_of_its_own() -> None:
    (line,) = read_help_lines(changed(verified_on="2026-02-28", source="P"), "help_lines.json")
    assert line.verified_on == date(2026, 2, 28)
    assert line.source is Quality.PRIMARY


WRONG: list[dict[str, Any]] = [
    {"source": ""},
    {"source": "X"},
    {"verified_on": "yesterday"},
    {"notes": {"en": []}},
    {"dial": True},
    {"ways": [{}]},
]


@pytest.mark.parametrize("members", WRONG)
def test_a_line_out_of_format_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_help_lines(changed(**members), "help_lines.json")
    assert caught.value.code == "help_lines_invalid"


def test_two_lines_of_one_id_are_refused() -> None:
    content = json.loads(RAW)
    with pytest.raises(InvalidInput):
        read_help_lines(json.dumps({"lines": content["lines"][:1] * 2}).encode(), "help_lines.json")
