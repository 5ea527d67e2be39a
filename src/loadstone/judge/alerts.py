"""When somebody should be told: levels with durations and hysteresis, each change told once, recoveries too.

Time here is the monitored time, which goes on where it stopped when the monitor starts again: a clock that is set, or a night
in which nobody watched, raises nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loadstone.judge.alert_rules import Level, ReadyRule
from loadstone.judge.readings import Reading, read
from loadstone.judge.verdict import Status, show_value
from loadstone.measure.snapshot import View

DAY_S = 86400.0
SLACK_S = 0.5  # windows end a little early or late
SILENT_WINDOWS = 3  # so many without any value, after there were some, are news


class Kind(StrEnum):
    """What an alert says."""

    RAISED = "raised"
    LOWERED = "lowered"  # from critical to warning
    RECOVERED = "recovered"
    REMINDER = "reminder"
    SILENT = "silent"  # no value any more
    BACK = "back"  # values again
    FORECAST = "forecast"  # nothing yet, but a trend leads there


@dataclass(frozen=True, slots=True)
class Alert:
    """One message.

    level:  now; before: the one before
    value:  in `unit`; None when there is none
    limit:  of the level now, of the one that was left for a recovery
    held_s: how long the level before had been there
    in_s:   of a forecast: until the limit is reached if all goes on as before, with the ends of its interval; None otherwise
    """

    kind: Kind
    rule: str
    subject: str
    level: Level
    before: Level
    value: float | None
    limit: float | None
    unit: str
    held_s: float = 0.0
    in_s: float | None = None
    earliest_s: float | None = None
    latest_s: float | None = None

    def __str__(self) -> str:
        value = "no value" if self.value is None else show_value(self.value, self.unit)
        if self.kind is Kind.SILENT:
            return f"{self.rule}: nothing measured any more for {self.subject}"
        if self.kind is Kind.BACK:
            return f"{self.rule}: {self.subject} is measured again, {value}"
        limit = "" if self.limit is None else f" (limit {show_value(self.limit, self.unit)})"
        if self.kind is Kind.FORECAST and self.in_s is not None:
            return f"{self.rule}: {self.subject} is {value} and crosses its limit for {self.level}{limit} in about {_days(self)}"
        word = {Kind.RECOVERED: "recovered", Kind.REMINDER: f"still {self.level}"}.get(self.kind, str(self.level))
        return f"{self.rule} {word}: {self.subject} is {value}{limit}"


def _days(alert: Alert) -> str:
    """`3 days (2 to 5)`; an end that may never come says so."""
    middle, first, last = ((seconds or 0.0) / DAY_S for seconds in (alert.in_s, alert.earliest_s, alert.latest_s))
    latest = f"to {last:.2g}" if math.isfinite(last) else "or more"
    return f"{middle:.2g} day{'' if middle == 1 else 's'} ({first:.2g} {latest})"


@dataclass(slots=True)
class _Trigger:
    """One level of one rule: on once it was reached for long enough, off once it was left for long enough.

    since_s: when what would switch it began; None when nothing would
    """

    on: bool = False
    since_s: float | None = None

    def see(self, reached: bool, kept: bool, begin_s: float, end_s: float, for_s: float, recover_s: float) -> None:
        switches = not kept if self.on else reached
        if not switches:
            self.since_s = None
            return
        self.since_s = begin_s if self.since_s is None else self.since_s
        if end_s - self.since_s >= (recover_s if self.on else for_s) - SLACK_S:
            self.on, self.since_s = not self.on, None


@dataclass(slots=True)
class _State:
    triggers: dict[Level, _Trigger]
    level: Level = Level.OK
    changed_s: float = 0.0
    told_s: float = 0.0
    measured: bool = False
    silent_windows: int = 0
    value: float | None = field(default=None)


class AlertWatch:
    """All rules of a monitor: takes window after window, gives what should be told.

    expected: metrics that must come from the start; of others, silence is news only after there was a value
    """

    def __init__(self, rules: Iterable[ReadyRule], expected: Iterable[str] = ()) -> None:
        self._rules = {each.rule.name: each for each in rules}
        self._expected = frozenset(expected)
        self._states = {name: _State({level: _Trigger() for level in each.reach}) for name, each in self._rules.items()}

    def see(self, view: View, begin_s: float, end_s: float) -> list[Alert]:
        """One more window; `begin_s` and `end_s` in monitored seconds."""
        return [alert for name, each in self._rules.items() for alert in self._look(each, self._states[name], view, begin_s, end_s)]

    def _look(self, each: ReadyRule, state: _State, view: View, begin_s: float, end_s: float) -> Iterable[Alert]:
        levels = {level: (gate, read(gate, view)) for level, gate in each.reach.items()}
        gate, reading = next(iter(levels.values()))
        if reading.missing:
            yield from self._silence(each, state, gate.metric.name, gate.unit)
            return
        state.value = _finite(reading)
        if state.silent_windows >= SILENT_WINDOWS:
            yield Alert(Kind.BACK, each.rule.name, each.rule.subject, state.level, state.level, state.value, None, gate.unit)
        state.measured, state.silent_windows = True, 0
        rule = each.rule
        recover_s = rule.for_s if rule.recover_s is None else rule.recover_s
        for level, trigger in state.triggers.items():
            reached = reading.status(each.reach[level].spec.op, each.reach[level].limit) is Status.PASS
            kept = reading.status(each.keep[level].spec.op, each.keep[level].limit) is not Status.FAIL
            trigger.see(reached, kept, begin_s, end_s, rule.for_s, recover_s)
        yield from self._changes(each, state, end_s)

    def _changes(self, each: ReadyRule, state: _State, end_s: float) -> Iterable[Alert]:
        level = max((level for level, trigger in state.triggers.items() if trigger.on), default=Level.OK)
        before, rule = state.level, each.rule
        if level == before:
            due = rule.again_s is not None and level > Level.OK and end_s - state.told_s >= rule.again_s - SLACK_S
            if not due:
                return
            kind = Kind.REMINDER
        else:
            kind = Kind.RAISED if level > before else Kind.LOWERED if level else Kind.RECOVERED
        gate = each.reach[level or before]
        yield Alert(kind, rule.name, rule.subject, level, before, state.value, gate.limit, gate.unit, end_s - state.changed_s)
        state.told_s = end_s
        if level != before:
            state.level, state.changed_s = level, end_s

    def _silence(self, each: ReadyRule, state: _State, metric: str, unit: str) -> Iterable[Alert]:
        """A window without a value: it neither raises nor recovers; several of them are told, once."""
        for trigger in state.triggers.values():
            trigger.since_s = None  # what is not known all the time did not hold all the time
        if not state.measured and metric not in self._expected:
            return
        state.silent_windows += 1
        if state.silent_windows == SILENT_WINDOWS:
            state.value = None
            yield Alert(Kind.SILENT, each.rule.name, each.rule.subject, max(state.level, Level.WARNING), state.level, None, None, unit)

    def levels(self) -> Mapping[str, tuple[Level, float | None]]:
        """Level and last value of every rule; one that fell silent is at least a warning, and has no value."""
        return {
            name: (max(state.level, Level.WARNING) if state.silent_windows >= SILENT_WINDOWS else state.level, state.value)
            for name, state in self._states.items()
        }

    def state(self) -> dict[str, Any]:
        """What `restore` needs, in JSON's own types."""
        return {
            name: {
                "subject": self._rules[name].rule.subject,
                "on": [int(level) for level, trigger in state.triggers.items() if trigger.on],
                "since_s": {str(int(level)): trigger.since_s for level, trigger in state.triggers.items()},
                "level": int(state.level),
                "changed_s": state.changed_s,
                "told_s": state.told_s,
                "measured": state.measured,
                "silent_windows": state.silent_windows,
            }
            for name, state in self._states.items()
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on where an earlier monitor stopped; what it kept about rules that are other ones now is left out."""
        for name, state in self._states.items():
            each = kept.get(name)
            if not isinstance(each, dict) or each.get("subject") != self._rules[name].rule.subject:
                continue
            try:
                _restore(state, each)
            except (KeyError, TypeError, ValueError):
                self._states[name] = _State({level: _Trigger() for level in self._rules[name].reach})


def _restore(state: _State, kept: Mapping[str, Any]) -> None:
    on = {Level(each) for each in kept["on"]}
    for level, trigger in state.triggers.items():
        since_s = kept["since_s"].get(str(int(level)))
        trigger.on, trigger.since_s = level in on, None if since_s is None else float(since_s)
    level = Level(kept["level"])
    state.level = level if level in state.triggers else Level.OK
    state.changed_s, state.told_s = float(kept["changed_s"]), float(kept["told_s"])
    state.measured, state.silent_windows = bool(kept["measured"]), int(kept["silent_windows"])


def _finite(reading: Reading) -> float | None:
    return reading.low if not math.isnan(reading.low) else None
