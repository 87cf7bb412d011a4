import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.reading import LARGEST_FILE, Reader

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)


def refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        Reader.of_bytes(raw, "file.json", "file_invalid")
    assert caught.value.code == "file_invalid"


@pytest.mark.parametrize("raw", [b"", b"[]", b"1", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_what_is_no_object_of_distinct_members_is_refused(raw: bytes) -> None:
    refused(raw)


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    refused(b'{"a": "' + b"x" * LARGEST_FILE + b'"}')


@given(st.dictionaries(st.sampled_from("abcdefgh"), values, max_size=8))
def test_every_value_is_read_as_its_type_or_refused(members: dict[str, object]) -> None:
    reads = {
        "a": (Reader.text, str),
        "b": (Reader.flag, bool),
        "c": (Reader.count, int),
        "d": (Reader.texts, tuple),
        "e": (Reader.objects, list),
        "f": (Reader.object, Reader),
        "g": (Reader.day, object),
        "h": (Reader.text_or_blank, str),
    }
    reader = Reader.of_bytes(json.dumps(members).encode(), "file.json", "file_invalid")
    for name, (read, kind) in reads.items():
        refusal: InvalidInput | None = None
        try:
            assert isinstance(read(reader, name), kind)
        except InvalidInput as error:
            refusal = error
        assert refusal is None or (refusal.code == "file_invalid" and name in refusal.detail)


def test_a_member_that_nobody_asked_for_is_named() -> None:
    reader = Reader.of_bytes(b'{"a": "x", "b": "y"}', "file.json", "file_invalid")
    assert reader.text("a") == "x"
    with pytest.raises(InvalidInput, match="b: unknown member"):
        reader.done()
    assert reader.text("b") == "y"
    reader.done()


@pytest.mark.parametrize("day", ["2026-2-1", "20260201", "2026-02-30", "2026-W05-7", "today"])
def test_a_day_has_one_spelling(day: str) -> None:
    reader = Reader.of_bytes(json.dumps({"day": day}).encode(), "file.json", "file_invalid")
    with pytest.raises(InvalidInput):
        reader.day("day")
