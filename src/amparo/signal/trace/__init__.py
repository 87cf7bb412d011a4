"""Traces: an ordinary photo recognised in its altered derivatives, from points and edges alone (spec/trace.md)."""

from amparo.signal.trace.compare import Alignment, Comparison, Relation, align, compare, judge, tiles_of
from amparo.signal.trace.extract import query, register
from amparo.signal.trace.record import QueryRecord, TraceRecord

__all__ = [
    "Alignment",
    "Comparison",
    "QueryRecord",
    "Relation",
    "TraceRecord",
    "align",
    "compare",
    "judge",
    "query",
    "register",
    "tiles_of",
]
