"""What the pages' scripts send: fingerprints or traces in, the code of the case out."""

from __future__ import annotations

from amparo.case.machine import PHOTOS_AT_ONCE
from amparo.case.people import Door
from amparo.core.errors import InvalidInput
from amparo.exchange.native.base64url import from_base64url
from amparo.hub.commands import person, trace, witness
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked
from amparo.hub.person.sitting import Sitting
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import TraceRecord, codec


def save(hub: Hub, asked: Asked) -> dict[str, str]:
    """Keep what was sent in the case of its code, or in a new one."""
    if "trace" in asked.fields:
        return _save_traces(hub, asked)
    fingerprints = [_fingerprint(text) for text in asked.fields.get("fingerprint", [])]
    if not fingerprints:
        raise InvalidInput("pictures_none", "Choose at least one picture.")
    if asked.one("code"):
        code = asked.code()
        person.add_pictures(hub, code, fingerprints)
    else:
        opening = Sitting.of(asked).opening(asked.words.language)
        command = witness.report if opening.door is Door.WITNESS else person.open_case
        code = command(hub, asked.request(), opening, fingerprints)
    return {"code": str(code)}


def _save_traces(hub: Hub, asked: Asked) -> dict[str, str]:
    if "fingerprint" in asked.fields:
        raise InvalidInput("save_mixed", "Pictures to stop and ordinary photos are kept one after the other.")
    texts = asked.fields["trace"]
    if len(texts) > PHOTOS_AT_ONCE:
        raise InvalidInput("photos_many", f"At most {PHOTOS_AT_ONCE} photos at a time.")
    records = [_trace(text) for text in texts]
    if asked.one("code"):
        code = asked.code()
        trace.register_more(hub, code, records)
    else:
        code = trace.register(hub, asked.request(), Sitting.of(asked).opening(asked.words.language), records)
    return {"code": str(code)}


def _trace(text: str) -> TraceRecord:
    """A record in base64url without padding. Raises InvalidInput ``trace_invalid`` or ``trace_version``."""
    try:
        raw = from_base64url(text)
    except ValueError as error:
        raise InvalidInput("trace_invalid", "This trace could not be read.") from error
    return codec.decode(raw)


def _fingerprint(text: str) -> Pdq:
    """``value:quality`` as the page's script writes it."""
    value, _, quality = text.partition(":")
    if not (quality.isdecimal() and len(quality) <= 3):
        raise InvalidInput("fingerprint_invalid", "A fingerprint is written as 64 hexadecimal digits and its quality.")
    return Pdq.from_hex(value, int(quality))
