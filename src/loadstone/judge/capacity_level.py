"""What one level of a search for capacity came to: met, not met, unclear, or spoilt by the generator."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loadstone.judge.capacity_search import SPOILT, Answer, Ask, Seen
from loadstone.judge.limits import ReadyGate, trials_needed
from loadstone.judge.queue_growth import KIND as SATURATION
from loadstone.judge.readings import read
from loadstone.judge.story import Story
from loadstone.judge.trust import LOAD_UNREACHED, UNTRUSTWORTHY_TIMES, examine
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.judge.voice import doubt
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.gate_text import GateSpec
from loadstone.stats.quantiles import least_samples

SECTIONS = 8
LEAST_OF_SECTION = 20  # values; with fewer a section's percentile says nothing
ENOUGH_FOR_SPREAD = 50
ROUNDING = 2  # arrivals at the edges of a level
# Student's t, two-sided 95 %, by degrees of freedom
_T = (math.inf, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level that was tried.

    failed: the objectives that were clearly not met, as they were written
    reason: why it is not met, unclear or spoilt; empty for a level that is met
    grows:  response times grew as those of a queue that never ends
    ended_early: it was decided before its time was up
    by_users: users are turned up: exchanges count, not the arrivals of what goes on beside them
    """

    ask: Ask
    seen: Seen
    story: Story
    failed: tuple[str, ...] = ()
    reason: str = ""
    grows: bool = False
    ended_early: bool = False
    by_users: bool = False

    @property
    def rate_per_s(self) -> float:
        """Exchanges per second that were made."""
        load, seconds = self.story.result.load, self.story.result.seconds
        if self.by_users:
            return load.requests / seconds if seconds else 0.0
        return max(0.0, load.achieved_rate)  # more arrivals can be dropped in a short stretch than came due in it


@dataclass(frozen=True, slots=True)
class Others:
    """What other programs on this machine did to a level, in words; empty when nothing.

    spoilt:  how they held the target up
    crowded: what they used, which makes a generator late
    """

    spoilt: str = ""
    crowded: str = ""


def objective_text(spec: GateSpec) -> str:
    """An objective as people write it, without what only ends a level early."""
    return f"{spec.subject} {spec.op} {spec.limit_text}"


def samples_needed(gates: Sequence[ReadyGate]) -> int:
    """Exchanges on which the most demanding of the objectives can be decided."""
    return max((_needed(gate) for gate in gates), default=1)


def judge_level(
    ask: Ask,
    story: Story,
    snapshots: Sequence[Snapshot],
    gates: Sequence[ReadyGate],
    others: Others | None = None,
    measured: Collection[int] = (),
) -> Level:
    """The answer of one level.

    snapshots: its judged seconds
    others:    what other programs on this machine did meanwhile
    gates:     the objectives, in the order of the plan, whose verdicts stand first in the story
    measured:  those that an earlier level had data of, by their place: where they now have none, nobody knows whether they are met
    """
    result = story.result
    requests, judged_s = result.load.requests, result.seconds
    views = _sections(snapshots)
    found = [_Stance.of(gate, verdict, views) for gate, verdict in zip(gates, story.verdicts, strict=False)]
    failed = tuple(objective_text(each.verdict.gate) for each in found if each.answer is Answer.NOT_MET)
    reasons = [f"{each.verdict.gate.subject}: {each.verdict.reason}" for each in found if each.answer is Answer.NOT_MET]
    growth = next((each for each in story.verdicts if each.gate.stat == SATURATION and each.status is Status.FAIL), None)
    if growth is not None:
        reasons.append(growth.reason)
    others, own = others or Others(), _own_fault(story)
    spoilt = others.spoilt or (f"{own}, while {others.crowded}" if own and others.crowded else "")
    known = [each for each in found if each.answer is not Answer.NO_DATA]
    lacking = [each for at, each in enumerate(found) if each.answer is Answer.NO_DATA and at in measured]
    few = False
    if not known and not own and 0 < requests <= result.load.errors:
        answer, reasons = Answer.NOT_MET, [story.because or "every exchange failed"]
    elif not known and own and requests:
        answer = _blamed(Answer.UNCLEAR, own, spoilt)
    elif not known or not requests:
        answer, reasons = Answer.NO_DATA, ["nothing was measured that the objectives are about"]
    elif reasons:
        answer = _blamed(Answer.NOT_MET, own, spoilt)
    elif not lacking and all(each.answer is Answer.MET for each in known):
        answer = _blamed(Answer.MET, _load_missed(story), "")
    else:
        unclear = [each for each in known if each.answer is Answer.UNCLEAR]
        few = not own and all(each.few for each in unclear) and not any(each.verdict.samples for each in lacking)
        answer = Answer.UNCLEAR if few else _blamed(Answer.UNCLEAR, own, spoilt)
        reasons = [f"{each.verdict.gate.subject}: {each.doubt or each.verdict.reason}" for each in (*unclear, *lacking)]
    if answer in SPOILT:
        reasons = [spoilt if answer is Answer.HOST_BUSY else own]
    seen = Seen(ask.load, max(judged_s, 1e-9), answer, few, requests, ask.purpose, *_unevenness(story))
    early = bool(result.aborted_by)
    return Level(ask, seen, story, failed, "" if answer is Answer.MET else "; ".join(reasons), growth is not None, early)


def _blamed(answer: Answer, own: str, spoilt: str) -> Answer:
    """The answer, unless the machine or the generator was to blame for it; others' work also makes a generator late."""
    return Answer.HOST_BUSY if spoilt else Answer.OWN_LIMIT if own else answer


@dataclass(frozen=True, slots=True, eq=False)
class _Stance:
    """What one objective says of a level, with its doubt in words."""

    verdict: Verdict
    answer: Answer
    few: bool = False
    doubt: str = ""

    @classmethod
    def of(cls, gate: ReadyGate, verdict: Verdict, views: Sequence[Aggregate]) -> _Stance:
        if verdict.status is Status.NO_DATA or verdict.value is None:
            return cls(verdict, Answer.NO_DATA)
        if verdict.at_s is not None and verdict.status is Status.FAIL:
            return cls(verdict, Answer.NOT_MET)  # it fired: outside of its 99.9 % interval
        low, high = _interval(gate, verdict, views)
        upper_limit = gate.spec.op.startswith("<")
        if upper_limit:
            clear = high < gate.limit or (gate.spec.op == "<=" and high <= gate.limit), low > gate.limit
        else:
            clear = low > gate.limit or (gate.spec.op == ">=" and low >= gate.limit), high < gate.limit
        if clear[0]:
            return cls(verdict, Answer.MET)
        if clear[1]:
            return cls(verdict, Answer.NOT_MET)
        needed = _needed(gate)
        few = verdict.passed and verdict.samples < needed
        doubt = (
            f"{verdict.samples} samples, {needed} are needed"
            if few
            else f"the limit lies within what was measured, {show_value(low, verdict.unit)} to {show_value(high, verdict.unit)}"
        )
        return cls(verdict, Answer.UNCLEAR, few, doubt)


def _interval(gate: ReadyGate, verdict: Verdict, views: Sequence[Aggregate]) -> tuple[float, float]:
    """The wider of two: that of independent samples, and that by how much the sections of the level differ.

    Requests near saturation resemble their neighbours, so the first alone is far too narrow; sections: Law & Kelton 1984.
    """
    assert verdict.value is not None
    low = verdict.value if verdict.low is None else verdict.low
    high = verdict.value if verdict.high is None else verdict.high
    readings = [read(gate, view) for view in views]
    usable = [each for each in readings if not each.missing and each.samples >= LEAST_OF_SECTION and math.isfinite(each.low)]
    if len(usable) < 4 or len(usable) < len(views) or not math.isfinite(verdict.value):
        return low, high
    values = [each.low for each in usable]
    spread = _T[min(len(values) - 1, len(_T) - 1)] * statistics.stdev(values) / math.sqrt(len(values))
    return min(low, verdict.value - spread), max(high, verdict.value + spread)


def _sections(snapshots: Sequence[Snapshot]) -> list[Aggregate]:
    """The level cut into up to eight stretches of whole seconds."""
    count = min(SECTIONS, len(snapshots) // 2)
    if count < 4:
        return []
    edges = [round(at * len(snapshots) / count) for at in range(count + 1)]
    return [Aggregate(snapshots[begin:end]) for begin, end in pairwise(edges)]


def _needed(gate: ReadyGate) -> int:
    """A percentile's own floor; for a share, so many that none of them seen keeps Wilson's interval within the limit."""
    if gate.spec.q is not None:
        return least_samples(gate.spec.q)
    return trials_needed(gate.spec) or 1


def _unevenness(story: Story) -> tuple[float | None, float]:
    """Squared coefficient of variation of the response times, and their deviation in seconds.

    From their middle two thirds: outliers say nothing of usual work.
    """
    times = story.result.total.distribution("http.response_time")
    if times is None or times.beyond or times.count < ENOUGH_FOR_SPREAD:
        return None, math.inf
    low, middle, high = (times.quantile(q) for q in (0.16, 0.5, 0.84))
    return (float(((high - low) / (2 * middle)) ** 2) if middle else None), (high - low) / 2e9


def _own_fault(story: Story) -> str:
    """Why a level says nothing about the target, if the generator was the one that could not."""
    result = story.result
    health = examine(result.total)
    if health.lag_p99_ms is not None and health.lag_p99_ms > UNTRUSTWORTHY_TIMES * health.lag_limit_ms:
        return f"the generator sent late: lag p99 {health.lag_p99_ms:.3g} ms"
    return doubt(result.total) or _load_missed(story)


def _load_missed(story: Story) -> str:
    """Arrivals that were never made although sessions were free for them."""
    load = story.result.load
    missed = (load.asked_arrivals or 0) - load.arrivals
    if missed > max(ROUNDING, (1 - LOAD_UNREACHED) * (load.asked_arrivals or 0)) and not load.dropped and not story.result.aborted_by:
        return f"the generator made {load.arrivals} of {load.asked_arrivals} arrivals, though nothing had to wait for the target"
    return ""
