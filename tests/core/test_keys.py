import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core import keys
from amparo.core.errors import IntegrityViolation, InvalidInput, VerificationFailed
from amparo.core.ids import PartnerId, is_id, random_id
from amparo.core.keys import SigningKey, VerifyKey, derive, load_or_create_key, seal, unseal, unseal_all, write_private
from amparo.core.pseudonym import Pseudonyms


def test_many_seals_of_one_key_open_each_in_its_place_and_one_that_is_broken_opens_none() -> None:
    key, plain = bytes(range(32)), [b"first", b"second", b""]
    sealed = [(seal(key, text, f"place {at}"), f"place {at}") for at, text in enumerate(plain)]
    assert unseal_all(key, sealed) == plain
    assert unseal_all(key, []) == []
    for wrong in ([*sealed[:2], (sealed[2][0], "place 1")], [(sealed[0][0][:-1], "place 0"), *sealed[1:]]):
        with pytest.raises(IntegrityViolation) as caught:
            unseal_all(key, wrong)
        assert caught.value.code == "seal_broken"


@given(st.binary(max_size=200), st.data())
def test_a_seal_opens_whole_or_not_at_all(plain: bytes, data: st.DataObject) -> None:
    key = bytes(range(32))
    sealed = seal(key, plain, "here")
    assert unseal(key, sealed, "here") == plain
    at = data.draw(st.integers(0, len(sealed) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(sealed)
    flipped[at] ^= 1 << bit
    for wrong in (lambda: unseal(key, bytes(flipped), "here"), lambda: unseal(key, sealed, "there")):
        with pytest.raises(IntegrityViolation) as caught:
            wrong()
        assert caught.value.code == "seal_broken"


@given(st.integers(0, 40))
def test_a_seal_cut_short_is_broken(length: int) -> None:
    sealed = seal(bytes(32), b"thirteen byte", "here")
    with pytest.raises(IntegrityViolation):
        unseal(bytes(32), sealed[:length], "here")


def test_a_signature_serves_one_context_one_message_one_key() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign("feed", b"page")
    key.public.verify("feed", b"page", signature)
    attempts = [
        (key.public, "fee", b"dpage", signature),
        (key.public, "receipt", b"page", signature),
        (key.public, "feed", b"pagf", signature),
        (SigningKey(bytes([1]) * 32).public, "feed", b"page", signature),
        (key.public, "feed", b"page", signature[:-1]),
        (key.public, "feed", b"page", b""),
    ]
    for public, context, message, shown in attempts:
        with pytest.raises(VerificationFailed) as caught:
            public.verify(context, message, shown)
        assert caught.value.step == "signature"


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33, "\N{DIGIT ONE}" * 63])
def test_a_public_key_is_64_hexadecimal_digits(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        VerifyKey.from_hex(text)
    assert caught.value.code == "public_key_invalid"


def test_derived_keys_differ_by_purpose_and_master() -> None:
    assert len({derive(bytes(32), "a"), derive(bytes(32), "b"), derive(bytes([1]) * 32, "a")}) == 3


def test_a_key_file_is_made_once_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "hub.key"
    made = load_or_create_key(path)
    assert load_or_create_key(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(made[:31])
    with pytest.raises(IntegrityViolation) as caught:
        load_or_create_key(path)
    assert caught.value.code == "key_file_invalid"
    assert path.read_bytes() == made[:31]


def test_of_two_processes_that_make_a_key_at_once_both_get_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, theirs, ours = tmp_path / "hub.key", bytes(range(32)), bytes(32)

    def made_while_another_process_was_faster() -> bytes:
        write_private(path, theirs)
        return ours

    monkeypatch.setattr(keys, "new_key", made_while_another_process_was_faster)
    assert load_or_create_key(path) == path.read_bytes() == theirs
    assert [file.name for file in tmp_path.iterdir()] == ["hub.key"]


def test_a_key_made_by_many_at_once_is_one_key(tmp_path: Path) -> None:
    for round_ in range(20):
        path, together = tmp_path / f"{round_}.key", threading.Barrier(6)

        def make(path: Path = path, together: threading.Barrier = together) -> bytes:
            together.wait()
            return load_or_create_key(path)

        with ThreadPoolExecutor(6) as pool:
            made = {done.result() for done in [pool.submit(make) for _ in range(6)]}
        assert made == {path.read_bytes()}


def test_a_private_file_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card"
    write_private(path, b"old")

    def fail(_descriptor: int) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(keys.os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["card"]


identifiers = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(st.lists(identifiers, max_size=5))
def test_pseudonyms_come_back_and_differ_between_partners_and_kinds(several: list[str]) -> None:
    here = Pseudonyms(bytes(32), PartnerId("a" * 32), "entry")
    there = Pseudonyms(bytes(32), PartnerId("b" * 32), "entry")
    cases = Pseudonyms(bytes(32), PartnerId("a" * 32), "case")
    shown = here.of(several)
    assert [here.original(one) for one in shown] == several
    assert all(map(is_id, shown))
    for one, mine, theirs, case in zip(several, shown, there.of(several), cases.of(several), strict=True):
        assert len({one, mine, theirs, case}) == 4


@pytest.mark.parametrize("text", ["", "a" * 31, "A" * 32, "g" * 32, "a" * 32 + "\n"])
def test_a_pseudonym_has_the_shape_of_an_identifier(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Pseudonyms(bytes(32), PartnerId(random_id()), "entry").original(text)
    assert caught.value.code == "id_invalid"
