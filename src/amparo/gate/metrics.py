"""Prometheus figures of a gate. No label carries a fingerprint, an entry or a name that a stranger chose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from amparo.gate.runtime import GateRuntime

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One set for each application, so that two in one process do not meet."""

    def __init__(self, gate: GateRuntime) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Standing(gate))
        ProcessCollector(registry=self._registry)
        self.lookups = Counter("amparo_gate_fingerprints_looked_up", "Fingerprints looked up.", registry=self._registry)
        self.check_seconds = Histogram(
            "amparo_gate_check_seconds", "Time from an upload's last byte to its verdict.",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._refused = Counter(
            "amparo_gate_errors", "Questions that were answered with an error.", ["code"], registry=self._registry
        )

    def refused(self, code: str) -> None:
        """Count an error by its stable code."""
        self._refused.labels(code).inc()

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)


class _Standing(Collector):
    def __init__(self, gate: GateRuntime) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        status = self._gate.status()
        standing = self._gate.replica.standing()
        report = self._gate.checker.tally.report()
        uploads = CounterMetricFamily(
            "amparo_gate_uploads", "Uploads by what policy says; in a dry run all of them pass.", labels=["action"]
        )
        for action, count in report.by_action.items():
            uploads.add_metric([action], count)
        yield uploads
        yield GaugeMetricFamily("amparo_gate_entries", "Entries of the hub that match here.", status.entries)
        yield GaugeMetricFamily("amparo_gate_own_contents", "Fingerprints of the platform's own.", status.own_contents)
        yield GaugeMetricFamily("amparo_gate_feed_cursor", "How far this gate has come in the feed.", status.cursor)
        yield GaugeMetricFamily("amparo_gate_feed_head", "How long the feed is known to be.", status.head)
        yield GaugeMetricFamily(
            "amparo_gate_feed_failing", "1 while the feed cannot be followed.", int(bool(status.problem))
        )
        yield GaugeMetricFamily("amparo_gate_untold_sightings", "Sightings not told yet.", status.untold_sightings)
        yield GaugeMetricFamily("amparo_gate_untold_opinions", "Opinions not told yet.", status.untold_opinions)
        traced = CounterMetricFamily(
            "amparo_gate_traced_uploads",
            "Uploads looked at for registered photos, by what came of it.",
            labels=["outcome"],
        )
        for outcome, count in status.traces.items():
            traced.add_metric([outcome], count)
        yield traced
        yield GaugeMetricFamily(
            "amparo_gate_registered_photos", "Ordinary photos recognised here when altered.", status.registered_photos
        )
        decided = GaugeMetricFamily(
            "amparo_gate_entries_decided_here", "Entries of the hub that people here have rejected, or switched off.",
            labels=["here"],
        )  # fmt: skip
        decided.add_metric(["review"], status.entries_for_review)
        decided.add_metric(["off"], status.entries_off)
        yield decided
        yield GaugeMetricFamily("amparo_gate_dry_run", "1 in a dry run.", int(status.dry_run))
        if standing is not None and standing.issued_at is not None:
            age = (self._gate.clock.now() - standing.issued_at).total_seconds()
            yield GaugeMetricFamily("amparo_gate_feed_age_seconds", "Since the hub made the newest page.", age)
