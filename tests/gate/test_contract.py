"""The OpenAPI document against a served gate, by schemathesis: bounded and the same in every run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks

from amparo.gate.openapi import document
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import Feed, jpeg, key_for, new_gate
from tests.gate.listening import serving

OPERATIONS = [(path, method, told) for path, methods in document()["paths"].items() for method, told in methods.items()]
QUESTIONS = [
    *((path, method, GenerationMode.POSITIVE) for path, method, _ in OPERATIONS),
    # Where nothing is asked, nothing can be asked wrongly.
    *(
        (path, method, GenerationMode.NEGATIVE)
        for path, method, told in OPERATIONS
        if {"parameters", "requestBody"} & set(told)
    ),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str]]:
    gate = new_gate(tmp_path_factory.mktemp("gate"))
    Feed(gate).add(pdq.fingerprint(jpeg(1)))
    gate.local.create_bank("A")
    gate.local.add_content("A", {"pdq": pdq.fingerprint(jpeg(2)).hex})
    key = key_for(gate, "admin")
    with serving(create_app(gate)) as url:
        yield url, key


POSITIVE, NEGATIVE = 8, 12
"""Questions an operation and kind: what the contract allows, and what it forbids, which tells faults sooner."""


@pytest.mark.parametrize(("path", "method", "mode"), QUESTIONS)
def test_every_answer_is_as_described(path: str, method: str, mode: GenerationMode, served: tuple[str, str]) -> None:
    url, key = served
    schema: Any = schemathesis.openapi.from_url(f"{url}/v1/openapi.json")
    operation = schema[path][method.upper()]
    checks.load_all_checks()
    wanted = [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
    known = cast("Any", checks).CHECKS
    checked = [known.get_one(name) for name in wanted]

    @settings(
        max_examples=POSITIVE if mode is GenerationMode.POSITIVE else NEGATIVE,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {key}"})
        case.validate_response(response, checks=checked)

    holds()
