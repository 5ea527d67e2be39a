"""Watching without a load: probes are read, and gates on leaks, growth and levels answer at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loadstone.clock import SECOND, now_ns
from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import GateLine
from loadstone.probes.watch import Watch

# What each kind of probe reads that is held, and must not leak.
HELD = {
    "process": ("target.memory", "target.descriptors", "target.threads"),
    "inside": ("target.memory", "target.tasks"),
    "gpu": ("gpu.memory",),
}
GONE_S = 5.0  # without a level after there were some: what was watched has ended
MARGIN_S = 0.05  # a reading of the last moment is still put away


@dataclass(frozen=True)
class Seen:
    """What came of it.

    seconds: that were judged
    total:   everything that was read in them
    before:  the first reading of each level
    gone:    what was watched ended before its time
    missed:  readings that brought nothing, by probe and reason
    """

    seconds: float
    total: Aggregate
    before: Mapping[Series, Gauge]
    verdicts: Sequence[Verdict]
    gone: bool = False
    missed: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """A fail before no data before a pass; without a gate, no data when nothing was read."""
        found = {verdict.status for verdict in self.verdicts}
        if Status.FAIL in found:
            return Status.FAIL
        return Status.NO_DATA if Status.NO_DATA in found or not self.before else Status.PASS


def leak_gates(names: Iterable[str]) -> list[GateLine]:
    """The gate on a leak of each level."""
    return [GateLine(gate=f"leak({name}) = none") for name in names]


def watch(
    probes: Watch,
    gates: Sequence[GateLine],
    duration_s: float,
    *,
    step_s: float = 1.0,
    warm_up_s: float = 0.0,
    tell: Callable[[Snapshot], None] = lambda _snapshot: None,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], int] = now_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Seen:
    """Read for `warm_up_s`, then judge what is read for `duration_s`, or until whoever is watched ended or `stopped` says so.

    step_s: length of a snapshot; one level of each series is judged in each
    tell:   gets every snapshot
    raises: PlanError for gates that do not fit what the probes read
    """
    catalogue = Catalogue()
    for metric in probes.metrics:
        catalogue.add(metric)
    panel, total, before, missed = Panel(list(gates), catalogue), Aggregate(), dict[Series, Gauge](), Counter[tuple[str, str]]()
    start_ns, begin_s, seq, silent = clock(), 0.0, 0, 0
    probes.start(start_ns)
    try:
        while begin_s < warm_up_s + duration_s and not stopped():
            end_s = begin_s + step_s
            sleep(max(0.0, end_s + MARGIN_S - (clock() - start_ns) / SECOND))
            late_s = (clock() - start_ns) / SECOND - end_s
            end_s += late_s if late_s > step_s else 0.0  # after a process that was held up, one long second and no burst of empty ones
            snapshot = probes.complete(Snapshot(seq, begin_s, end_s, judged=begin_s >= warm_up_s))
            levels = {series: gauge for series, gauge in snapshot.gauges.items() if not series.metric.startswith("probe.")}
            panel.see(snapshot)
            tell(snapshot)
            missed.update(_missed(snapshot))
            if snapshot.judged:
                total.add(snapshot)
                before = {**levels, **before}
            begin_s, seq, silent = end_s, seq + 1, 0 if levels or not before else silent + 1
            if silent * step_s >= GONE_S:
                break
    finally:
        probes.close()
    return Seen(total.seconds, total, before, panel.verdicts(total), gone=silent * step_s >= GONE_S, missed=missed)


def _missed(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    found = [(dict(series.tags), count) for series, count in snapshot.counts.items() if series.metric == "probe.missed"]
    return {(tags["probe"], tags["kind"]): count for tags, count in found}
