import json
import pickle

import pytest

from amparo.core import errors
from amparo.core.canonical import canonical_bytes
from amparo.core.errors import AmparoError, Unavailable, VerificationFailed
from amparo.core.problem import headers_of, problem_of

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AmparoError)]


def made(kind: type[AmparoError]) -> AmparoError:
    if issubclass(kind, VerificationFailed):
        return kind("some_code", "A sentence.", step="parse", detail="/private/path")
    return kind("some_code", "A sentence.", detail="/private/path")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_crosses_a_process_border_whole(kind: type[AmparoError]) -> None:
    error = made(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_problem_never_tells_the_private_detail(kind: type[AmparoError]) -> None:
    error = made(kind)
    problem = problem_of(error)
    assert "private" not in json.dumps(problem)
    assert problem.get("code") == "some_code"
    assert problem.get("status") == kind.status
    assert headers_of(error)["Cache-Control"] == "no-store"


def test_exit_codes_tell_kinds_apart() -> None:
    codes = {kind: kind.exit_code for kind in KINDS if kind is not AmparoError and kind is not errors.Unauthenticated}
    assert len(set(codes.values())) == len(codes)
    assert 0 not in codes.values()


def test_retry_after_is_a_whole_number_of_seconds_and_never_zero() -> None:
    assert headers_of(Unavailable("busy", "Not now.", retry_after=0.2))["Retry-After"] == "1"
    assert headers_of(Unavailable("busy", "Not now.", retry_after=59.6))["Retry-After"] == "60"


def test_canonical_bytes_sort_members_and_refuse_what_json_cannot_say() -> None:
    assert canonical_bytes({"b": 1, "a": ["é", None, True]}) == '{"a":["é",null,true],"b":1}'.encode()
    for value in (float("nan"), 2**60):
        with pytest.raises(ValueError):  # noqa: PT011  # the message is the library's
            canonical_bytes({"a": value})
