"""NCMEC hash sharing v2's wire format: XML over HTTP, as the threatexchange library (pytx 1.2.17) and HMA speak it."""

from amparo.exchange.ncmec.wire import (
    Deleted,
    EntryPage,
    ImageEntry,
    Vote,
    Voted,
    decode_feedback,
    decode_page,
    encode_feedback,
    encode_members,
    encode_page,
    encode_reasons,
    encode_status,
    following_path,
    from_moment,
    to_moment,
)

__all__ = [
    "Deleted",
    "EntryPage",
    "ImageEntry",
    "Vote",
    "Voted",
    "decode_feedback",
    "decode_page",
    "encode_feedback",
    "encode_members",
    "encode_page",
    "encode_reasons",
    "encode_status",
    "following_path",
    "from_moment",
    "to_moment",
]
