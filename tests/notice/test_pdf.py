import re
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.notice.content import Statement
from amparo.notice.letter import render
from amparo.notice.pack import Element, Language
from amparo.notice.pdf import to_pdf
from tests.notice.samples import ID, START, WITH_LETTER, complete, pack


def pages(pdf: bytes) -> int:
    content = pdf + b"".join(inflated(pdf))
    return len(re.findall(rb"/Type\s*/Page\b", content))


def inflated(pdf: bytes) -> list[bytes]:
    found: list[bytes] = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            found.append(stream)
    return found


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", WITH_LETTER)
def test_every_letter_prints_as_a_tagged_pdf_in_its_language(name: str, language: Language) -> None:
    pdf = to_pdf(ID, render(complete(name, language), pack(name)), START)
    content = pdf + b"".join(inflated(pdf))
    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) in (1, 2)
    assert re.search(rb"/Marked\s+true", content)
    assert re.search(rb"/Lang\s*\(" + language.encode(), content)
    assert b"pdfuaid:part" in content


def test_the_same_notice_gives_the_same_bytes_and_another_does_not() -> None:
    rendered = render(complete("eu-dsa-16"), pack("eu-dsa-16"))
    other = render(replace(complete("eu-dsa-16"), addressee="Other"), pack("eu-dsa-16"))
    assert to_pdf(ID, rendered, START) == to_pdf(ID, rendered, START) != to_pdf(ID, other, START)


def test_a_long_notice_goes_on_over_pages() -> None:
    notice = replace(complete("eu-dsa-16"), urls=tuple(f"https://example.org/{at}" for at in range(200)))
    assert pages(to_pdf(ID, render(notice, pack("eu-dsa-16")), START)) > 3


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("#$*_`\\@<>[]{}()\"'=-+/~ \nabñŁżЖω"), min_size=1, max_size=60).filter(str.strip))
def test_nothing_that_a_person_writes_is_read_as_markup(words: str) -> None:
    """Markup would fail, run, or vanish; as plain text anything of these letters prints."""
    notice = replace(complete("eu-dsa-16"), statements=(Statement(Element.REASONS, words),))
    assert to_pdf(ID, render(notice, pack("eu-dsa-16")), START).startswith(b"%PDF-")


def test_code_in_a_notice_is_printed_and_not_run() -> None:
    notice = replace(complete("eu-dsa-16"), statements=(Statement(Element.REASONS, '#panic("x") #read("/etc/hosts")'),))
    assert to_pdf(ID, render(notice, pack("eu-dsa-16")), START).startswith(b"%PDF-")


def test_letters_that_no_font_has_are_refused_instead_of_printed_as_boxes() -> None:
    notice = replace(complete("eu-dsa-16"), statements=(Statement(Element.REASONS, "漢字"),))
    with pytest.raises(InvalidInput) as caught:
        to_pdf(ID, render(notice, pack("eu-dsa-16")), START)
    assert caught.value.code == "notice_unprintable"
