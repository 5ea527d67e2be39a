"""What else was read of a target while one of its levels was watched for a leak: from it comes the cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from loadstone.judge.leak_cause import TOP, LeakCause, Readings, Settled, Sizes, Traced, Watched, leak_cause, rise
from loadstone.judge.level_history import MOST_SERIES, Course
from loadstone.measure.resources import COLLECTED, REST, TRIMMED
from loadstone.measure.snapshot import Snapshot

COUNTS = ("descriptors", "threads", "tasks")
EACH_BYTES = 131_072  # a descriptor, thread or task seldom takes more
LEAST_TOLD = 1e6  # bytes of the tracer
LEAST_SHARE = 0.02  # of the first line; what grew less beside it is noise
LEVELS = {
    "memory": "target.memory",
    "heap": "target.heap",
    "heap_free": "target.heap_free",
    "blocks": "target.allocated_blocks",
    "descriptors": "target.descriptors",
    "threads": "target.threads",
    "tasks": "target.tasks",
}
PROCESS, TYPE, SITE = "target.process_memory", "target.objects_more", "target.site_more"
NAMES = {TYPE: "type", SITE: "site"}
RETAINED, RETAINED_BLOCKS, RETAINED_HEAP = "target.retained_memory", "target.retained_blocks", "target.retained_heap"
TRACED, TRACER = "target.traced_memory", "target.tracer_memory"


@dataclass(slots=True)
class LeakEvidence:
    """The levels that speak for one cause or another, in bounded memory.

    Several probes may read the same level (threads: from outside and from inside); the first that was seen is kept.
    """

    _courses: dict[str, Course] = field(default_factory=dict)
    _readers: dict[str, str] = field(default_factory=dict)
    _processes: dict[str, tuple[float, float]] = field(default_factory=dict)  # name -> first and last bytes
    _grown: dict[str, dict[str, float]] = field(default_factory=dict)  # of the newest checkpoint, in the order of the inside
    _retained: dict[tuple[str, str], float] = field(default_factory=dict)
    _tracer: float = 0.0
    _traced: list[tuple[float, float]] = field(default_factory=list)  # of the first and the last checkpoint: Python's, the heap's

    def see(self, snapshot: Snapshot) -> None:
        """One more second that is judged."""
        at_s, now = (snapshot.start_s + snapshot.end_s) / 2, dict[str, float]()
        fresh: dict[str, dict[str, float]] = {}
        for series, gauge in snapshot.gauges.items():
            metric, tags = series.metric, dict(series.tags)
            if not metric.startswith("target.") or not gauge.count:
                continue
            if metric in _WATCHED and self._readers.setdefault(metric, _reader(tags)) == _reader(tags):
                self._courses.setdefault(metric, Course()).add(at_s, gauge.mean)
                now[metric] = gauge.last
            elif metric in (TRACED, TRACER):
                now[metric] = gauge.last
            elif metric in NAMES:
                fresh.setdefault(metric, {})[tags.get(NAMES[metric], "")] = gauge.last
            else:
                self._take(metric, tags, gauge.last)
        self._grown |= fresh
        if now.keys() >= {TRACED, TRACER, LEVELS["heap"]}:
            self._traced[1:] = [(now[TRACED], now[LEVELS["heap"]] - now[TRACER])]
            self._tracer = max(self._tracer, now[TRACER])

    def _take(self, metric: str, tags: Mapping[str, str], value: float) -> None:
        name = tags.get("process", "")
        if metric == PROCESS and (name in self._processes or len(self._processes) < MOST_SERIES):
            self._processes[name] = self._processes.get(name, (value, value))[0], value
        elif metric in (RETAINED, RETAINED_BLOCKS, RETAINED_HEAP):
            self._retained[metric, tags.get("stage", "")] = value

    def cause(self, level: str) -> LeakCause:
        """Why that level grows; `UNKNOWN` where nobody looked."""
        found = {field: self._course(metric) for field, metric in LEVELS.items()}
        if level == LEVELS["memory"]:  # more connections, as of a target that becomes slow, do not explain any amount
            grown = rise(found["memory"]).grown
            found |= {name: () for name in COUNTS if grown > EACH_BYTES * rise(found[name]).grown}
        traced = Traced(*(after - before for before, after in zip(*self._traced, strict=True))) if len(self._traced) > 1 else None
        cause = leak_cause(Watched(**found), self._settled(), traced, self._most(TYPE), self._most(SITE), self._process())
        told = f"tracing allocations itself took {self._tracer / 1e6:,.1f} MB"
        return replace(cause, evidence=(*cause.evidence, told)) if self._tracer >= LEAST_TOLD else cause

    def _course(self, metric: str) -> Readings:
        course = self._courses.get(metric)
        return tuple(zip(course.times_s, course.values, strict=True)) if course is not None else ()

    def _most(self, metric: str) -> list[str]:
        grown = self._grown.get(metric, {})
        least = LEAST_SHARE * max(grown.values(), default=0.0) if metric == SITE else 0.0
        return [name for name, value in grown.items() if value > least][:TOP]

    def _process(self) -> str:
        """The name of the processes that grew most, when the tree has several."""
        if len(self._processes) < 2:
            return next(iter(self._processes), "")
        return max(self._processes, key=lambda name: self._processes[name][1] - self._processes[name][0])

    def _settled(self) -> Settled | None:
        at = {stage: self._sizes(stage) for stage in (REST, COLLECTED, TRIMMED)}
        rest, collected = at[REST], at[COLLECTED]
        return Settled(rest, collected, at[TRIMMED]) if rest is not None and collected is not None else None

    def _sizes(self, stage: str) -> Sizes | None:
        memory = self._retained.get((RETAINED, stage))
        blocks, heap = (self._retained.get((metric, stage)) for metric in (RETAINED_BLOCKS, RETAINED_HEAP))
        return None if memory is None else Sizes(memory, blocks, heap)


_WATCHED = frozenset(LEVELS.values())


def _reader(tags: Mapping[str, str]) -> str:
    return f"{tags.get('probe', '')} {tags.get('pid', '')}"
