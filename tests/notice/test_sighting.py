from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.notice import machine
from amparo.notice.content import check, validate
from amparo.notice.machine import NoticeState, Origin, Phase
from amparo.notice.pack import Element, Language
from amparo.notice.sighting import SightingFacts, draft_for_sighting
from tests.notice.samples import ID, START, WITH_LETTER, pack


def repeated(text: str, times: int) -> str:
    return text * times


told = st.builds(repeated, st.text(max_size=20), st.sampled_from([1, 400]))
FACTS = SightingFacts(
    "Example Platform", "upload", datetime(2026, 3, 1, 14, 5, tzinfo=timezone(timedelta(hours=2))), "s-77"
)


@given(told, told, st.sampled_from(WITH_LETTER), st.sampled_from(Language))
def test_whatever_a_partner_writes_becomes_a_draft_that_a_person_must_finish(
    place: str, reference: str, name: str, language: Language
) -> None:
    facts = SightingFacts("Example Platform", place, START, reference)
    draft = draft_for_sighting(ID, facts, pack(name), language, shows_minor=True)
    validate(draft)
    assert not draft.confirmed
    assert draft.signature is None
    assert check(draft, pack(name)), "a machine never completes a notice"
    events = machine.draft(NoticeState(ID), START, draft, pack(name), Origin.SIGHTING, "Europe/Madrid")
    assert machine.fold(ID, events).phase is Phase.DRAFTED


@pytest.mark.parametrize(("language", "word"), [(Language.EN, "Your own service"), (Language.ES, "Su propio servicio")])
def test_a_draft_says_what_the_partner_told(language: Language, word: str) -> None:
    draft = draft_for_sighting(ID, FACTS, pack("us-take-it-down"), language, shows_minor=False)
    (sentence,) = draft.said(Element.LOCATION)
    for told in (word, "upload", "s-77", "2026-03-01 12:05 UTC"):
        assert told in sentence
    assert draft.addressee == "Example Platform"
    assert draft.urls == ()
    assert Element.LOCATION not in check(draft, pack("us-take-it-down"))


def test_a_place_that_is_a_link_becomes_the_link_whole_or_not_at_all() -> None:
    long = "https://example.org/" + "a" * 1900
    for place, urls in (
        ("https://example.org/p/1", ("https://example.org/p/1",)),
        (long, (long,)),
        (long + "a" * 200, ()),
        ("javascript:alert(1)", ()),
    ):
        facts = SightingFacts("Example", place, START, "1")
        draft = draft_for_sighting(ID, facts, pack("eu-dsa-16"), Language.EN, shows_minor=False)
        assert draft.urls == urls
        assert (Element.URLS in check(draft, pack("eu-dsa-16"))) == (not urls)
        assert draft.said(Element.URLS)
