"""Who comes, through which door, and what kinds of words they leave: the vocabulary of a case."""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """PICTURE: "there is a picture of me"; HELPING: for a child or somebody else; WITNESS: "I was sent one, I saw one";
    THREAT: "somebody threatens me with one"."""

    PICTURE = "picture"
    HELPING = "helping"
    WITNESS = "witness"
    THREAT = "threat"


class AgeBand(StrEnum):
    """Of the person in the pictures. Guidance for adults, who may keep evidence, is not guidance for minors."""

    MINOR = "minor"
    ADULT = "adult"
    UNSAID = "unsaid"


class Relation(StrEnum):
    """What a delegate is to the person in the pictures."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    SCHOOL = "school"
    FRIEND = "friend"
    PROFESSIONAL = "professional"


class Author(StrEnum):
    PERSON = "person"
    DESK = "desk"


class WordsKind(StrEnum):
    """LINK: where it was seen; HANDLE: a user name of whoever sends or threatens; PLACE: a group, school or class; SENDER: who
    sent it, in the person's words; DEMAND, PAYMENT: what an extortionist asks, and through which payment name; NAME: what the
    person wants to be called; CONTACT: an address that the person chose to give; NOTE: anything else; MESSAGE: between the
    person and the desk."""

    LINK = "link"
    HANDLE = "handle"
    PLACE = "place"
    SENDER = "sender"
    DEMAND = "demand"
    PAYMENT = "payment"
    NAME = "name"
    CONTACT = "contact"
    NOTE = "note"
    MESSAGE = "message"


LINKING = frozenset({WordsKind.LINK, WordsKind.HANDLE, WordsKind.PLACE, WordsKind.SENDER, WordsKind.PAYMENT})
"""Kinds by which two cases can be found to belong together, and by which the desk searches."""
