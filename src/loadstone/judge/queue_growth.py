"""The gate on over-saturation: response times of a steady open load that grow second by second are those of a queue that never ends."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from loadstone.errors import UsageError
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.snapshot import WITHOUT_LOAD, Snapshot, View
from loadstone.stats.histogram import Histogram
from loadstone.stats.trend import trend

KIND = "saturation"
TEXT = "response times do not grow within the level"
METRICS = ("http.response_time", "ws.round_trip_time", "llm.e2e", "iteration.duration")

# A queue that grows by a tenth of a second each second takes a tenth more than is served: there is nothing to wait for.
AT_ONCE_S, AT_ONCE_SLOPE, AT_ONCE_TIMES = 4, 0.10, 4.0
# At the end of a level: an order that chance makes once in a hundred, a growth that is visible beside where it began.
FEWEST_S = 6
CHANCE = 0.01
GROWN_TIMES = 0.5
GROWN_MS = 2.0


class SaturationGate:
    """Ends a level whose queue grows fast, and fails one whose queue grows surely; memory is a number a second.

    Little 1961: with arrivals above the rate of service the number in the system, and with it the time in it, grows without end.
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, self._metrics = asked.spec, _metrics(asked.settings)
        self._at_s: list[float] = []
        self._median_ms: list[float] = []

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        if not snapshot.judged or snapshot.phase in WITHOUT_LOAD:
            return None
        median_ms = self._median(snapshot)
        if median_ms is None:
            return None
        self._at_s.append((snapshot.start_s + snapshot.end_s) / 2)
        self._median_ms.append(median_ms)
        recent = self._median_ms[-AT_ONCE_S:]
        if len(recent) < AT_ONCE_S or any(later <= earlier for earlier, later in pairwise(recent)):
            return None
        slope = (recent[-1] - recent[0]) / 1e3 / (self._at_s[-1] - self._at_s[-AT_ONCE_S])
        if slope < AT_ONCE_SLOPE or recent[-1] < AT_ONCE_TIMES * min(self._median_ms):
            return None
        return self._verdict(
            Status.FAIL, slope, f"the median response time grew by {slope * 1e3:.0f} ms each second: more came than was served"
        )

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        if len(self._median_ms) < FEWEST_S:
            return self._verdict(Status.NO_DATA, None, f"{len(self._median_ms)} seconds have values, {FEWEST_S} are needed")
        found = trend(np.array(self._at_s), np.array(self._median_ms))
        grown_ms = found.slope * (self._at_s[-1] - self._at_s[0])
        began_ms = float(np.median(self._median_ms[: max(2, len(self._median_ms) // 4)]))
        grows = found.p < CHANCE and found.low > 0 and grown_ms >= max(GROWN_MS, GROWN_TIMES * began_ms)
        if not grows:
            return self._verdict(Status.PASS, found.slope / 1e3, "the median response time does not grow")
        reason = f"the median response time grew by {found.slope:.3g} ms each second, from {began_ms:.3g} ms on: more came than was served"
        return self._verdict(Status.FAIL, found.slope / 1e3, reason)

    def _median(self, snapshot: Snapshot) -> float | None:
        for metric in self._metrics:
            whole = Histogram()
            for series, histogram in snapshot.distributions.items():
                if series.metric == metric:
                    whole.merge(histogram)
            if whole.count:
                return whole.quantile(0.5) / 1e6
        return None

    def _verdict(self, status: Status, slope: float | None, reason: str) -> Verdict:
        return Verdict(self._spec, status, slope, 0.0, "s/s", len(self._median_ms), reason, self._at_s[-1] if self._at_s else None)


def _metrics(settings: Mapping[str, Any]) -> tuple[str, ...]:
    unknown = sorted(settings.keys() - {"metric"})
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]!r}", where="gate of kind saturation", hint="metric: http.response_time")
    return (settings["metric"],) if "metric" in settings else METRICS
