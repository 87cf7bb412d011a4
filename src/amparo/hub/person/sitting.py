"""What somebody has said since they came through a door. It travels from page to page in the forms, and is skippable whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

from amparo.case.people import AgeBand, Door, Relation
from amparo.hub.commands.person import Opening
from amparo.hub.person.asked import Asked, Kept

CHILDREN_AT_MOST = 20
"""How many codes one sitting shows together."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """relation, told: None where the question was skipped. earlier: codes of the cases that were opened before in this sitting,
    one for each child."""

    door: Door = Door.PICTURE
    age: AgeBand = AgeBand.UNSAID
    relation: Relation | None = None
    told: bool | None = None
    earlier: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: Asked) -> Sitting:
        return cls(
            asked.choice("door", Door) or Door.PICTURE,
            asked.choice("age", AgeBand) or AgeBand.UNSAID,
            asked.choice("relation", Relation),
            {"1": True, "0": False}.get(asked.one("told")),
            tuple(asked.fields.get("earlier", ())[:CHILDREN_AT_MOST]),
        )

    def through(self, door: Door) -> Sitting:
        return replace(self, door=door)

    def next_child(self, code: str) -> Sitting:
        """The same person for another one, who has a case and a code of their own."""
        return Sitting(self.door, relation=self.relation, earlier=(*self.earlier, code)[-CHILDREN_AT_MOST:])

    @property
    def kept(self) -> Kept:
        said = [("door", self.door.value), ("age", self.age.value)]
        said += [("relation", self.relation.value)] if self.relation else []
        said += [("told", "1" if self.told else "0")] if self.told is not None else []
        return (*said, *(("earlier", code) for code in self.earlier))

    def opening(self, language: str) -> Opening:
        return Opening(language, self.door, self.age, (self.relation, self.told))
