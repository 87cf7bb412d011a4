"""The terms by which words are found again: links, user names and places, each in one spelling.

Two people type the same address or name in different ways. What stands here is what both ways have in common; the hub keeps
only a keyed digest of it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from amparo.case.people import LINKING, WordsKind

TERMS_AT_MOST: Final = 50
_LINK: Final = re.compile(r"(?:https?://)?[\w.-]+\.[a-z]{2,24}(?:/[^\s<>\"']*)?", re.IGNORECASE)
_PASSED_ON: Final = re.compile(
    r"utm_.*|.*clid|igshid?|si|s|t|feature|ref|ref_src|ref_url|share.*|source|mibextid|_.*|web_copy|sender_.*"
)
_HANDLE: Final = re.compile(r"@[\w.]{1,63}\w")


def terms_of(kind: WordsKind, text: str) -> tuple[str, ...]:
    """Terms of some words, without doubles; none for kinds that link nothing (``people.LINKING``).

    Of a link, the host without ``www.`` and the path, in lower case and without a closing slash, then those parts of its
    query that say which page it is (``_PASSED_ON`` are added by whoever passes a link on). Of other kinds, the words as a
    whole, in lower case without accents, signs and double spaces. Handles (``@name``) and links count in any kind.
    """
    if kind not in LINKING:
        return ()
    links = [_link(found) for found in _LINK.findall(text)]
    handles = [found.casefold() for found in _HANDLE.findall(text)]
    whole = _plain(text) if kind is not WordsKind.LINK else ""
    if kind is WordsKind.HANDLE and whole:
        handles.append(f"@{whole.replace(' ', '')}")
        whole = ""
    return tuple(dict.fromkeys(term for term in (*links, *handles, whole) if term))[:TERMS_AT_MOST]


def search_terms(text: str) -> tuple[str, ...]:
    """Terms under which what a caseworker types may have been kept, whatever kind it is."""
    found = [term for kind in (WordsKind.LINK, WordsKind.HANDLE, WordsKind.PLACE) for term in terms_of(kind, text)]
    return tuple(dict.fromkeys(found))[:TERMS_AT_MOST]


def _link(text: str) -> str:
    text = text.casefold().rstrip(".,;:!?)")
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        asked = sorted(pair for pair in parse_qsl(parts.query) if not _PASSED_ON.fullmatch(pair[0]))
    except ValueError:
        # Letters that no host's name may hold, or more fields than any page asks for: kept as typed.
        return text
    page = (parts.netloc.removeprefix("www.") + parts.path).rstrip("/")
    return f"{page}?{urlencode(asked)}" if asked else page


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in folded if not unicodedata.combining(letter))
    # A dot inside belongs to a name; one at its end closes a sentence.
    words = (found.strip(".") for found in re.findall(r"[\w.]+", kept))
    return " ".join(word for word in words if word)
