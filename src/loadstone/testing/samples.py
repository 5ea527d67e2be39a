"""Snapshots, results and stories made by hand, for tests of sinks, gates and reports.

Everything made here is the same each time, so that golden files can be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from loadstone.judge.causes import find_causes
from loadstone.judge.course import RunCourse
from loadstone.judge.failure_patterns import failure_patterns
from loadstone.judge.gates import GateWatch
from loadstone.judge.notices import find_notices
from loadstone.judge.recommend import recommend
from loadstone.judge.score import decide, requirements, score, without_answers
from loadstone.judge.story import Story
from loadstone.judge.trust import GeneratorFacts, assess
from loadstone.judge.unjudged import unjudged_failures
from loadstone.judge.verdict import Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Metric
from loadstone.measure.result import LoadSummary, Provenance, Result
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.stats.histogram import Histogram

PROVENANCE = Provenance(
    version="0.1.0",
    python="3.11.7",
    platform="Linux x86_64",
    kernel="6.1.0",
    cpu="Example CPU",
    cores=2,
    git_commit="0123456789abcdef0123456789abcdef01234567",
    seed=42,
    command="loadstone run shop.yaml",
    plan_hash="5f2d7c0e9a",
    event_loop="uvloop",
    kernel_clock=True,
    clock_resolution_ns=1,
)


def make_series(metric: str, **tags: str) -> Series:
    """A series with its tags in order."""
    return Series(metric, tuple(sorted(tags.items())))


def make_histogram(values_ms: Iterable[float], *, beyond: int = 0) -> Histogram:
    """The histogram of times given in ms."""
    histogram = Histogram()
    histogram.record_many((np.asarray(list(values_ms), dtype=np.float64) * 1e6).astype(np.int64))
    histogram.record_beyond(beyond)
    return histogram


def spread_ms(count: int, median_ms: float) -> list[float]:
    """So many times around a median, with the long tail that response times have; the same each time."""
    shares = (np.arange(count) + 0.5) / count
    return [float(value) for value in median_ms * (0.6 + 0.4 * (1.0 / (1.0 - shares) - 1.0) ** 0.35)]


def make_snapshot(
    seq: int = 0,
    *,
    steps: Mapping[str, tuple[int, float]] | None = None,
    scenario: str = "shop",
    failures: Mapping[Failure, int] | None = None,
    dropped: int = 0,
    users: int = 10,
    target_rate: float | None = None,
    cpu_percent: float = 40.0,
    judged: bool = True,
    phase: str = "steady",
) -> Snapshot:
    """One second of HTTP load.

    steps:    step -> (requests in that second, median response time in ms); one step `home` when None
    failures: of those requests, the ones that failed, by reason; kinds that begin with `timeout` count as beyond
    """
    steps = {"home": (100, 12.0)} if steps is None else steps
    failures = failures or {}
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    for step, (requests, median_ms) in steps.items():
        tags = {"scenario": scenario, "step": step}
        mine = {failure: count for failure, count in failures.items() if failure.step == step}
        failed, timed_out = sum(mine.values()), sum(n for failure, n in mine.items() if failure.kind.startswith("timeout"))
        distributions |= _latencies(tags, requests - failed, failed - timed_out, timed_out, median_ms)
        counts[make_series("http.requests", **tags)] = requests
        counts[make_series("http.bytes_in", **tags)] = requests * 1500
        counts[make_series("http.bytes_out", **tags)] = requests * 200
        for failure, count in mine.items():
            series = make_series("http.errors", kind=failure.kind, **tags)
            counts[series] = counts.get(series, 0) + count
    sent = sum(requests for requests, _ in steps.values())
    gauges = {
        make_series("load.users", scenario=scenario): Gauge.of(users),
        make_series("generator.cpu", worker="0"): Gauge.of(cpu_percent),
    }
    if target_rate is not None:
        gauges[make_series("load.target_rate", scenario=scenario)] = Gauge.of(target_rate)
        counts[make_series("load.arrivals", scenario=scenario)] = sent + dropped
    if dropped:
        counts[make_series("load.dropped", scenario=scenario)] = dropped
        distributions[make_series("http.response_time", outcome="dropped", scenario=scenario)] = make_histogram([], beyond=dropped)
    counts |= {Series("generator.reads"): sent, Series("generator.coalesced_reads"): sent // 200}
    distributions[Series("generator.loop_lag")] = make_histogram(spread_ms(100, 0.1))
    return Snapshot(seq, float(seq), float(seq + 1), judged, phase, distributions, counts, gauges, dict(failures))


def make_story(
    snapshots: Sequence[Snapshot] | None = None,
    *,
    gates: Sequence[str] = ("p95(http.response_time) < 2s", "rate(http.errors) < 1%"),
    requirement_of: Mapping[str, str] | None = None,
    plan_name: str = "shop",
    target: str = "http://127.0.0.1:8000",
    own_metrics: tuple[Metric, ...] = (),
    asked_arrivals: int | None = None,
    kernel_clock: bool = True,
    interrupted: bool = False,
    unreachable: bool = False,
    aborted_by: str = "",
) -> Story:
    """A run of these seconds (ten like `make_snapshot()` when None), judged as a real one is.

    requirement_of: gate text -> the requirement it names
    """
    snapshots = [make_snapshot(seq) for seq in range(10)] if snapshots is None else snapshots
    catalogue = Catalogue(own_metrics)
    total = Aggregate(snapshot for snapshot in snapshots if snapshot.judged)
    specs = [parse_gate(text, requirement=(requirement_of or {}).get(text, "")) for text in gates]
    watch = GateWatch(specs, catalogue)
    course = RunCourse(watch.gates)
    for snapshot in snapshots:
        watch.see(snapshot)
        course.see(snapshot)
    verdicts: list[Verdict] = watch.verdicts(total)
    unjudged = unjudged_failures(total, verdicts)
    load = _load(total, asked_arrivals)
    if not load.requests or (unjudged and unjudged.everything):
        verdicts = without_answers(verdicts, unjudged.text if unjudged else "nothing was measured")
    facts = GeneratorFacts(asked_arrivals, load.requests, kernel_clock=kernel_clock)
    trust = assess(total, facts)
    verdict, exit_code = decide(
        verdicts,
        trust,
        interrupted=interrupted,
        load_reached=trust.load_reached,
        any_samples=load.requests > 0,
        unreachable=unreachable,
        answered=not (unjudged and unjudged.everything),
    )
    result = Result(
        plan_name=plan_name,
        target=target,
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        seconds=total.seconds,
        warm_up_s=sum(snapshot.end_s - snapshot.start_s for snapshot in snapshots if not snapshot.judged),
        total=total,
        catalogue=catalogue,
        load=load,
        provenance=PROVENANCE,
        interrupted=interrupted,
        aborted_by=aborted_by,
    )
    notices = tuple(find_notices(total, facts, specs))
    causes = find_causes(course, total, verdicts, trust, catalogue)
    return Story(
        result,
        verdict,
        exit_code,
        trust,
        tuple(verdicts),
        notices,
        requirements(verdicts),
        score(verdicts),
        causes=causes,
        recommendations=recommend(causes),
        failure_patterns=failure_patterns(course, total),
        because=unjudged.text if unjudged else "",
    )


def _latencies(tags: dict[str, str], good: int, failed: int, timed_out: int, median_ms: float) -> dict[Series, Histogram]:
    """What the recorder writes for one step in one second."""
    found: dict[Series, Histogram] = {}
    waits = spread_ms(good, median_ms)
    for metric, part in (("http.response_time", 1.0), ("http.service_time", 0.98), ("http.time_to_first_byte", 0.9)):
        found[make_series(metric, outcome="ok", **tags)] = make_histogram([wait * part for wait in waits])
        if failed or timed_out:
            found[make_series(metric, outcome="failed", **tags)] = make_histogram(spread_ms(failed, 1.0), beyond=timed_out)
    found[make_series("load.send_lag", **tags)] = make_histogram(spread_ms(good, 0.05))
    found[make_series("generator.share", **tags)] = make_histogram(spread_ms(good, 0.02))
    return found


def _load(total: Aggregate, asked_arrivals: int | None) -> LoadSummary:
    requests, users, target = total.count("http.requests") or 0, total.gauge("load.users"), total.gauge("load.target_rate")
    return LoadSummary(
        target_rate=target.mean if target else None,
        achieved_rate=requests / total.seconds if total.seconds else 0.0,
        requests=requests,
        errors=total.count("http.errors") or 0,
        dropped=total.count("load.dropped") or 0,
        arrivals=total.count("load.arrivals") or 0,
        asked_arrivals=asked_arrivals,
        users=int(users.greatest) if users else 0,
    )
