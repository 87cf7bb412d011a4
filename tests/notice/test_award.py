import json
from datetime import date

import pytest

from amparo.core.errors import InvalidInput
from amparo.notice.award import Award, read_award

GOOD = {"entity": "Example Association", "authority": "Example Coordinator", "awarded_on": "2026-02-03"}


def test_an_award_is_read_with_or_without_the_line_it_belongs_to() -> None:
    assert read_award(json.dumps(GOOD).encode(), "award.json") == Award(
        "Example Association", "Example Coordinator", date(2026, 2, 3)
    )
    assert read_award(json.dumps({**GOOD, "line": "es-017"}).encode(), "award.json").line == "es-017"


@pytest.mark.parametrize(
    "changes", [{"entity": ""}, {"authority": None}, {"awarded_on": "2026"}, {"status": "granted"}]
)
def test_an_award_that_names_nobody_is_none(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_award(json.dumps({**GOOD, **changes}).encode(), "award.json")
    assert caught.value.code == "award_invalid"
