"""StopNCII's wire format, as the threatexchange library (pytx 1.2.17) and HMA speak it."""

from amparo.exchange.stopncii.wire import (
    CaseStatus,
    FeedbackValue,
    HashFeedback,
    HashPage,
    HashRecord,
    RecordFeedback,
    SignalKind,
    decode_feedbacks,
    decode_page,
    decode_submission,
    encode_feedbacks,
    encode_page,
)

__all__ = [
    "CaseStatus",
    "FeedbackValue",
    "HashFeedback",
    "HashPage",
    "HashRecord",
    "RecordFeedback",
    "SignalKind",
    "decode_feedbacks",
    "decode_page",
    "decode_submission",
    "encode_feedbacks",
    "encode_page",
]
