"""Reading what a stranger sends: bodies within a size and a time, multipart forms in memory only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from amparo.core.errors import InvalidInput
from amparo.gate.body_budget import Share
from amparo.gate.strict_form import MOST_FILES, malformed

_PLAIN_ENCODINGS: Final = frozenset({"binary", "8bit", "7bit"})
_FIELDS: Final = 100


@dataclass(frozen=True, slots=True)
class BodyPace:
    """How slowly a body may arrive: ``grace`` seconds in any case, and one more for each ``bytes_per_second`` that has come.

    Whoever is slower is cut off: open uploads are what a slow-loris attack piles up. A photo over a poor line is none: 5 MB
    may take five minutes. Raises InvalidInput ``body_pace_invalid`` for what is not above zero.
    """

    grace: float = 30.0
    bytes_per_second: float = 16_000.0

    def __post_init__(self) -> None:
        if not self.grace > 0 or not self.bytes_per_second > 0:
            raise InvalidInput("body_pace_invalid", "A pace for bodies needs seconds and bytes above zero.")


PACE: Final = BodyPace()


@dataclass(frozen=True, slots=True)
class SentFile:
    """field: the form's name for it; kind: the media type its sender claims."""

    field: str
    content: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class SentForm:
    files: tuple[SentFile, ...]
    fields: dict[str, str]


async def read_body(request: Request, limit: int, pace: BodyPace = PACE, *, share: Share | None = None) -> bytes:
    """The whole body. share: what its bytes count against, for bodies that are long.

    Raises InvalidInput ``body_too_long`` as soon as it is over the limit, read or announced, ``body_too_slow`` or
    ``body_cut_off``; Unavailable ``bodies_too_many`` where others have taken the budget.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise too_long(limit)
    body = bytearray()
    end = asyncio.get_running_loop().time() + pace.grace
    try:
        async with asyncio.timeout_at(end) as timeout:
            async for chunk in request.stream():
                if len(body) + len(chunk) > limit:
                    raise too_long(limit)
                if share is not None:
                    await share.take(len(chunk))
                body += chunk
                timeout.reschedule(end + len(body) / pace.bytes_per_second)
    except TimeoutError as error:
        raise InvalidInput("body_too_slow", "The body arrived too slowly.") from error
    except ClientDisconnect as error:
        raise InvalidInput("body_cut_off", "The sender went away before the end of the body.") from error
    return bytes(body)


def too_long(limit: int) -> InvalidInput:
    return InvalidInput("body_too_long", f"At most {limit:,} bytes can be sent here.")


async def parse_form(body: bytes, headers: Headers) -> SentForm:
    """A multipart form, by the parser that Starlette's own handlers use. Raises InvalidInput ``upload_malformed``."""

    async def whole() -> AsyncGenerator[bytes]:
        yield body

    try:
        form = await _InMemory(headers, whole(), max_files=MOST_FILES, max_fields=_FIELDS).parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise malformed() from error
    files: list[SentFile] = []
    fields: dict[str, str] = {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                # Handlers disagree on whether this header counts (RFC 7578, 4.7 ends it): they could see other bytes.
                if value.headers.get("content-transfer-encoding", "binary").strip().lower() not in _PLAIN_ENCODINGS:
                    raise malformed()
                files.append(SentFile(name, await value.read(), value.content_type or ""))
            else:
                fields[name] = value
    finally:
        await form.close()
    return SentForm(tuple(files), fields)


class _InMemory(MultiPartParser):
    """A picture is never spooled to a file: it must not stay on a disk, not even a deleted one."""

    spool_max_size = 0  # tempfile's word for "in memory, whatever the size"
