"""What one variant of a service saves beside another, from phases that alternate, or from both side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loadstone.errors import UsageError
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.saving_text import EACH_S, EXAMPLE
from loadstone.stats.effect import Effect
from loadstone.stats.sign_interval import FEWEST, LEVEL, median_interval

SLACK_S = 0.25
MEDIAN = 0.5


def effect_of(pairs: Sequence[tuple[float, float]]) -> Effect | None:
    """After ÷ before: the median over the phases with its interval; None with fewer than six phases.

    pairs: (before, after) of each phase, both above 0
    """
    if len(pairs) < FEWEST:
        return None
    ratio, low, high = median_interval([math.log(after / before) for before, after in pairs])
    return Effect(math.exp(ratio), math.exp(low), math.exp(high), LEVEL)


class SavingGate:
    """The gate `saving(target.memory{probe=old} to {probe=new}) > 30% each 30s`.

    The run is cut into phases of that length; each gives one ratio of the two, so that what both share (load, machine, time of day)
    cancels. It passes when the whole interval lies above the limit, fails when it lies below, and lacks data between: a saving that
    may as well be smaller is not proven.

    raises: UsageError for settings that cannot be meant
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, settings = asked.spec, _settings(asked.settings)
        metric = asked.catalogue.get(settings["metric"])
        if metric is None or metric.kind is Kind.COUNT:
            what = f"{settings['metric']!r} is {'not known' if metric is None else 'a count, which has no level'}"
            raise UsageError(what, where=f"gate {self._spec.text!r}", hint=EXAMPLE)
        self._metric, self._before, self._after = metric, settings["before"], settings["after"]
        self._least, self._each_s = float(settings["least"]), float(settings["each_s"])
        self._phase, self._begin_s = Aggregate(), 0.0
        self.pairs: list[tuple[float, float]] = []

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        if snapshot.judged:
            if not self._phase.seconds:
                self._begin_s = snapshot.start_s
            self._phase.add(snapshot)
            if snapshot.end_s - self._begin_s >= self._each_s - SLACK_S:
                before, after = (self._value(self._phase, tags) for tags in (self._before, self._after))
                if before and after and before > 0 and after > 0:
                    self.pairs.append((before, after))
                self._phase = Aggregate()
        return None

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        effect, limit = effect_of(self.pairs), self._least * 100
        if effect is None:
            reason = f"{len(self.pairs)} phases of {self._each_s:g} s with both variants; an interval needs {FEWEST}"
            return Verdict(self._spec, Status.NO_DATA, None, limit, "%", len(self.pairs), reason)
        value, low, high = ((1.0 - ratio) * 100 for ratio in (effect.ratio, effect.high, effect.low))
        status = Status.PASS if low > limit else Status.FAIL if high < limit else Status.NO_DATA
        proven = {Status.PASS: "is more than", Status.FAIL: "is less than", Status.NO_DATA: "may be more or less than"}[status]
        reason = f"saves {value:z.1f}% ({low:z.1f} to {high:z.1f}% over {len(self.pairs)} phases), which {proven} {limit:g}%"
        return Verdict(self._spec, status, value, limit, "%", len(self.pairs), reason, None, low, high)

    def _value(self, view: View, tags: Mapping[str, str]) -> float | None:
        """The level's mean over the phase, or the median of times."""
        if self._metric.kind is Kind.GAUGE:
            gauge = view.gauge(self._metric.name, tags)
            return gauge.mean if gauge is not None and gauge.count else None
        values = view.distribution(self._metric.name, tags)
        return float(values.quantile(MEDIAN)) if values is not None and values.count else None


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {"metric": "target.memory", "before": {}, "after": {}, "least": None, "each_s": EACH_S}
    unknown, settings = sorted(given.keys() - known.keys()), {**known, **given}
    if unknown or not settings["before"] or not settings["after"] or not isinstance(settings["least"], int | float):
        what = f"unknown setting {unknown[0]!r}" if unknown else "before and after are tags, least is a share"
        raise UsageError(what, where="gate of kind saving", hint=EXAMPLE)
    return settings
