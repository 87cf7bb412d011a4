"""The native feed: signed, ordered, resumable pages of additions and tombstones. Format: spec/feed.md."""

from amparo.exchange.native.opinion import decode_opinions, encode_opinions
from amparo.exchange.native.page import Addition, FeedPage, Tombstone, TraceAddition, decode_page, encode_page
from amparo.exchange.native.sighting import SightingReport, decode_reports, encode_reports
from amparo.exchange.native.verify import Expectation, verify_page

__all__ = [
    "Addition",
    "Expectation",
    "FeedPage",
    "SightingReport",
    "Tombstone",
    "TraceAddition",
    "decode_opinions",
    "decode_page",
    "decode_reports",
    "encode_opinions",
    "encode_page",
    "encode_reports",
    "verify_page",
]
