"""Gates of a run: watched second by second, decided at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from loadstone.judge.leak_gates import CourseWatch, is_about_course
from loadstone.judge.limits import ReadyGate, resolve_all, trials_needed
from loadstone.judge.readings import Reading, read
from loadstone.judge.stretch import join, narrow
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import PAUSED, Snapshot, View
from loadstone.measure.under_load import LOAD_TIME, scenarios_of
from loadstone.plan.gate_text import Dimension, GateSpec
from loadstone.stats.histogram import Histogram
from loadstone.stats.quantiles import enough, least_samples, quantile_interval, share_interval

# Snapshot timers jitter; ten snapshots of 0.9997 s are a window of 10 s.
SLACK_S = 0.1
MOST_BLOCKS = 60  # per window; a window of an hour slides by a minute, so that its memory stays that of a minute

# An abort gate that could still recover fires only when chance is a poor excuse: looked at every second, a wrong abort of a
# run whose true value sits exactly at the limit is then about one in a hundred.
ABORT_CONFIDENCE = 0.999
ABORT_SAMPLES = 30
ABORT_SECONDS = 10.0
RISING = frozenset({"count", "sum", "max"})  # in the course of a run; a minimum only falls


class GateWatch:
    """All gates of one run. Snapshots that are not judged (warm-up) are left out.

    raises: PlanError with every gate that does not fit the catalogue
    """

    def __init__(self, specs: Iterable[GateSpec], catalogue: Catalogue, *, allow_few: bool = False) -> None:
        self.gates = resolve_all(specs, catalogue, allow_few=allow_few)
        self._windows = {at: Window(gate) for at, gate in enumerate(self.gates) if gate.spec.window_s is not None}
        self._courses = {at: CourseWatch(gate) for at, gate in enumerate(self.gates) if is_about_course(gate)}
        self._whole = {at: Aggregate() for at, gate in enumerate(self.gates) if gate.spec.window_s is None and gate.spec.abort}
        self._fired: dict[int, Verdict] = {}

    def see(self, snapshot: Snapshot) -> list[Verdict]:
        """Take one more second in; gives the verdicts of abort gates that have decisively failed now, each once.

        A gate has decisively failed when
        - it can never hold again: one window of a windowed gate failed, or a count, sum or maximum passed its upper limit; or
        - it is a percentile or a share of at least 30 samples and the limit lies outside its 99.9 % interval; or
        - it is another statistic (mean, throughput, level) and at least 10 s were judged.
        A count, sum or maximum that is still too small may yet grow: it never fails early.
        """
        paused = snapshot.phase == PAUSED  # there is no load then that a window could be about
        if paused or not snapshot.judged:
            for windowed in self._windows.values():
                windowed.interrupt()
        if not snapshot.judged:
            return []
        for course in self._courses.values():
            course.see(snapshot)
        fired = []
        for at, gate in enumerate(self.gates):
            window, whole = self._windows.get(at), self._whole.get(at)
            if window is not None:
                if paused:
                    continue
                window.see(snapshot)
                failed = gate.spec.abort and window.seen and window.status is Status.FAIL
                verdict = window.verdict() if failed and at not in self._fired else None
            elif whole is not None and at not in self._fired:
                whole.add(narrow(snapshot, _metrics(gate)))
                verdict = _early_failure(gate, whole, snapshot.end_s)
            else:
                continue
            if verdict is not None:
                self._fired[at] = verdict
                fired.append(verdict)
        return fired

    def verdicts(self, view: View) -> list[Verdict]:
        """The answer of every gate, in order, for all that was judged; an abort gate that fired stays failed."""
        return [self._fired.get(at) or self._verdict(at, gate, view) for at, gate in enumerate(self.gates)]

    def _verdict(self, at: int, gate: ReadyGate, view: View) -> Verdict:
        if at in self._courses:
            return self._courses[at].verdict(view)
        reading = read(gate, view)
        if reading.missing or at not in self._windows:
            return conclude(gate, reading)
        return self._windows[at].verdict()


class Window:
    """A gate that must hold in every full window: a ring of the seconds it needs, and the worst window so far.

    Windows slide by a second; those longer than a minute by a sixtieth of their length. Windows in which nothing was measured
    say nothing; for throughput and counts, nothing is 0.
    """

    def __init__(self, gate: ReadyGate) -> None:
        self.gate = gate
        self.length_s = gate.spec.window_s or 0.0
        self.full = self.empty = 0
        self.seen = False
        self.status = Status.NO_DATA
        self.worst: tuple[Reading, float] | None = None
        self._stride_s = self.length_s / MOST_BLOCKS
        self._block: Snapshot | None = None  # what the next part of the ring has so far
        self._ring: deque[Snapshot] = deque()
        self._judged_s = 0.0
        self._timed = False
        self._scenarios: set[str] = set()  # whose values the gate looks at, as far as they were seen

    def interrupt(self) -> None:
        """Seconds that are not judged lie between: a window never reaches across them."""
        self._ring.clear()
        self._block = None

    def see(self, snapshot: Snapshot) -> None:
        """Take one more judged second in."""
        narrowed = narrow(snapshot, _metrics(self.gate))
        self._judged_s += _seconds([snapshot])
        self.seen = self.seen or bool(narrowed.distributions or narrowed.counts or narrowed.gauges)
        block = narrowed if self._block is None else join([self._block, narrowed])
        if _seconds([block]) < self._stride_s - SLACK_S:
            self._block = block
            return
        self._ring.append(block)
        self._block = None
        length_s = _seconds(self._ring)
        while length_s - _seconds([self._ring[0]]) >= self.length_s - SLACK_S:
            length_s -= _seconds([self._ring.popleft()])
        if length_s >= self.length_s - SLACK_S:
            self._judge(snapshot.end_s)

    def _judge(self, end_s: float) -> None:
        view = Aggregate(self._ring)
        if not self._under_load(view):
            return
        self.full += 1
        reading = read(self.gate, view, quiet_is_zero=True)
        if reading.missing:
            self.empty += 1
        elif self.worst is None or self._badness(reading) > self._badness(self.worst[0]):
            self.worst = reading, end_s
            self.status = reading.status(self.gate.spec.op, self.gate.limit)

    def _under_load(self, view: Aggregate) -> bool:
        """May the window be judged? That of a throughput only if its scenario was under load from end to end.

        A scenario that has not begun, or has ended, makes no requests, and that says nothing about the target.
        """
        self._timed = self._timed or view.count(LOAD_TIME) is not None
        if self.gate.spec.stat != "throughput" or not self._timed:
            return True
        self._scenarios |= scenarios_of(view, self.gate.metric.name, dict(self.gate.spec.tags))
        if len(self._scenarios) != 1:
            return bool(self._scenarios)
        (scenario,) = self._scenarios
        return (view.count(LOAD_TIME, {"scenario": scenario}) or 0) / 1e9 >= self.length_s - SLACK_S

    def _badness(self, reading: Reading) -> tuple[int, float]:
        """Failed before unsure before held; among equals, further on the wrong side."""
        op, limit = self.gate.spec.op, self.gate.limit
        rank = (Status.PASS, Status.NO_DATA, Status.FAIL).index(reading.status(op, limit))
        if op == "==":
            return rank, abs(reading.low - limit)
        return rank, reading.low if op.startswith("<") else -reading.high

    def verdict(self) -> Verdict:
        """The answer of the worst window."""
        length = show_value(self.length_s, "s")
        if self.full == 0:
            missing = f"no judged stretch was as long as the window of {length}; {show_value(self._judged_s, 's')} were judged in all"
            return conclude(self.gate, Reading(missing=missing))
        if self.worst is None:
            return conclude(self.gate, Reading(missing=f"none of {self.full} windows of {length} has a value"))
        reading, end_s = self.worst
        windows = f"{self.full} windows of {length}" if self.full > 1 else f"one window of {length}"
        empty = f", {self.empty} without a value" if self.empty else ""
        return conclude(self.gate, reading, at_s=end_s, note=f"worst of {windows}{empty}, ended at {show_value(end_s, 's')}")


def conclude(gate: ReadyGate, reading: Reading, *, at_s: float | None = None, note: str = "") -> Verdict:
    """The verdict that a reading gives, with its reason in one line."""
    spec = gate.spec
    if reading.missing:
        return Verdict(spec, Status.NO_DATA, None, gate.limit, gate.unit, 0, reading.missing, at_s)
    status = reading.status(spec.op, gate.limit)
    shown, limit = show_value(reading.low, gate.unit), show_value(gate.limit, gate.unit)
    if status is Status.NO_DATA:
        reason = f"{spec.stat} is at least {shown}, and how much more is not known: some exchanges never came back; a percentile can tell"
        return Verdict(spec, status, None, gate.limit, gate.unit, reading.samples, reason, at_s, reading.low, reading.high)
    reason = f"{shown} {'is' if status is Status.PASS else 'is not'} {spec.op} {limit}"
    if reading.high > reading.low:
        reason = f"at least {reason}"
    notes = [note] if note else []
    if spec.q is not None and not enough(spec.q, reading.samples):
        notes.append(f"{reading.samples} samples, {spec.stat} needs {least_samples(spec.q)}")
    elif status is Status.PASS and reading.samples < trials_needed(spec):
        notes.append(f"{reading.samples} samples, to be sure of {spec.limit_text} takes {trials_needed(spec)}")
    reason += f" ({'; '.join(notes)})" if notes else ""
    sure = reading.interval
    ends = (sure.low, sure.high) if sure else (None, None)
    return Verdict(spec, status, reading.low, gate.limit, gate.unit, reading.samples, reason, at_s, *ends)


def undecided(spec: GateSpec, needs: str) -> Verdict:
    """The verdict of a gate that nobody can decide here, because something that it needs is missing."""
    units = {Dimension.TIME: "s", Dimension.SHARE: "%", Dimension.RATE: "/s", Dimension.SIZE: "B", Dimension.SIZE_RATE: "B/s"}
    limit = spec.limit * 100 if spec.dimension is Dimension.SHARE else spec.limit
    return Verdict(spec, Status.NO_DATA, None, limit, units.get(spec.dimension, "1"), 0, f"needs {needs}")


def _early_failure(gate: ReadyGate, view: Aggregate, at_s: float) -> Verdict | None:
    reading = read(gate, view)
    if reading.missing or reading.status(gate.spec.op, gate.limit) is not Status.FAIL or not _decisive(gate, view, reading):
        return None
    return conclude(gate, reading, at_s=at_s, note=f"stopped the run at {show_value(at_s, 's')}")


def _decisive(gate: ReadyGate, view: View, reading: Reading) -> bool:
    spec = gate.spec
    if spec.stat in RISING:
        return spec.op.startswith("<") or (spec.op == "==" and reading.low > gate.limit)
    if spec.stat == "min":
        return spec.op.startswith(">") or (spec.op == "==" and reading.low < gate.limit)
    if spec.q is None and spec.stat != "rate":
        return view.seconds >= ABORT_SECONDS - SLACK_S
    if reading.samples < ABORT_SAMPLES:
        return False
    if spec.q is not None:
        histogram = view.distribution(gate.metric.name, dict(spec.tags)) or Histogram()
        low, high = (end / gate.metric.scale for end in quantile_interval(histogram, spec.q, ABORT_CONFIDENCE))
    else:
        hits = min(round(reading.low * reading.samples / 100), reading.samples)
        low, high = (end * 100 for end in share_interval(hits, reading.samples, ABORT_CONFIDENCE))
    return (
        low >= gate.limit if spec.op.startswith("<") else high <= gate.limit if spec.op.startswith(">") else not low <= gate.limit <= high
    )


def _metrics(gate: ReadyGate) -> tuple[str, ...]:
    needed = (gate.metric.name, gate.metric.share_of or "", LOAD_TIME if gate.spec.stat == "throughput" else "")
    return tuple(name for name in needed if name)


def _seconds(snapshots: Iterable[Snapshot]) -> float:
    return sum(snapshot.end_s - snapshot.start_s for snapshot in snapshots)
