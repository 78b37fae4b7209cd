"""What a gateway counts, for Prometheus. Each process counts for itself; whichever is asked adds all of them up."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, float("inf"))
FRESH = 10.0
"""Seconds after which the figures of a process that no longer writes them are left out."""

COUNTERS = {
    "requests": ("Requests by model and status", ("model", "status")),
    "tokens": ("Tokens charged, by model and kind", ("model", "kind")),
    "cost_micro_fen": ("What was charged, in micro-fen", ("model",)),
    "refused": ("Requests refused, by code", ("code",)),
    "retries": ("Requests sent to another service", ("model",)),
    "upstream_failures": ("Failures of a service", ("upstream",)),
    "over_hold_micro_fen": ("Cost reported beyond what was held, which nobody is charged for", ("upstream",)),
}
GAUGES = {
    "in_flight": ("Requests in flight at a service", ("upstream",)),
    "upstream_well": ("Whether a service takes requests", ("upstream",)),
    "free_micro_fen": ("Leased and not held", ()),
    "held_micro_fen": ("Held for requests in flight", ()),
    "journal_unposted": ("Records of the journal that the ledger does not have yet", ()),
}


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, ...], int] = defaultdict(int)
        self.gauges: dict[tuple[str, ...], float] = {}
        self.seconds: dict[str, list[float]] = {}

    def took(self, model: str, seconds: float) -> None:
        """Count a request's duration."""
        found = self.seconds.get(model)
        if found is None:
            found = self.seconds[model] = [0.0] * (len(BUCKETS) + 1)
        found[-1] += seconds
        for at, most in enumerate(BUCKETS):
            if seconds <= most:
                found[at] += 1
                break

    def write(self, path: Path) -> None:
        """Leave the figures where the other processes find them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".new")
        made.write_bytes(
            orjson.dumps([[*pair] for pair in (self.counters.items(), self.gauges.items(), self.seconds.items())])
        )
        made.replace(path)


def exposition(folder: Path) -> bytes:
    """Return the sum of what the processes left in a folder, as Prometheus reads it."""
    total = Metrics()
    for path in folder.glob("*.json"):
        if path.stat().st_mtime < time.time() - FRESH:
            continue
        counters, gauges, seconds = orjson.loads(path.read_bytes())
        for key, value in counters:
            total.counters[tuple(key)] += value
        for key, value in gauges:
            total.gauges[tuple(key)] = total.gauges.get(tuple(key), 0) + value
        for model, values in seconds:
            known = total.seconds.setdefault(model, [0.0] * len(values))
            total.seconds[model] = [a + b for a, b in zip(known, values, strict=True)]
    registry = CollectorRegistry()
    registry.register(_Collector(total))
    return generate_latest(registry)


class _Collector:
    def __init__(self, total: Metrics) -> None:
        self._total = total

    def collect(self) -> Iterator[Metric]:
        for name, (told, labels) in COUNTERS.items():
            counter = CounterMetricFamily(f"dujiang_gateway_{name}", told, labels=labels)
            for key, value in sorted(self._total.counters.items()):
                if key[0] == name:
                    counter.add_metric(key[1:], value)
            yield counter
        for name, (told, labels) in GAUGES.items():
            gauge = GaugeMetricFamily(f"dujiang_gateway_{name}", told, labels=labels)
            for key, figure in sorted(self._total.gauges.items()):
                if key[0] == name:
                    gauge.add_metric(key[1:], figure)
            yield gauge
        took = HistogramMetricFamily("dujiang_gateway_seconds", "How long requests took", labels=("model",))
        for model, values in sorted(self._total.seconds.items()):
            sums, running = [], 0.0
            for most, count in zip(BUCKETS, values, strict=False):
                running += count
                sums.append(("+Inf" if most == float("inf") else str(most), running))
            took.add_metric((model,), sums, values[-1])
        yield took
