"""What is learnt of a run while it goes on, second by second, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadstone.judge.course import RunCourse
from loadstone.judge.load_growth import LoadGrowth
from loadstone.judge.own_memory import OwnMemory
from loadstone.judge.panel import Panel
from loadstone.judge.per_connection import ConnectionMemory
from loadstone.judge.recovery import RecoveryWatch
from loadstone.judge.scaling import ScalingWatch
from loadstone.judge.verdict import Verdict
from loadstone.load.control import Applied
from loadstone.load.pressure import Pressure
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Metric
from loadstone.measure.event import CONTROL, Event
from loadstone.measure.exchanges import exchanges, failed_exchanges
from loadstone.measure.snapshot import PAUSED, Snapshot
from loadstone.plan.band_text import level_by_load
from loadstone.plan.model import Plan

MOST_EVENTS = 1000


@dataclass
class RunState:
    """What is learnt while a run goes on."""

    plan: Plan
    gates: Panel
    total: Aggregate = field(default_factory=Aggregate)
    own_memory: OwnMemory = field(default_factory=OwnMemory)
    connection_memory: ConnectionMemory = field(default_factory=ConnectionMemory)
    warm_up_s: float = 0.0
    stood_s: float = 0.0  # of the warm-up, that it was paused
    interrupts: int = 0
    events: list[Event] = field(default_factory=list)
    aborted_by: str = ""
    gaps_s: tuple[float, ...] = ()
    changes: list[Applied] = field(default_factory=list)
    spikes: RecoveryWatch = field(default_factory=RecoveryWatch)
    instances: ScalingWatch = field(default_factory=ScalingWatch)
    pressure: Pressure = field(init=False)
    over_time: RunCourse = field(init=False)
    by_load: dict[str, LoadGrowth] = field(init=False)
    _phase: tuple[str, bool] | None = None

    def __post_init__(self) -> None:
        self.pressure = Pressure(self.plan.pressure)
        self.over_time = RunCourse(self.gates.statements)
        self.by_load = {level: LoadGrowth(level) for band in self.plan.bands if (level := level_by_load(band.value))}

    def see(self, snapshot: Snapshot) -> bool:
        """Take in one second; True when the run should end now."""
        fired = self.gates.see(snapshot)
        self._note_phase(snapshot)
        self.over_time.see(snapshot)
        for level in self.by_load.values():
            level.see(snapshot)
        self.connection_memory.see(snapshot)
        if snapshot.judged:
            self.total.add(snapshot)
            self.own_memory.see(snapshot)
            self.spikes.see(snapshot)
            self.instances.see(snapshot)
        elif not self.total.seconds:
            self.stood_s += snapshot.end_s - snapshot.start_s if snapshot.phase == PAUSED else 0.0
            self.warm_up_s = snapshot.end_s - self.stood_s  # another scenario's warm-up later on is judged time of the first
        if self.aborted_by:
            return False
        self.aborted_by = self._reason(fired)
        return bool(self.aborted_by)

    def change(self, applied: Applied) -> None:
        """A person changed the load."""
        self.changes.append(applied)
        self.note(Event(applied.at_s, CONTROL, applied.text))

    def change_until(self, end_s: float, changes: Sequence[Applied]) -> None:
        """Those of a run's changes, in their order, that held before this moment and were not told yet."""
        while len(self.changes) < len(changes) and changes[len(self.changes)].at_s < end_s:
            self.change(changes[len(self.changes)])

    def note(self, event: Event) -> None:
        """Something happened; of very many only the first are kept."""
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)

    def _note_phase(self, snapshot: Snapshot) -> None:
        now = (snapshot.phase, snapshot.judged)
        if now != self._phase:
            self.note(Event(snapshot.start_s, "phase", snapshot.phase or ("load" if snapshot.judged else "warm-up")))
        self._phase = now

    def recorded(self, metrics: Iterable[Metric]) -> list[Metric]:
        """Those of some metrics that have a value."""
        return [metric for metric in metrics if self.total.series(metric.name)]

    def _reason(self, fired: Sequence[Verdict]) -> str:
        if fired:
            return str(fired[0].gate)
        rule = self.plan.stop
        requests, errors = exchanges(self.total), failed_exchanges(self.total)
        if rule.error_share is not None and requests >= rule.after_requests and errors > rule.error_share * requests:
            return f"stop rule: {errors} of {requests} requests failed, more than {rule.error_share:.3g} of them"
        return ""
