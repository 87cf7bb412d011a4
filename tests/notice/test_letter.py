from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import NotFound, Rejected
from amparo.notice.award import Award
from amparo.notice.content import (
    Capacity,
    Circumstance,
    Claim,
    Earlier,
    Notice,
    NoticeId,
    NoticeIncomplete,
    Signature,
    Statement,
)
from amparo.notice.letter import BlockKind, guidance, has_letter, label, render, surroundings
from amparo.notice.pack import Basis, Element, Language, Quality
from amparo.notice.texts import texts
from tests.notice.samples import ID, PACKS, WITH_LETTER, complete, pack, without_sender

AWARD = Award("Example Association", "Example Coordinator", date(2026, 2, 3))
LANGUAGES = list(Language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WITH_LETTER)
def test_a_letter_has_all_that_its_rule_asks_for_and_nothing_unfilled(name: str, language: Language) -> None:
    notice = complete(name, language)
    rendered = render(notice, pack(name))
    catalogue = texts(language)
    places = {part.element: part for part in catalogue.letters[name].parts}
    assert rendered.subject == catalogue.letters[name].subject
    for asked in pack(name).elements:
        assert places[asked.element].heading in rendered.text
        assert places[asked.element].text in rendered.text
        for words in notice.said(asked.element):
            assert words in rendered.text
    for url in notice.urls:
        assert f"- {url}\n" in rendered.text
    assert f"{ID}" in rendered.text
    assert "{" not in rendered.text
    assert "\n\n\n" not in rendered.text


@pytest.mark.parametrize("name", WITH_LETTER)
def test_a_notice_that_lacks_an_element_is_refused_and_the_element_named(name: str) -> None:
    for asked in pack(name).elements:
        bare = Notice(NoticeId("a" * 32), name, Language.ES, "Example")
        with pytest.raises(NoticeIncomplete) as caught:
            render(bare, pack(name))
        assert asked.element in caught.value.missing
        assert asked.element in caught.value.public
        assert caught.value.code == "notice_incomplete"
        assert label(asked.element, Language.ES) == texts(Language.ES).labels[asked.element]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("es-cp-173-bis", "rule_pack_not_in_force"),
        ("gb-osa-10-3a", "rule_pack_not_in_force"),
        ("us-dmca-512", "rule_pack_off"),
        ("es-lopivi", "rule_pack_without_letter"),
        ("au-esafety-referral", "rule_pack_without_letter"),
    ],
)
def test_a_rule_that_gives_no_notice_gives_none(name: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        render(complete(name), pack(name))
    assert caught.value.code == code
    assert not has_letter(pack(name))


def test_a_bill_gives_no_notice_even_where_it_claims_to_be_enabled() -> None:
    for name in ("es-cp-173-bis", "gb-osa-10-3a"):
        with pytest.raises(Rejected) as caught:
            render(complete(name), replace(pack(name), enabled=True))
        assert caught.value.code == "rule_pack_not_in_force"
        assert not has_letter(replace(pack(name), enabled=True))


def test_switching_the_dmca_on_does_not_invent_a_text_for_it() -> None:
    with pytest.raises(Rejected) as caught:
        render(complete("us-dmca-512"), replace(pack("us-dmca-512"), enabled=True))
    assert caught.value.code == "rule_pack_without_letter"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_anonymous_notice_about_a_minor_names_nobody(language: Language) -> None:
    notice = replace(complete("eu-dsa-16", language), anonymous=True, offence_against_minor=True)
    text = render(notice, pack("eu-dsa-16")).text
    assert "Ana" not in text
    assert "example.org/photo" in text
    assert "ana@" not in text
    assert "2011/93" in text
    assert render(replace(without_sender(notice), statements=notice.statements), pack("eu-dsa-16")).text == text


@pytest.mark.parametrize("name", ["es-aepd-priority", "google-removal", "bing-report", "eu-dsa-20"])
def test_where_an_answer_is_wanted_the_house_asks_for_a_sender(name: str) -> None:
    asked = {one.element: one.basis for one in pack(name).elements}
    assert asked[Element.SIGNATURE] is asked[Element.CONTACT] is Basis.HOUSE, "no law is said to ask for it"
    for language in LANGUAGES:
        text = render(complete(name, language), pack(name)).text
        assert "Ana Ejemplo" in text
        assert "ana@example.org" in text
    for unsigned in (replace(complete(name), anonymous=True), without_sender(complete(name))):
        with pytest.raises(NoticeIncomplete) as caught:
            render(unsigned, pack(name))
        assert set(caught.value.missing) == {Element.CONTACT, Element.SIGNATURE}


def test_a_letter_names_the_notice_that_it_follows() -> None:
    earlier = Earlier("ab" * 16, "Example Platform", date(2026, 2, 1), "T-77")
    for language, name in ((Language.EN, "eu-dsa-20"), (Language.ES, "es-aepd-priority")):
        before = render(complete(name, language), pack(name))
        after = render(replace(complete(name, language), follows=earlier), pack(name))
        assert "ab" * 16 not in before.text
        for told in ("ab" * 16, "2026-02-01", "T-77"):
            assert told in after.text
        assert after.digest != before.digest
    unsent = render(replace(complete("eu-dsa-20"), follows=Earlier("ab" * 16, "Example Platform")), pack("eu-dsa-20"))
    assert f"This follows our notice to Example Platform. Its reference: {'ab' * 16}." in unsent.text


def test_a_trusted_flagger_is_never_said_to_be_anonymous() -> None:
    for language in LANGUAGES:
        notice = replace(complete("eu-dsa-16", language), anonymous=True, shows_minor=True, offence_against_minor=True)
        assert render(notice, pack("eu-dsa-16"), AWARD).text == render(notice, pack("eu-dsa-16")).text
        named = render(replace(notice, anonymous=False), pack("eu-dsa-16"), AWARD).text
        assert "Example Association" in named
        assert "2011/93" not in named


def test_an_age_alone_states_no_offence() -> None:
    young = replace(complete("eu-dsa-16"), shows_minor=True)
    assert "2011/93" not in render(young, pack("eu-dsa-16")).text
    with pytest.raises(NoticeIncomplete) as caught:
        render(replace(young, anonymous=True), pack("eu-dsa-16"))
    assert caught.value.missing == (Element.NAME_AND_EMAIL,)


@pytest.mark.parametrize("name", WITH_LETTER)
def test_only_an_award_of_the_operators_own_makes_it_a_trusted_flagger(name: str) -> None:
    for language in LANGUAGES:
        notice = complete(name, language)
        plain = render(notice, pack(name)).text
        awarded = render(notice, pack(name), AWARD).text
        assert "lagger" not in plain
        assert "alertador" not in plain
        assert ("Example Association" in awarded) == (name == "eu-dsa-16")
        assert (awarded == plain) == (name != "eu-dsa-16")
    with pytest.raises(Rejected) as caught:
        render(complete(name), pack(name), replace(AWARD, line="es-017"))
    assert caught.value.code == "award_of_another"


@pytest.mark.parametrize(
    ("signature", "english"),
    [
        (Signature("Ana", Capacity.PERSON, date(2026, 1, 2)), "The signer is the person depicted."),
        (Signature("Eva", Capacity.AGENT, date(2026, 1, 2)), "authorised to act for the person depicted."),
        (Signature("Eva", Capacity.AGENT, date(2026, 1, 2), "Ana"), "authorised to act for Ana."),
    ],
)
def test_a_signature_says_in_which_capacity(signature: Signature, english: str) -> None:
    text = render(replace(complete("us-take-it-down"), signature=signature), pack("us-take-it-down")).text
    assert english in text
    assert f"Signed: {signature.name}\nDate: 2026-01-02" in text


def test_the_transparency_category_follows_age_and_only_where_the_person_calls_it_fake() -> None:
    notice = complete("eu-dsa-16")
    adult, minor = "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE", "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE"
    for claim in Claim:
        for young in (False, True):
            said = replace(notice, claim=claim, shows_minor=young)
            text = render(said, pack("eu-dsa-16")).text
            assert (adult in text) == (claim is Claim.FAKE and not young)
            assert (minor in text) == (claim is Claim.FAKE and young)
            assert ("send any copy" in text) == young


def test_the_priority_channel_is_told_what_it_asks_to_be_flagged() -> None:
    notice = complete("es-aepd-priority", Language.ES)
    plain = render(notice, pack("es-aepd-priority")).text
    flagged = replace(notice, circumstances=tuple(Circumstance), shows_minor=True)
    text = render(flagged, pack("es-aepd-priority")).text
    for words in ("violencia de género", "vulnerabilidad", "menor de 18"):
        assert words in text
        assert words not in plain


@given(
    st.text(
        st.characters(
            exclude_categories=["Cc", "Cs"],
            exclude_characters="\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        ),
        min_size=1,
        max_size=60,
    )
)
def test_what_a_person_says_is_printed_as_it_is(said: str) -> None:
    notice = replace(complete("eu-dsa-16"), statements=(Statement(Element.REASONS, f"x{said}x"),))
    assert f"x{said}x" in render(notice, pack("eu-dsa-16")).text


def test_what_nobody_said_and_nobody_asks_for_has_no_heading() -> None:
    bare = replace(complete("es-aepd-priority"), urls=())
    headings = [b.lines[0] for b in render(bare, pack("es-aepd-priority")).blocks if b.kind is BlockKind.HEADING]
    assert headings == [
        "What happened",
        "Where it is spread",
        "Where else it was reported",
        "Where to answer",
        "Signature",
    ]


def test_several_persons_words_stand_one_after_another() -> None:
    words = (Statement(Element.REASONS, "First."), Statement(Element.REASONS, "Second."))
    assert "First.\n\nSecond." in render(replace(complete("eu-dsa-16"), statements=words), pack("eu-dsa-16")).text


def test_the_digest_follows_text_and_destination_and_not_the_surroundings() -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    again = render(complete("eu-dsa-16"), replace(pack("eu-dsa-16"), reviewed_by="Lawyer"))
    other = render(replace(complete("eu-dsa-16"), addressee="Other"), pack("eu-dsa-16"))
    elsewhere = render(replace(complete("eu-dsa-16"), to="other@example.com"), pack("eu-dsa-16"))
    assert rendered.digest == again.digest
    assert len({rendered.digest, other.digest, elsewhere.digest}) == 3
    assert elsewhere.text == rendered.text


@pytest.mark.parametrize("name", [p.id for p in PACKS])
def test_date_source_quality_and_reviewer_surround_every_text_and_are_not_in_it(name: str) -> None:
    reviewed = replace(pack(name), reviewed_by="Lawyer Example")
    around = surroundings(reviewed, Language.ES)
    assert (around.as_of, around.source, around.reviewed_by) == (
        reviewed.as_of,
        reviewed.source.cite[Language.ES],
        "Lawyer Example",
    )
    assert around.quality in Quality
    if has_letter(reviewed):
        rendered = render(complete(name, Language.ES), reviewed)
        assert rendered.around == around
        assert "Lawyer Example" not in rendered.text
        assert around.as_of.isoformat() not in rendered.text


def test_guidance_is_given_for_rules_without_a_letter_and_refused_for_bills() -> None:
    for language in LANGUAGES:
        told = guidance(pack("es-lopivi"), language)
        assert told.paragraphs
        assert told.around.pack == "es-lopivi"
    with pytest.raises(Rejected):
        guidance(pack("es-cp-173-bis"), Language.ES)
    with pytest.raises(NotFound) as caught:
        guidance(pack("eu-dsa-16"), Language.ES)
    assert caught.value.code == "guidance_unknown"
