"""Files of ``hash,quality,path``, as PDQ's own tools write them: one fingerprint a line, with or without a header line.

A line may end after the hash, or after the quality. Source: ThreatExchange, pdq/README (its ``pdq-photo-hasher`` output).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq

UNSTATED_QUALITY: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """path: "" where the file names none."""

    fingerprint: Pdq
    path: str


def read_lines(text: str) -> Iterator[Line]:
    """Every fingerprint of the file. Raises InvalidInput ``csv_malformed`` with the number of the first bad line."""
    rows = csv.reader(text.splitlines())
    try:
        for row in rows:
            if not row or (rows.line_num == 1 and row[0].strip().lower() == "hash"):
                continue
            quality = int(row[1]) if len(row) > 1 and row[1].strip() else UNSTATED_QUALITY
            yield Line(Pdq.from_hex(row[0].strip().lower(), quality), row[2].strip() if len(row) > 2 else "")
    except (csv.Error, ValueError, InvalidInput) as error:
        # csv.Error: a field longer than any is, such as the rest of a file behind a quotation mark that nothing closes.
        raise InvalidInput("csv_malformed", f"Line {rows.line_num} is not hash,quality,path.") from error


def write_line(line: Line) -> str:
    """Inverse of ``read_lines`` for one line, without its end."""
    quoted = '"' + line.path.replace('"', '""') + '"' if set(line.path) & set(',"') else line.path
    return f"{line.fingerprint.hex},{line.fingerprint.quality},{quoted}"
