"""Case codes: eight words that open a case, chosen by chance, easy to read, say and type.

The words come from BIP-39's lists (2,048 words each, every word told by its first four letters, accents optional), less
those that nobody should have to read in such an hour. Eight draws from at least 1,800 words carry more than 86 bits.
A code is typed in any case, with any separators, whole words or their first four letters, in either language.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import argon2.low_level
from mnemonic import Mnemonic

from amparo.core.errors import InvalidInput

WORDS: Final = 8
_LISTS: Final = {"es": "spanish", "en": "english"}
LANGUAGES: Final = tuple(_LISTS)
"""In which codes are drawn."""
_PREFIX: Final = 4

# Argon2id with 2 passes over 19 MiB in one lane, the first setting of OWASP's Password Storage Cheat Sheet that fits a small
# server: about 50 ms. It is less than RFC 9106 recommends (section 4: 64 MiB or more), which eight people at once would make
# half a gigabyte. The code has over 86 bits of its own; the work makes a stolen database useless even for someone who saw
# half of a printed code.
_TIME_COST: Final = 2
_MEMORY_KIB: Final = 19456

_UNKIND: Final = {
    "es": """aborto abuso acoso actriz acusar adicto agonia ahogo amante amor asalto asno ataque atroz azote besar
    beso bestia bobo bomba bruja bruto burla burro cadaver caer calvo carcel cerdo chupar cochino colegio
    crimen cripta culebra culpa cutis deber debil delito derrota desnudo diablo dolor droga duelo ebrio
    enemigo enfado enfermo engano escolar espia esposa falda fallo falso fama feo fiera fingir fobia fosa
    foto fraude fusil gemir golpe gordo gozar grasa grito guerra gusano hembra herir hombre honor honra
    hostil huida huir hundir hurto ilegal imagen impar incapaz infiel intimo inutil ira joven juerga juez
    jurar justo juvenil juzgar labio ladron lagrima lamer lastima latir lesion letal llaga llanto llorar
    loco locura luto macho mafia maldad malo manco matar medula menor miedo miseria misil moho momia monja
    morir morro mortal mosca muerte mugre mujer multa muslo nausea necio negro ninez nino novio nudo obeso
    odiar odio ofensa orgia oscuro ovulo palpar parir pecado pecho pelea peligro pellejo pena pierna piojo
    pobre podio potro preso prision pudor puma punal puno pupa queja quemar rabia rapaz rapto rehen rencor
    riesgo romper ruina sangre satan sauna secta sexo soldado sudor sufrir susto tabu temor terror testigo
    tez timo tonto tosco toxico trauma triste tuerto tumba tumor ulcera vacio varon vejez vena vencer
    veneno vengar vicio victima video virgo virtud viudo vulgar zorro""",
    "en": """abandon abuse accident accuse addict adult affair afraid alcohol alone anger angry anxiety apology
    army arrest assault attack attract avoid awful awkward bachelor beef betray bitter blame bleak blind
    blood blush body boss boy bullet burden burst chaos cheap child cigar cliff crash crazy crime cruel
    cry damage danger deer defense denial deny despair destroy dirt disease divorce drama dumb dust dutch
    enemy erase escape evil exhaust exile expose eye fade fall fat fatal father fault fetch fever fiction
    film fragile gasp ghost girl gossip grab grief guard guilt gun hard harsh hazard hidden horror
    hospital hurt husband ignore ill illegal illness image immune infant inflict injury innocent insane
    invest isolate jealous judge kid kidney kiss knife lady lawsuit leg liar limb lonely loud mad maid man
    master mean meat midnight misery miss mistake model monster mother naive nasty negative neglect
    nuclear nurse obscure odor organ orphan panic penalty person photo picture pig pistol police poverty
    pretty prison private punch purity rack razor rebel regret reject report rib rifle risk rival rude sad
    sadness satoshi scare school scorpion secret shock shoot sick siege sister skin skull slam slender
    slim snake sorry spy struggle suffer suspect sword tattoo teach tobacco tongue tragic trap trash
    trouble ugly unfair unhappy upset useless vacant vicious video virus void warfare waste weapon weird
    wife wild witness woman worry wreck wrong young youth""",
}


@dataclass(frozen=True, slots=True)
class CaseCode:
    """Eight words. ``language`` is that of the list they were drawn from."""

    language: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


def code_language(language: str) -> str:
    """The language of codes for people who read ``language``: their own, or Spanish in Spain's other languages."""
    return language if language in _LISTS else "es"


def draw(seed: bytes, language: str) -> CaseCode:
    """The code that belongs to ``seed`` (at least 16 random bytes): the same seed gives the same code.

    Sending one request twice must not open two cases, so the code follows from the secret of the request; the seed is
    never stored. Words are drawn by rejection, hence uniformly.
    """
    code = _draw(seed, language, 0)
    attempt = 0
    # Every fourth prefix is a word's in both languages, so eight English ones may read as a Spanish code: about once in
    # 80,000. Such a code would not open its case when it is typed in short, and is drawn again.
    while parse(_in_short(code)) != code:
        attempt += 1
        code = _draw(seed, language, attempt)
    return code


def _in_short(code: CaseCode) -> str:
    return " ".join(word[:_PREFIX] for word in code.words)


def _draw(seed: bytes, language: str, attempt: int) -> CaseCode:
    if len(seed) < 16:
        raise InvalidInput("seed_invalid", "A case code needs 128 bits of chance.")
    words = _drawable(language)
    limit = 65536 - 65536 % len(words)
    drawn: list[str] = []
    counter = 0
    while len(drawn) < WORDS:
        block = hmac.new(seed, f"amparo-case-code-1 {language} {attempt} {counter}".encode(), hashlib.sha256).digest()
        numbers = (int.from_bytes(block[at : at + 2]) for at in range(0, len(block), 2))
        drawn += [words[number % len(words)] for number in numbers if number < limit]
        counter += 1
    return CaseCode(language, tuple(drawn[:WORDS]))


def parse(text: str) -> CaseCode:
    """Read a code as people type it. Raises InvalidInput ``case_code_malformed``, which tells nothing about any case."""
    words = re.findall(r"[a-z]+", _plain(text))
    if len(words) == WORDS:
        for language in _LISTS:
            prefixes = _prefixes(language)
            found = [prefixes.get(word[:_PREFIX]) for word in words]
            whole = [full for word, full in zip(words, found, strict=True) if full and full.startswith(word)]
            if len(whole) == WORDS:
                return CaseCode(language, tuple(whole))
    raise InvalidInput("case_code_malformed", f"A code has {WORDS} words from the card. Check each word.")


@dataclass(frozen=True, slots=True, repr=False)
class CodeKeys:
    """What follows from a code. tag: 32 bytes by which its case is found; wrapping: the key to the key of its words."""

    tag: bytes
    wrapping: bytes


def keys_of(code: CaseCode, pepper: bytes) -> CodeKeys:
    """Slow by design (Argon2id, RFC 9106) and keyed by the hub's pepper. Both keys come of the one computation; the tag, which
    the store keeps, tells nothing of the other."""
    drawn = argon2.low_level.hash_secret_raw(
        f"{code.language} {code}".encode(), pepper, _TIME_COST, _MEMORY_KIB, 1, 64, argon2.low_level.Type.ID
    )
    return CodeKeys(drawn[:32], drawn[32:])


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


@cache
def _words(language: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in Mnemonic(_LISTS[language]).wordlist)


@cache
def _drawable(language: str) -> tuple[str, ...]:
    unkind = set(_UNKIND[language].split())
    return tuple(word for word in _words(language) if word not in unkind)


@cache
def _prefixes(language: str) -> dict[str, str]:
    return {word[:_PREFIX]: word for word in _words(language)}
