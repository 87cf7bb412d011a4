import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.bank import TombstoneReason
from amparo.core.errors import VerificationFailed
from amparo.core.keys import SigningKey
from amparo.exchange.native import Addition, FeedPage, Tombstone, decode_page, encode_page
from amparo.exchange.native.page import MAXIMUM_BYTES, MAXIMUM_CHANGES
from amparo.signal.fingerprint import Pdq

KEY = SigningKey(bytes(range(32)))
moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)
counts = st.integers(0, 2**53 - 1)
fingerprints = st.builds(Pdq, st.binary(min_size=32, max_size=32), st.integers(0, 100))
changes = st.one_of(
    st.builds(Addition, counts, identifiers, identifiers, fingerprints, moments),
    st.builds(Tombstone, counts, identifiers, st.sampled_from(TombstoneReason)),
)
pages = st.builds(
    FeedPage,
    identifiers,
    identifiers,
    counts,
    counts,
    counts,
    identifiers,
    moments,
    st.lists(changes, max_size=6).map(tuple),
)


@given(pages)
def test_a_page_comes_back_from_its_bytes(page: FeedPage) -> None:
    decoded, signed, signature = decode_page(encode_page(page, KEY))
    assert decoded == page
    KEY.public.verify("amparo-feed/1", signed, signature)


@given(pages)
def test_the_bytes_are_canonical_json(page: FeedPage) -> None:
    raw = encode_page(page, KEY)
    again = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert again == raw


@given(pages, st.data())
@settings(max_examples=150)
def test_other_spellings_of_the_same_json_are_refused(page: FeedPage, data: st.DataObject) -> None:
    raw = encode_page(page, KEY)
    at = data.draw(st.integers(0, len(raw)))
    padding = data.draw(st.sampled_from([b" ", b"\n", b"\t"]))
    respelt = [
        raw[:at] + padding + raw[at:],
        json.dumps(json.loads(raw), indent=1).encode(),
        json.dumps(json.loads(raw), separators=(",", ":")).encode().replace(b'"hub"', b'"\\u0068ub"'),
        b"\xef\xbb\xbf" + raw,
        raw.decode().encode("utf-16"),
    ]
    for wrong in respelt:
        with pytest.raises(VerificationFailed) as caught:
            decode_page(wrong)
        assert (caught.value.code, caught.value.step) == ("page_malformed", "parse")


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(VerificationFailed) as caught:
        decode_page(raw)
    assert caught.value.step == "parse"


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"page":' * 100_000, b"1" * 5000, b'{"page":1e999,"signature":""}'])
def test_json_made_to_hurt_is_malformed(raw: bytes) -> None:
    with pytest.raises(VerificationFailed) as caught:
        decode_page(raw)
    assert caught.value.step == "parse"


def test_a_full_page_fits_and_one_more_change_does_not() -> None:
    change = Addition(2**53 - 1, "e" * 32, "c" * 32, Pdq(b"\xff" * 32, 100), moments_end())  # pyright: ignore[reportArgumentType]
    page = FeedPage("a" * 32, "b" * 32, 0, 1, 1, "c" * 32, moments_end(), (change,) * MAXIMUM_CHANGES)  # pyright: ignore[reportArgumentType]
    raw = encode_page(page, KEY)
    assert len(raw) <= MAXIMUM_BYTES
    assert decode_page(raw)[0] == page
    with pytest.raises(VerificationFailed):
        decode_page(encode_page(replace(page, changes=(change,) * (MAXIMUM_CHANGES + 1)), KEY))


def test_a_page_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(VerificationFailed) as caught:
        decode_page(b" " * (MAXIMUM_BYTES + 1))
    assert str(MAXIMUM_BYTES + 1) in caught.value.detail


def moments_end() -> datetime:
    return datetime(2027, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
