"""Without a calibrated caller whose frames are in time, nothing is said about voice."""

import numpy as np
import pytest

from loadstone.judge.gates import GateWatch
from loadstone.judge.trust import GeneratorFacts, Level, assess
from loadstone.judge.verdict import Status
from loadstone.judge.voice import doubt, without_voice
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.stats.histogram import Histogram


def seen(off_ms: float | None = 0.4, late_ms: float = 1.0, calls: int = 5) -> Aggregate:
    lateness = Histogram()
    lateness.record_many(np.full(1_000, late_ms * 1e6).astype(np.int64))
    gauges = {Series("voice.calibration"): Gauge.of(off_ms)} if off_ms is not None else {}
    counts = {Series("voice.calls"): calls, Series("http.requests"): 10} if calls else {Series("http.requests"): 10}
    values = {Series("voice.frame_lateness"): lateness}
    return Aggregate([Snapshot(0, 0.0, 30.0, distributions=values, counts=counts, gauges=gauges)])


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (seen(), ""),
        (seen(calls=0, off_ms=None), ""),
        (seen(off_ms=None), "not calibrated"),
        (seen(off_ms=5.0), "off by 5 ms"),
        (seen(late_ms=5.1), "frames were late: p99"),
    ],
)
def test_a_verdict_needs_a_calibration_within_5_ms_and_frames_in_time(view: Aggregate, why: str) -> None:
    assert why in doubt(view)
    assert bool(doubt(view)) is bool(why)
    level = assess(view, GeneratorFacts(asked_arrivals=None, achieved_arrivals=0)).level
    assert level is (Level.UNTRUSTWORTHY if why else Level.OK)


def test_doubt_takes_the_verdict_from_gates_on_voice_alone() -> None:
    specs = [parse_gate("count(voice.calls) > 1"), parse_gate("count(http.requests) > 1")]
    verdicts = GateWatch(specs, Catalogue()).verdicts(seen())
    assert all(verdict.passed for verdict in verdicts)
    voice, other = without_voice(verdicts, "the caller was not calibrated")
    assert voice.status is Status.NO_DATA
    assert voice.reason == "the caller was not calibrated"
    assert other.passed
