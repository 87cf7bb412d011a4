"""Signal files of the threatexchange library's ``local_file`` exchange: ``TYPE VALUE`` a line, or only the value.

Source: python-threatexchange ``exchanges/impl/file_api.py`` 1.2.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq, SignalType

_UNSTATED_QUALITY = 100


def read_signals(text: str, otherwise: str = SignalType.PDQ.value) -> Iterator[Pdq]:
    """The PDQ fingerprints of the file; other types are passed over.

    otherwise: the type of lines that name none. Raises InvalidInput ``signal_file_malformed`` with the line's number.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        kind, value = (otherwise, words[0]) if len(words) == 1 else (words[0], words[1])
        if kind != SignalType.PDQ:
            continue
        try:
            yield Pdq.from_hex(value.lower(), _UNSTATED_QUALITY)
        except InvalidInput as error:
            raise InvalidInput("signal_file_malformed", f"Line {number} is not a signal.") from error


def write_signal(fingerprint: Pdq) -> str:
    """Inverse of ``read_signals`` for one line, without its end."""
    return f"{SignalType.PDQ.value} {fingerprint.hex}"
