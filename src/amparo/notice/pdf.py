"""A rendered notice as PDF: tagged (PDF/UA-1, ISO 14289-1), fonts embedded, the same bytes for the same notice and moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path

import typst

from amparo.core.errors import InvalidInput
from amparo.notice.content import NoticeId
from amparo.notice.letter import Rendered


def to_pdf(notice: NoticeId, rendered: Rendered, at: datetime, fonts: Sequence[Path] = ()) -> bytes:
    """The letter on A4. at: the moment that is written into the file. fonts: folders with fonts beside the embedded ones.

    The compiler reads nothing but our template and these fonts. Raises InvalidInput ``notice_unprintable`` where no font
    has a letter of the text (the embedded one has Latin, Greek and Cyrillic); ``to_eml`` still sends such a notice.
    """
    letter = {
        "subject": rendered.subject,
        "language": rendered.language,
        "footer": notice,
        "blocks": [
            {"kind": block.kind, "lines": [line for text in block.lines for line in text.split("\n")]}
            for block in rendered.blocks
        ],
    }
    try:
        return typst.compile(
            _template(),
            format="pdf",
            sys_inputs={"letter": json.dumps(letter)},
            font_paths=_fonts(tuple(fonts)),
            pdf_standards="ua-1",
            timestamp=at,
        )
    except typst.TypstError as error:
        raise InvalidInput(
            "notice_unprintable",
            "The notice has letters that the fonts of this installation lack.",
            detail=error.message,
        ) from error


@cache
def _template() -> bytes:
    return (resources.files("amparo.notice") / "letter.typ").read_bytes()


@cache
def _fonts(folders: tuple[Path, ...]) -> typst.Fonts:
    # The machine's own fonts stay out: they would make the same notice look different on every machine.
    return typst.Fonts(include_system_fonts=False, font_paths=list(folders))
