"""``WordsLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId, WordsId
from amparo.store.tables import case_table
from amparo.store.words.protocol import DeskKeyRecord, SealedWords, SharedTag
from amparo.store.words.tables import desk_key_table, desk_wrap_table, words_table, words_tag_table


class SqlWords:
    """See ``WordsLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_desk_key(self, record: DeskKeyRecord) -> None:
        self._connection.execute(
            insert(desk_key_table).values(id=record.id, public=record.public, created_at=to_text(record.created_at))
        )

    def desk_keys(self) -> list[DeskKeyRecord]:
        query = select(desk_key_table).order_by(desk_key_table.c.created_at, desk_key_table.c.id)
        return [
            DeskKeyRecord(
                row.id, row.public, from_text(row.created_at), from_text(row.retired_at) if row.retired_at else None
            )
            for row in self._connection.execute(query)
        ]

    def retire_desk_key(self, key: str, at: datetime) -> None:
        self._connection.execute(
            update(desk_key_table).where(desk_key_table.c.id == key).values(retired_at=to_text(at))
        )
        self._connection.execute(delete(desk_wrap_table).where(desk_wrap_table.c.desk_key_id == key))

    def wrap(self, case: CaseId, wraps: Mapping[str, bytes]) -> None:
        for key, sealed in wraps.items():
            place = and_(desk_wrap_table.c.case_id == case, desk_wrap_table.c.desk_key_id == key)
            self._connection.execute(delete(desk_wrap_table).where(place))
            self._connection.execute(insert(desk_wrap_table).values(case_id=case, desk_key_id=key, sealed=sealed))

    def wraps(self, case: CaseId) -> dict[str, bytes]:
        query = select(desk_wrap_table).where(desk_wrap_table.c.case_id == case)
        return {row.desk_key_id: row.sealed for row in self._connection.execute(query)}

    def count_wraps(self, key: str) -> int:
        query = select(func.count()).select_from(desk_wrap_table).where(desk_wrap_table.c.desk_key_id == key)
        return self._connection.execute(query).scalar_one()

    def unwrapped(self, key: str, limit: int) -> list[CaseId]:
        wrapped = select(desk_wrap_table.c.case_id).where(desk_wrap_table.c.desk_key_id == key)
        query = select(case_table.c.id).where(case_table.c.id.not_in(wrapped)).order_by(case_table.c.id).limit(limit)
        return [CaseId(case) for case in self._connection.execute(query).scalars()]

    def put(self, case: CaseId, words: Sequence[SealedWords]) -> None:
        for one in words:
            self.erase(one.words)
            self._connection.execute(insert(words_table).values(id=one.words, case_id=case, sealed=one.sealed))
            if one.tags:
                rows = [{"words_id": one.words, "case_id": case, "tag": tag} for tag in dict.fromkeys(one.tags)]
                self._connection.execute(insert(words_tag_table), rows)

    def erase(self, words: WordsId) -> None:
        self._connection.execute(delete(words_tag_table).where(words_tag_table.c.words_id == words))
        self._connection.execute(delete(words_table).where(words_table.c.id == words))

    def sealed(self, case: CaseId) -> dict[WordsId, bytes]:
        query = select(words_table.c.id, words_table.c.sealed).where(words_table.c.case_id == case)
        return {WordsId(row.id): row.sealed for row in self._connection.execute(query)}

    def tags(self, case: CaseId) -> dict[bytes, WordsId]:
        query = select(words_tag_table).where(words_tag_table.c.case_id == case)
        return {row.tag: WordsId(row.words_id) for row in self._connection.execute(query)}

    def tagged(self, tags: Sequence[bytes]) -> dict[CaseId, set[bytes]]:
        query = select(words_tag_table).where(words_tag_table.c.tag.in_(tags))
        found: dict[CaseId, set[bytes]] = {}
        for row in self._connection.execute(query):
            found.setdefault(CaseId(row.case_id), set()).add(row.tag)
        return found

    def found(self, case: CaseId, tags: Sequence[bytes]) -> set[WordsId]:
        mine = and_(words_tag_table.c.case_id == case, words_tag_table.c.tag.in_(tags))
        return {
            WordsId(words)
            for words in self._connection.execute(select(words_tag_table.c.words_id).where(mine)).scalars()
        }

    def shared(self, at_most: int) -> list[SharedTag]:
        tag, case = words_tag_table.c.tag, words_tag_table.c.case_id
        holders = func.count(case.distinct())
        several = select(tag).group_by(tag).having(holders.between(2, at_most))
        query = select(tag, case, words_tag_table.c.words_id).where(tag.in_(several)).order_by(tag, case)
        found: dict[bytes, dict[CaseId, WordsId]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row.tag, {})[CaseId(row.case_id)] = WordsId(row.words_id)
        return [SharedTag(each, words) for each, words in found.items()]
