"""How an auto-scaler answers a spike: when it begins, when it is enough, and how far it goes past that."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.judge.level_history import Course
from loadstone.judge.recovery import Recovery
from loadstone.measure.snapshot import Snapshot

ENDINGS = ("instances", "replicas")  # how a probe's metric that counts them ends
NEEDED = "_needed"
SETTLED_SHARE = 0.25  # the last quarter of a spike says how many were enough, where nothing else does


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the number of instances did about one spike; times are from its begin, None is "never seen".

    before:     instances when it began
    most:       the greatest number from its begin to the next one
    enough:     how many it took: what the target says it needed at most, else the number at which it settled
    reacted_s:  until there were more than before
    scaled_s:   until there were enough
    overshoot:  instances above enough, at the most
    undershoot: instances below what was needed, at the most, be it before the scaler was there or because it took away too much
    """

    before: float
    most: float
    enough: float
    reacted_s: float | None
    scaled_s: float | None
    overshoot: float
    undershoot: float


def scaling(
    times_s: Sequence[float], ready: Sequence[float], began_s: float, ended_s: float, until_s: float, needed: Sequence[float] | None = None
) -> Scaling | None:
    """The answer to a spike from `began_s` to `ended_s`, looked at until `until_s`; None without readings before and in it.

    ready:  instances that took requests, at each time
    needed: how many would have been enough, at each time, where the target tells it
    """
    before = [value for at, value in zip(times_s, ready, strict=True) if at < began_s]
    inside = [at for at, _ in enumerate(times_s) if began_s <= times_s[at] < ended_s]
    after = [at for at, _ in enumerate(times_s) if began_s <= times_s[at] <= until_s]
    if not before or not inside:
        return None
    if needed is not None:
        enough = max(needed[at] for at in inside)
    else:
        last = inside[-max(1, round(SETTLED_SHARE * len(inside))) :]
        enough = statistics.median(ready[at] for at in last)
    reacted = next((at for at in after if ready[at] > before[-1]), None)
    scaled = next((at for at in after if ready[at] >= enough), None)
    usual = min(enough, before[-1])
    want = {at: (enough if times_s[at] < ended_s else usual) if needed is None else needed[at] for at in after}
    below = max(want[at] - ready[at] for at in after)
    most = max(ready[at] for at in after)
    return Scaling(
        before=before[-1],
        most=most,
        enough=enough,
        reacted_s=None if reacted is None else times_s[reacted] - began_s,
        scaled_s=None if scaled is None else times_s[scaled] - began_s,
        overshoot=max(0.0, most - enough),
        undershoot=max(0.0, below),
    )


class ScalingWatch:
    """Keeps the course of the first gauge of a target that counts instances, and of what it says it needs."""

    def __init__(self) -> None:
        self.metric = ""
        self._ready, self._needed = Course(max), Course(max)

    def see(self, snapshot: Snapshot) -> None:
        """One more second."""
        self.metric = self.metric or _metric_in(snapshot)
        if not self.metric:
            return
        ready = [gauge.last for series, gauge in snapshot.gauges.items() if series.metric == self.metric]
        needed = [gauge.last for series, gauge in snapshot.gauges.items() if series.metric == self.metric + NEEDED]
        if ready:
            at_s = (snapshot.start_s + snapshot.end_s) / 2
            self._ready.add(at_s, sum(ready))
            self._needed.add(at_s, sum(needed) if needed else -1.0)

    def answers(self, spikes: Sequence[Recovery]) -> list[Scaling | None]:
        """One for each spike, in order."""
        times_s, ready, needed = self._ready.times_s, self._ready.values, self._needed.values
        told = needed if needed and min(needed) >= 0 else None
        ends = [*(spike.began_s for spike in spikes[1:]), float("inf")]
        return [scaling(times_s, ready, spike.began_s, spike.ended_s, end, told) for spike, end in zip(spikes, ends, strict=False)]


def _metric_in(snapshot: Snapshot) -> str:
    names = {series.metric for series in snapshot.gauges if series.metric.startswith("target.") and series.metric.endswith(ENDINGS)}
    return min(names, default="")
