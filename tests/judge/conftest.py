from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadstone.judge.gates import GateWatch
from loadstone.judge.verdict import Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.stats.histogram import Histogram

OWN = (
    Metric("tokens.made", "tokens", Kind.COUNT, "higher", "tokens"),
    Metric("answer.length", "words", Kind.DISTRIBUTION, "neither", "words"),
)


def one_second(
    at: int,
    ms: Sequence[float] = (),
    *,
    beyond: int = 0,
    requests: int | None = None,
    errors: int = 0,
    step: str = "ask",
    judged: bool = True,
    gauges: dict[str, float] | None = None,
    counts: dict[str, int] | None = None,
) -> Snapshot:
    tags = (("scenario", "s"), ("step", step))
    histogram = Histogram()
    histogram.record_many((np.array(ms, dtype=np.float64) * 1e6).astype(np.int64))
    histogram.record_beyond(beyond)
    total = len(ms) + beyond if requests is None else requests
    all_counts = {Series("http.requests", tags): total} if total else {}
    if errors:
        all_counts[Series("http.errors", (("kind", "reset"), *tags))] = errors
    all_counts |= {Series(name): count for name, count in (counts or {}).items()}
    return Snapshot(
        at,
        float(at),
        at + 1.0,
        judged,
        distributions={Series("http.response_time", (("outcome", "ok"), *tags)): histogram} if len(ms) + beyond else {},
        counts=all_counts,
        gauges={Series(name): Gauge.of(value) for name, value in (gauges or {}).items()},
    )


@pytest.fixture
def second() -> Callable[..., Snapshot]:
    """One second of a run: `second(at, latencies in ms, beyond=, requests=, errors=, step=, judged=, gauges=, counts=)`."""
    return one_second


@pytest.fixture
def watch() -> Callable[..., GateWatch]:
    """A watch of gate texts over the built-in metrics and two of a suite's own."""

    def build(*gates: str) -> GateWatch:
        return GateWatch([parse_gate(gate) for gate in gates], Catalogue(OWN))

    return build


@pytest.fixture
def judge(watch: Callable[..., GateWatch]) -> Callable[..., list[Verdict]]:
    """The verdicts of gate texts over some seconds."""

    def run(snapshots: Sequence[Snapshot], *gates: str) -> list[Verdict]:
        watching = watch(*gates)
        for snapshot in snapshots:
            watching.see(snapshot)
        return watching.verdicts(Aggregate(snapshot for snapshot in snapshots if snapshot.judged))

    return run
