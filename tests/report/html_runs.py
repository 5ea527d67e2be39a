"""Runs to make pages of."""

from collections.abc import Sequence
from dataclasses import replace

from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.report.told import Told
from loadstone.testing.samples import make_series, make_snapshot, make_story

HOSTILE = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>&lt;b&gt; {{ 7 * 7 }} \"'"
GATES = ("p95(http.response_time) < 2s", "rate(http.errors) < 1%", "throughput(http.requests) > 1/s", "p95(http.dns_time) < 1s")


def told_of(snapshots: Sequence[Snapshot], *, damage: tuple[str, ...] = (), **story: object) -> Told:
    """The run of these seconds, over time too."""
    timeline = Timeline()
    for snapshot in snapshots:
        timeline.snapshot(snapshot)
    return replace(Told.of(make_story(snapshots, **story), timeline.so_far()), damage=damage)  # type: ignore[arg-type]


def slowing(seconds: int = 40) -> list[Snapshot]:
    """Two steps of which one becomes slow halfway, with memory that a probe reads."""
    found = []
    for second in range(seconds):
        slow = 40.0 if second < seconds // 2 else 400.0
        snapshot = make_snapshot(second, steps={"home": (30, 10.0), "ask": (20, slow)}, judged=second > 1)
        memory = {make_series("target.memory", process="api"): Gauge.of(1e8 + second * 1e6)}
        found.append(replace(snapshot, gauges={**snapshot.gauges, **memory}))
    return found


def hostile() -> Told:
    """Names and texts full of what a page might take for its own."""
    steps = {HOSTILE: (30, 10.0), "javascript:alert(1)": (10, 20.0)}
    failures = {Failure("status", HOSTILE, HOSTILE): 3}
    seconds = [make_snapshot(second, steps=steps, failures=failures) for second in range(20)]
    return told_of(seconds, plan_name=HOSTILE, target=f"http://127.0.0.1/{HOSTILE}", damage=(HOSTILE,))
