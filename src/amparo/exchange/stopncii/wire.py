"""The messages of StopNCII's format, both ways.

::

    GET FetchHashes        -> {count, nextPageToken, nextSetTimestamp, hasMoreRecords, hashRecords: [
                                {lastModtimestamp, signalType, hashValue, hashStatus, caseNumbers: {id: status},
                                 CSPFeedbacks: [{source, feedbackValue, tags}]}]}
    POST SubmitFeedback    <- {count, hashFeedbacks: [{tags, feedbackValue, hashValue}]}
    POST SubmitHashes      <- {count, hashRecords: [{lastModtimestamp, signalType, hashValue, CSPFeedbacks}]}

Records are keyed by (signalType, hashValue), and the newest one of a key replaces the earlier. Times are whole seconds since
1970. Enum values are also taken in the spelling of Python's ``str`` of an enum, e.g. ``StopNCIISignalType.ImagePDQ``, which
pytx sends on submission. Source: the published client, python-threatexchange ``exchanges/clients/stopncii/api.py`` 1.2.17.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from amparo.core.errors import InvalidInput, VerificationFailed

MAXIMUM_RECORDS: Final = 1000
MAXIMUM_BYTES: Final = 16_000_000
_VALUE_LENGTH: Final = 10_000
_TOKEN_LENGTH: Final = 4000
_TIME_LIMIT: Final = 2**40


class SignalKind(StrEnum):
    UNKNOWN = "Unknown"
    IMAGE_PDQ = "ImagePDQ"
    VIDEO_MD5 = "VideoMD5"
    VIDEO_TMK = "VideoTMK"
    TEXT = "Text"
    URL = "URL"


class CaseStatus(StrEnum):
    UNKNOWN = "Unknown"
    RECEIVED = "Received"
    ACTIVE = "Active"
    WITHDRAWN = "Withdrawn"
    DELETED = "Deleted"

    @property
    def ended(self) -> bool:
        """Whether a record of this status must not match any more."""
        return self in (CaseStatus.WITHDRAWN, CaseStatus.DELETED)


class FeedbackValue(StrEnum):
    UNKNOWN = "Unknown"
    NONE = "None"
    QUALITY_UNKNOWN = "QualityUnknown"
    PENDING_REVIEW = "PendingReview"
    BLOCKED = "Blocked"
    NOT_BLOCKED = "NotBlocked"
    WITHDRAWN = "Withdrawn"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class RecordFeedback:
    """What the platform ``source`` says of a record."""

    source: str
    value: FeedbackValue
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HashRecord:
    """value: as written, for ImagePDQ 64 lowercase hexadecimal digits; cases: the record's cases and their status."""

    modified: int
    kind: SignalKind
    value: str
    status: CaseStatus
    cases: Mapping[str, CaseStatus] = field(default_factory=dict[str, CaseStatus])
    feedbacks: tuple[RecordFeedback, ...] = ()


@dataclass(frozen=True, slots=True)
class HashPage:
    """next_token: for the next page of this fetch; next_timestamp: where the next fetch begins; never decreases.

    skipped: how many records could not be read and were left out, as the published client does.
    """

    records: tuple[HashRecord, ...]
    next_token: str | None
    next_timestamp: int
    more: bool
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class HashFeedback:
    """A platform's feedback on a value."""

    value: str
    feedback: FeedbackValue
    tags: tuple[str, ...] = ()


def encode_page(page: HashPage) -> bytes:
    """JSON bytes of a FetchHashes answer."""
    content = {
        "count": len(page.records),
        "nextPageToken": page.next_token,
        "nextSetTimestamp": page.next_timestamp,
        "hasMoreRecords": page.more,
        "hashRecords": [_record_json(record) for record in page.records],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def decode_page(raw: bytes) -> HashPage:
    """A FetchHashes answer. Raises VerificationFailed ``page_malformed`` (step ``parse``) where the frame is not as above."""
    try:
        if len(raw) > MAXIMUM_BYTES:
            raise ValueError(f"{len(raw)} bytes")
        content = cast("dict[str, Any]", json.loads(raw))
        found = [_record_of(record) for record in cast("list[Any]", content["hashRecords"])]
        records = tuple(record for record in found if record is not None)
        more = content["hasMoreRecords"]
        token = content.get("nextPageToken")
        if not isinstance(more, bool) or not isinstance(token, str | None):
            raise TypeError("hasMoreRecords or nextPageToken has another type")
        if more and not token:
            raise ValueError("more without a token")
        if token and not (len(token) <= _TOKEN_LENGTH and token.isascii() and token.isprintable()):
            raise ValueError("a token that cannot be sent back")
        return HashPage(records, token or None, _time(content["nextSetTimestamp"]), more, len(found) - len(records))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationFailed(
            "page_malformed", "The answer is not a page of StopNCII's format.", step="parse", detail=str(error)
        ) from error


def encode_feedbacks(feedbacks: Sequence[HashFeedback]) -> bytes:
    """JSON bytes of a SubmitFeedback question."""
    told = [{"tags": list(f.tags), "feedbackValue": f.feedback.value, "hashValue": f.value} for f in feedbacks]
    return json.dumps({"count": len(told), "hashFeedbacks": told}, separators=(",", ":")).encode()


def decode_feedbacks(raw: bytes) -> tuple[HashFeedback, ...]:
    """Inverse of ``encode_feedbacks``. Raises InvalidInput ``feedback_malformed``."""
    try:
        told = _bounded(json.loads(raw)["hashFeedbacks"])
        return tuple(
            HashFeedback(_value(one["hashValue"]), _enum(FeedbackValue, one["feedbackValue"]), _tags(one.get("tags")))
            for one in told
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("feedback_malformed", "This feedback could not be read.", detail=str(error)) from error


def decode_submission(raw: bytes) -> tuple[tuple[SignalKind, str], ...]:
    """The (kind, value) pairs of a SubmitHashes question. Raises InvalidInput ``submission_malformed``."""
    try:
        told = _bounded(json.loads(raw)["hashRecords"])
        return tuple((_enum(SignalKind, one["signalType"]), _value(one["hashValue"])) for one in told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("submission_malformed", "These records could not be read.", detail=str(error)) from error


def _record_json(record: HashRecord) -> dict[str, Any]:
    return {
        "lastModtimestamp": record.modified,
        "signalType": record.kind.value,
        "hashValue": record.value,
        "hashStatus": record.status.value,
        "caseNumbers": {case: status.value for case, status in record.cases.items()},
        "CSPFeedbacks": [
            {"source": f.source, "feedbackValue": f.value.value, "tags": list(f.tags)} for f in record.feedbacks
        ],
    }


def _record_of(content: Any) -> HashRecord | None:
    """None for a record that is not understood: one of them must not end the whole fetch."""
    try:
        cases = cast("dict[str, str]", content.get("caseNumbers") or {})
        feedbacks = cast("list[dict[str, Any]]", content.get("CSPFeedbacks") or [])
        return HashRecord(
            _time(content["lastModtimestamp"]),
            _enum(SignalKind, content["signalType"]),
            _value(content["hashValue"]),
            _enum(CaseStatus, content["hashStatus"]),
            {str(case): _enum(CaseStatus, status) for case, status in cases.items()},
            tuple(
                RecordFeedback(str(f.get("source", "")), _enum(FeedbackValue, f["feedbackValue"]), _tags(f.get("tags")))
                for f in feedbacks
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


_Enum = TypeVar("_Enum", bound=StrEnum)


def _enum(kind: type[_Enum], text: Any) -> _Enum:
    if not isinstance(text, str):
        raise TypeError("an enum value is not text")
    last = text.rpartition(".")[2]
    # The Python member that means "None" is called ``None_``.
    return kind(last.removesuffix("_"))


def _bounded(told: Any) -> list[dict[str, Any]]:
    if not isinstance(told, list):
        raise TypeError("not a list")
    told = cast("list[dict[str, Any]]", told)
    if len(told) > MAXIMUM_RECORDS:
        raise ValueError(f"{len(told)} at once")
    return told


def _value(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _VALUE_LENGTH:
        raise ValueError("a value is not text, or too long")
    text.encode()  # half a character, which JSON can say and nothing else, raises a ValueError too
    return text


def _tags(tags: Any) -> tuple[str, ...]:
    return tuple(str(tag) for tag in cast("list[Any]", tags or []))


def _time(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _TIME_LIMIT:
        raise ValueError("not a time")
    return value
