"""What to do, each advice with the measurement that asked for it; a closed table, and nothing without a cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from loadstone.judge.cause import Cause, CauseKind
from loadstone.units import format_duration, format_rate, format_share

MOST = 5


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do.

    trigger:   the measurement that asked for it
    threshold: from where on that measurement asks for it
    """

    text: str
    trigger: str
    threshold: str
    cause: CauseKind


def recommend(causes: Iterable[Cause]) -> tuple[Recommendation, ...]:
    """What to do about these causes, in their order; the same advice once."""
    found: dict[str, Recommendation] = {}
    for one in causes:
        text = _advice(one)
        if text:
            found.setdefault(text, Recommendation(text, one.text, THRESHOLDS[one.kind], one.kind))
    return tuple(found.values())[:MOST]


def _advice(one: Cause) -> str:
    if one.kind is CauseKind.SATURATED:
        metric = one.subject.partition("{")[0]
        return next((text for start, text in RESOURCES.items() if metric.startswith(start) or metric.endswith(start)), "")
    return ADVICE[one.kind](one)


def _time(one: Cause) -> str:
    return f"{format_duration(one.from_s or 0.0)} to {format_duration(one.to_s or 0.0)}"


def _overload(one: Cause) -> str:
    done = format_rate(one.figures["done_per_s"])
    return f"ask for less than {done}, or give the target more room: {done} is what it gets done (`loadstone capacity` finds the limit)"


def _part(one: Cause) -> str:
    return f"look at {one.subject} first: {format_share(round(one.figures['share'], 3))} of what is past the limit is its own"


def _load_rise(one: Cause) -> str:
    return f"have room before the load comes: from {_time(one)} the target was too slow for it (scale earlier, or ramp the load)"


ADVICE: Mapping[CauseKind, Callable[[Cause], str]] = {
    CauseKind.GENERATOR: lambda _: "run again with more workers or on a machine of its own, before the target is judged",
    CauseKind.GROWTH: lambda one: (
        f"find what keeps {one.subject.removeprefix('target.')}: checkpoints of the probe `inside` name the lines"
    ),
    CauseKind.OVERLOAD: _overload,
    CauseKind.RISING: lambda one: f"look for what grows with time or requests (tables, logs, caches) behind {one.subject}",
    CauseKind.STALL: lambda one: f"look into the target's log for {_time(one)}: it stood still (pauses, locks, restarts, a dependency)",
    CauseKind.LOAD_RISE: _load_rise,
    CauseKind.PUSHBACK: lambda one: (
        f"raise the limit behind {one.subject} (queue, pool, rate limit), or let clients wait: "
        f"{format_share(round(one.figures['share'], 4))} of the requests were turned away"
    ),
    CauseKind.BURST: lambda one: f"look for what else ran from {_time(one)}: jobs, deployments, backups, neighbours",
    CauseKind.COLD_START: lambda one: f"warm up before traffic comes, or judge later: `warm_up: {format_duration(one.to_s or 0.0)}`",
    CauseKind.PART: _part,
    CauseKind.SINCE: lambda one: f"look for what changed at {format_duration(one.from_s or 0.0)} and stayed so",
    CauseKind.FAILURES: lambda one: f"start with {one.subject}: it is {format_share(round(one.figures['share'], 3))} of the failures",
    CauseKind.MOVED: lambda one: f"look whether {one.subject} is the reason or only moves along: hold it still and run again",
}

# By the name of the resource, or its end.
RESOURCES: Mapping[str, str] = {
    "target.cpu": "give the target more CPU or more processes, or profile what it computes: its CPU was full while the gate failed",
    "target.throttled": "raise the container's CPU quota: the scheduler held the target back",
    "target.memory": "give the target more memory or find what takes it: it was near its limit",
    "target.pool": "enlarge the target's pool, or hold its members for a shorter time: all were taken",
    "target.descriptors": "raise the target's limit of open files, or look for files and sockets that stay open",
    "target.kv_cache_usage": "allow fewer or shorter sequences at once, or give the model more cache: it was full",
    "target.gc_": "make fewer objects that outlive a request, or tune the collector (gc.freeze): its pauses are in the latency",
    "target.loop_lag": "take blocking work off the event loop: the loop was late while the gate failed",
    "gpu.": "use a smaller batch, a smaller model or another card: the card was full",
    "machine.cpu": "free the machine of other work, or use a larger one: all cores were busy",
    "machine.memory_used": "use a machine with more memory: nearly none was left",
    "machine.pressure": "look at what waits for this resource on the machine, which the kernel says is short",
    "machine.steal": "use a machine that is not shared: its hypervisor gave the CPU to others",
    "machine.iowait": "look at the disk: cores were idle because they waited for it",
    "waiting": "add workers behind the queue, or a limit before it: requests waited in it",
    "queued": "add workers behind the queue, or a limit before it: requests waited in it",
    "queue_depth": "add workers behind the queue, or a limit before it: requests waited in it",
    "deferred": "add workers behind the queue, or a limit before it: requests waited in it",
    "backlog": "add workers behind the queue, or a limit before it: requests waited in it",
}

THRESHOLDS: Mapping[CauseKind, str] = {
    CauseKind.GENERATOR: "the generator's own limits: lag above a tenth of the median, or a core above 90%",
    CauseKind.GROWTH: "the gate's own procedure",
    CauseKind.OVERLOAD: "5% of the arrivals left undone in the second half, or half as many users again without 10% more done",
    CauseKind.RISING: "last third at least 1.5 times the first, trend p below 0.001, in order (rank correlation 0.8)",
    CauseKind.STALL: "fewer than a fifth of the usual answers, at least half of the excess then, p at most 0.01",
    CauseKind.LOAD_RISE: "load at least 1.5 times that before, at least half of the excess then, p at most 0.01",
    CauseKind.SATURATED: "full in at least 60% of the failing windows, and at most half as often elsewhere (p at most 0.01)",
    CauseKind.PUSHBACK: "at least 1% of the requests and half of the failures are 429 or 503",
    CauseKind.BURST: "at least half of the excess, 3 times as dense as outside, p at most 0.01",
    CauseKind.COLD_START: "at least half of the excess, 3 times as dense as later, p at most 0.01",
    CauseKind.PART: "at least half of the excess, at least 1.5 times as often as elsewhere with 99% confidence",
    CauseKind.SINCE: "at least half of the excess, 3 times as dense as before, p at most 0.01",
    CauseKind.FAILURES: "at least half of the failures are alike",
    CauseKind.MOVED: "rank correlation at least 0.7 with p at most 0.001 for all levels together, and of the changes at least 0.3",
}
