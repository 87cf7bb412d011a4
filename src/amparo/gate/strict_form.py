"""Multipart forms, read so strictly that no site's parser can see other files in them than we do.

Each framework reads a form by rules of its own, and where two of them part, a picture passes one unseen and is stored by
the other. Browsers and ordinary clients send one plain kind of form (RFC 7578 without what it deprecates); every parser
reads that alike, and nothing else gets through::

    form       := [CRLF] *( delimiter CRLF headers CRLF CRLF content CRLF ) delimiter "--" [CRLF]
    delimiter  := "--" boundary            ; nowhere else in the whole body, not even within a line
    header     := name ":" value           ; on one line, without control characters, each name once
    Content-Disposition        form-data; name=... [; filename=...] [; filename*=UTF-8''...], the last beside a filename only
    Content-Type               anything but multipart/* and message/*
    Content-Transfer-Encoding  binary, 8bit or 7bit (RFC 7578, 4.7)

What a part calls itself decides nothing: a content that is not plain text may be a picture, and is one of the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from amparo.core.errors import InvalidInput

MOST_FILES: Final = 20
_MOST_FIELDS: Final = 100
_HEADER_BYTES: Final = 8192
_TYPE: Final = re.compile(
    r"multipart/form-data(?:[ \t]*;[ \t]*(?:"
    # No apostrophe and no space, which some would take for a part of the boundary, and some not.
    r'boundary=(?:"(?P<quoted>[0-9A-Za-z_.+=/:?(),-]{1,70})"|(?P<plain>[0-9A-Za-z_.+=-]{1,70}))'
    r'|charset="?utf-8"?))+',
    re.IGNORECASE,
)
_HEADER: Final = re.compile(rb"(?P<name>[0-9A-Za-z-]+):(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)")
# No backslash: some take it for itself, some for an escape of the quotation mark behind it.
_TEXT: Final = rb'(?:"[^"\\]*"|[0-9A-Za-z_.+-]+)'
_DISPOSITION: Final = re.compile(
    rb"form-data; ?name=%b(?P<file>; ?filename=%b(?:; ?filename\*=(?:utf-8|UTF-8)''[0-9A-Za-z!#$&+.^_`|~%%-]+)?)?"
    % (_TEXT, _TEXT)
)
_PLAIN: Final = re.compile(rb"binary|8bit|7bit", re.IGNORECASE)
_COMPOSED: Final = re.compile(rb"(?:multipart|message)\b", re.IGNORECASE)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def files_of_form(body: bytes, content_type: str) -> list[bytes]:
    """The contents of its parts, in order, that have a file's name or are not plain text; empty ones are left out.

    Raises InvalidInput ``upload_malformed`` for every form that is not of the plain kind, and for one of more than 20
    files or 100 other parts.
    """
    files: list[bytes] = []
    fields = 0
    for headers, content in _parts(body, _boundary(content_type)):
        disposition = _DISPOSITION.fullmatch(headers.get(b"content-disposition", b""))
        if (
            disposition is None
            or _COMPOSED.match(headers.get(b"content-type", b"")) is not None
            or _PLAIN.fullmatch(headers.get(b"content-transfer-encoding", b"binary")) is None
        ):
            raise malformed()
        if disposition["file"] is None and is_text(content):
            fields += 1
        elif content:
            files.append(content)
        if len(files) > MOST_FILES or fields > _MOST_FIELDS:
            raise malformed()
    return files


def is_text(content: bytes) -> bool:
    """Whether this is plain text in UTF-8, which no picture is that we or a browser could read.

    JPEG and PNG begin with bytes that UTF-8 does not know. The others hold control characters: the code size of a GIF is
    2 to 8, and the high bytes of lengths and sizes in WebP, BMP, TIFF and the boxes of HEIC and AVIF are near zero.
    """
    if _CONTROL.search(content) is not None:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def malformed() -> InvalidInput:
    return InvalidInput("upload_malformed", "This upload could not be read.")


def _boundary(content_type: str) -> bytes:
    found = _TYPE.fullmatch(content_type.strip(" \t"))
    # A parameter that stands there twice is the first to some parsers and the last to others.
    if found is None or content_type.lower().count("boundary=") != 1 or content_type.lower().count("charset=") > 1:
        raise malformed()
    return (found["quoted"] or found["plain"]).encode("ascii")


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[dict[bytes, bytes], bytes]]:
    before, *parts = body.split(b"--" + boundary)
    if before not in (b"", b"\r\n") or not parts or parts.pop() not in (b"--", b"--\r\n"):
        raise malformed()
    for part in parts:
        if not part.startswith(b"\r\n") or not part.endswith(b"\r\n"):
            raise malformed()
        head, blank, content = part[2:-2].partition(b"\r\n\r\n")
        if not blank or len(head) > _HEADER_BYTES:
            raise malformed()
        yield _headers(head), content


def _headers(head: bytes) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        read = _HEADER.fullmatch(line)
        if read is None or read["name"].lower() in headers:
            raise malformed()
        headers[read["name"].lower()] = read["value"].strip(b" \t")
    return headers
