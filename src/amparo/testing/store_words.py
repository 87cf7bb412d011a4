"""The part of the store's contract that keeps people's words sealed, and the keys that open them.

::

    class TestMyWords(WordsContract):
        @pytest.fixture
        def store(self, tmp_path): ...
"""

from __future__ import annotations

from datetime import timedelta

from amparo.core.ids import CaseId, WordsId, random_id
from amparo.store.protocol import Store, Transaction
from amparo.store.words.protocol import DeskKeyRecord, SealedWords
from amparo.testing.records import NOW, some_case


def two_cases(transaction: Transaction) -> tuple[CaseId, CaseId]:
    records = some_case(1), some_case(2)
    for record in records:
        transaction.add_case(record)
    return records[0].id, records[1].id


def two_keys(transaction: Transaction) -> tuple[str, str]:
    """The ids of two keys of the desk, the older one first."""
    for number, name in enumerate(("key-b", "key-a")):
        transaction.words.add_desk_key(DeskKeyRecord(name, bytes([number]) * 32, NOW + timedelta(days=number)))
    return "key-b", "key-a"


def words(sealed: bytes, *tags: bytes) -> SealedWords:
    return SealedWords(WordsId(random_id()), sealed, tags)


TAGS = tuple(bytes([number]) * 32 for number in range(5))


class WordsContract:
    """What every ``WordsLedger`` must do."""

    def test_words_are_kept_by_case_and_in_place_of_earlier_ones(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            first, second, foreign = words(b"one", TAGS[0]), words(b"two"), words(b"three", TAGS[0])
            transaction.words.put(case, [first, second])
            transaction.words.put(other, [foreign])
            assert transaction.words.sealed(case) == {first.words: b"one", second.words: b"two"}
            transaction.words.put(case, [SealedWords(first.words, b"corrected", (TAGS[1],))])
        with store.read() as transaction:
            assert transaction.words.sealed(case) == {first.words: b"corrected", second.words: b"two"}
            assert transaction.words.sealed(other) == {foreign.words: b"three"}
            assert transaction.words.tags(case) == {TAGS[1]: first.words}
            assert transaction.words.tagged([TAGS[0]]) == {other: {TAGS[0]}}

    def test_words_are_found_by_their_tags_across_cases(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            both, one, foreign = words(b"1", TAGS[0], TAGS[1], TAGS[0]), words(b"2", TAGS[1]), words(b"3", TAGS[1])
            transaction.words.put(case, [both, one])
            transaction.words.put(other, [foreign])
            asked = [TAGS[0], TAGS[1], TAGS[4]]
            assert transaction.words.tagged(asked) == {case: {TAGS[0], TAGS[1]}, other: {TAGS[1]}}
            assert transaction.words.found(case, asked) == {both.words, one.words}
            assert transaction.words.found(case, [TAGS[0]]) == {both.words}
            assert transaction.words.found(other, asked) == {foreign.words}
            assert transaction.words.tagged([]) == {}
            assert transaction.words.found(case, []) == set()

    def test_erased_words_take_their_tags_along(self, store: Store) -> None:
        with store.write() as transaction:
            case, _ = two_cases(transaction)
            gone, kept = words(b"gone", TAGS[0]), words(b"kept", TAGS[1])
            transaction.words.put(case, [gone, kept])
            transaction.words.erase(gone.words)
            transaction.words.erase(gone.words)
            assert transaction.words.sealed(case) == {kept.words: b"kept"}
            assert transaction.words.tagged([TAGS[0], TAGS[1]]) == {case: {TAGS[1]}}

    def test_tags_that_several_cases_hold_are_told_with_their_words(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            mine, shared, alone = words(b"1", TAGS[0]), words(b"2", TAGS[1]), words(b"3", TAGS[2])
            theirs = words(b"4", TAGS[1], TAGS[0])
            transaction.words.put(case, [mine, shared, alone])
            transaction.words.put(other, [theirs])
            told = {one.tag: one.words for one in transaction.words.shared(2)}
            assert told == {
                TAGS[0]: {case: mine.words, other: theirs.words},
                TAGS[1]: {case: shared.words, other: theirs.words},
            }
            assert transaction.words.shared(1) == []

    def test_everything_of_a_case_goes_with_it(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            old, new = two_keys(transaction)
            transaction.words.put(case, [words(b"gone", TAGS[0])])
            transaction.words.wrap(case, {old: b"wrap", new: b"wrap"})
            transaction.destroy_case(case)
            assert transaction.words.sealed(case) == {}
            assert transaction.words.wraps(case) == {}
            assert transaction.words.tagged([TAGS[0]]) == {}
            assert transaction.words.unwrapped(old, 9) == [other]

    def test_keys_of_the_desk_stand_oldest_first_and_a_retired_one_opens_nothing(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            old, new = two_keys(transaction)
            assert [record.id for record in transaction.words.desk_keys()] == [old, new]
            transaction.words.wrap(case, {old: b"by the old one", new: b"by the new one"})
            transaction.words.wrap(other, {old: b"by the old one"})
            transaction.words.retire_desk_key(old, NOW)
            assert transaction.words.wraps(case) == {new: b"by the new one"}
            assert transaction.words.wraps(other) == {}
            assert [record.retired_at for record in transaction.words.desk_keys()] == [NOW, None]

    def test_a_wrap_stands_in_place_of_the_earlier_one_of_its_key_only(self, store: Store) -> None:
        with store.write() as transaction:
            case, other = two_cases(transaction)
            old, new = two_keys(transaction)
            transaction.words.wrap(case, {old: b"first"})
            transaction.words.wrap(case, {new: b"second"})
            transaction.words.wrap(case, {old: b"third"})
            assert transaction.words.wraps(case) == {old: b"third", new: b"second"}
            assert transaction.words.unwrapped(new, 9) == [other]
            assert sorted(transaction.words.unwrapped("key-c", 9)) == sorted((case, other))
            assert len(transaction.words.unwrapped("key-c", 1)) == 1
