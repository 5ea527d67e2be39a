"""Monitoring: seconds become windows, windows are kept and judged by alert rules, and what is news is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from loadstone.judge.alert_rules import AlertRule, Level, ready
from loadstone.judge.alerts import Alert, AlertWatch
from loadstone.judge.outlook import MOST_DAYS, forecasts
from loadstone.live.alert_outlets import AlertOutlet, as_record
from loadstone.live.alert_page import page
from loadstone.live.dashboard.words import rule_rows
from loadstone.measure.aggregate import Aggregate, together
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.event import Event
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import Plan, StopRules
from loadstone.plan.profiles import ConstantRate
from loadstone.report.accounts.monitor import Kept
from loadstone.report.over_time import change, stretch, table
from loadstone.report.series import as_line, from_line
from loadstone.run import execute
from loadstone.store.windows import MOST_ALERTS, KeptWindow, WindowStore

WINDOW_S = 60.0
HOUR_S, DAY_S = 3600.0, 86400.0
SLACK_S = 0.5
MOST_SHOWN = 50  # alerts of before that a view begins with
RESTART_S = 5.0  # before a worker that died is started again


class View(Protocol):
    """Shows seconds, rules and alerts as they come; never waits, never raises."""

    def begin_with(self, earlier: Iterable[Snapshot]) -> None:
        """What was kept before."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """One more second, in monitored time."""

    def tell(self, rows: Sequence[Mapping[str, Any]], fresh: Sequence[Event]) -> None:
        """How the rules stand, and what is new."""

    def close(self) -> None:
        """The monitor has ended."""


class Page(Protocol):
    """Shows how the rules stand."""

    def show(self, text: str) -> None:
        """The page of now."""

    def close(self) -> None:
        """No more pages."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long windows of each length are kept, in monitored seconds."""

    windows_s: float = 7 * DAY_S
    hours_s: float = 90 * DAY_S
    days_s: float = 3 * 365 * DAY_S


class Monitor:
    """The Sink that never ends: `snapshot` takes seconds, from one run or from many; `end` finishes the window that is open.

    rules:    those whose metric nothing records are left out; they are in `absent`
    levels:   read once a second, put into the second
    window:   called with each finished window
    unkept:   called with the reason when windows can no longer be kept, and with an empty text when they can again
    view:     a dashboard; it begins with the hours and windows that are kept
    expected: metrics that must come from the start
    read:     metrics that probes read here; None where nobody knows
    raises:   PlanError for rules whose limits do not fit
    """

    def __init__(
        self,
        name: str,
        catalogue: Catalogue,
        rules: Iterable[AlertRule],
        store: WindowStore,
        *,
        outlets: Sequence[AlertOutlet] = (),
        pages: Sequence[Page] = (),
        levels: Callable[[], Mapping[Series, Gauge]] | None = None,
        window: Callable[[Snapshot, Mapping[str, tuple[Level, float | None]]], None] = lambda _window, _levels: None,
        unkept: Callable[[str], None] = lambda _reason: None,
        view: View | None = None,
        window_s: float = WINDOW_S,
        retention: Retention = Retention(),
        expected: Iterable[str] = (),
        read: Collection[str] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        fitting, self.absent = ready(rules, catalogue, read)
        self._name, self._store, self._wall = name, store, wall
        self._watch, self._rules = AlertWatch(fitting, expected), fitting
        self.forecasts: list[Alert] = []
        self._outlets, self._pages, self._levels, self._window, self._view = outlets, pages, levels, window, view
        self._tell_unkept, self._unkept = unkept, ""
        self._news: list[Event] = []
        self._window_s = window_s
        self._kept_s = {window_s: retention.windows_s, HOUR_S: retention.hours_s, DAY_S: retention.days_s}
        before = store.state("monitor")
        self.monitored_s = float(before.get("monitored_s", 0.0))
        self.alerts = 0
        self._watch.restore(before.get("alerts", {}))
        self._open: Snapshot | None = None
        self._longer = {length_s: self._resumed(length_s) for length_s in (HOUR_S, DAY_S)}
        if view is not None:
            view.begin_with(self._past())
            self._news += [
                Event(None, f"{record['level']} before", f"{_moment(at)} {record['text']}") for at, record in store.alerts(MOST_SHOWN)
            ]
        self._show()

    def snapshot(self, snapshot: Snapshot) -> None:
        """Take one second in; a window that is full is kept and judged."""
        begin_s, length_s = self.monitored_s, max(0.0, snapshot.end_s - snapshot.start_s)
        self.monitored_s += length_s
        second = replace(snapshot, start_s=begin_s, end_s=self.monitored_s, judged=True, phase="")
        if self._levels is not None:
            second = replace(second, gauges={**snapshot.gauges, **self._levels()})
        if self._view is not None:
            self._view.snapshot(second)
        self._open = second if self._open is None else together([self._open, second], Gauge.then)
        if self._open.end_s - self._open.start_s >= self._window_s - SLACK_S:
            self._finish()

    def close(self) -> None:
        """See Sink: the end of one run is not the end of the monitor."""

    def end(self) -> None:
        """Keep what is open, without judging a part of a window, and let go of everything."""
        if self._open is not None:
            self._keep(self._open)
            self._open = None
        self._keep_state()
        closes = [*(outlet.close for outlet in self._outlets), *(shown.close for shown in self._pages)]
        for close in [*closes, *([self._view.close] if self._view is not None else [])]:
            with contextlib.suppress(Exception):
                close()
        self._store.close()

    def _finish(self) -> None:
        window, self._open = self._open, None
        assert window is not None
        for alert in self._watch.see(Aggregate([window]), window.start_s, window.end_s):
            self._tell(alert)
        self._keep(window)
        self._keep_state()
        self._show()
        self._window(window, self._watch.levels())

    def _tell(self, alert: Alert) -> None:
        at = self._wall()
        self.alerts += 1
        self._news.append(Event(self.monitored_s, f"{alert.level} {alert.kind}", str(alert)))
        self._store.keep_alert(at, as_record(at, alert, self._name))
        for outlet in self._outlets:
            outlet.tell(at, alert)

    def _keep(self, window: Snapshot) -> None:
        self._store.keep(self._kept(window, self._window_s))
        self._see_whether_kept(self._store.failure)
        for length_s, before in self._longer.items():
            begin_s = _grid(window.start_s, length_s)
            fresh = before is None or _grid(before.start_s, length_s) != begin_s
            longer = window if fresh or before is None else together([before, window], Gauge.then)
            self._longer[length_s] = longer
            # Kept at each of its windows, not only at its end: a monitor that is killed loses nothing of the hour.
            self._store.keep(self._kept(longer, length_s)._replace(begin_s=begin_s))
            if fresh:
                self._forget()
                if length_s == DAY_S and before is not None:
                    self._look_ahead(begin_s)

    def _see_whether_kept(self, failure: str) -> None:
        if failure != self._unkept:
            self._unkept = failure
            self._news.append(Event(self.monitored_s, "not kept" if failure else "kept again", failure))
            self._tell_unkept(failure)

    def _look_ahead(self, before_s: float) -> None:
        """A day is over: tell what its trend leads to, once a day at most."""
        days = [kept for kept in self._store.windows(DAY_S, max(0.0, before_s - MOST_DAYS * DAY_S)) if kept.begin_s < before_s]
        whole = [((kept.begin_s + kept.end_s) / 2, Aggregate([from_line(kept.content)])) for kept in days]
        levels = self._watch.levels()
        # What is at that level already has its own alert.
        self.forecasts = [each for each in forecasts(self._rules, whole) if levels[each.rule][0] < each.level]
        for alert in self.forecasts:
            self._tell(alert)

    def _kept(self, window: Snapshot, length_s: float) -> KeptWindow:
        at = self._wall() - (self.monitored_s - window.start_s)
        return KeptWindow(length_s, at, window.start_s, window.end_s, as_line(window))

    def _forget(self) -> None:
        for length_s, keep_s in self._kept_s.items():
            self._store.forget(length_s, self.monitored_s - keep_s)

    def _resumed(self, length_s: float) -> Snapshot | None:
        """The hour or day that an earlier monitor was in."""
        kept = list(self._store.windows(length_s, _grid(self.monitored_s, length_s)))
        return from_line(kept[-1].content) if kept else None

    def _keep_state(self) -> None:
        self._store.keep_state("monitor", {"name": self._name, "monitored_s": self.monitored_s, "alerts": self._watch.state()})

    def _past(self) -> list[Snapshot]:
        """What is kept, as a view begins with it: whole hours, and the windows of the hour that is open."""
        hour_s = _grid(self.monitored_s, HOUR_S)
        hours = [from_line(kept.content) for kept in self._store.windows(HOUR_S) if kept.begin_s < hour_s]
        return [*hours, *(from_line(kept.content) for kept in self._store.windows(self._window_s, hour_s))]

    def _show(self) -> None:
        if self._view is not None:
            self._view.tell(rule_rows(self._rules, self._watch.levels()), self._news)
        self._news = []
        if self._pages:
            ahead = {(each.rule, str(each.level)): each.in_s for each in self.forecasts if each.in_s is not None}
            text = page(self._name, self._watch.levels(), self.monitored_s, ahead)
            for each in self._pages:
                each.show(text)


def probing(plan: Plan, every_s: float, duration_s: float | None = None) -> Plan:
    """The plan as a monitor runs it: every scenario at a low constant rate, for as long as it is asked to, judged by nobody else."""
    profile = ConstantRate(rate=1.0 / every_s, duration=duration_s)
    quiet: dict[str, Any] = {"profile": profile, "start_s": 0.0, "after": None, "warm_up_s": 0.0, "think": None, "pacing": None}
    return plan.model_copy(
        update={
            "scenarios": tuple(scenario.model_copy(update=quiet) for scenario in plan.scenarios),
            "gates": (),
            "bands": (),
            "stop": StopRules(),
            "settle_s": 0.0,
            "workers": 1,
            "allow_unreached": True,
        }
    )


def follow(monitor: Monitor, plan: Plan) -> bool:
    """Probe until somebody ends it, or the plan's duration is over; a worker that dies is started again.

    gives: did somebody end it?
    """
    endless = any(scenario.profile.duration_s == float("inf") for scenario in plan.scenarios)
    while True:
        story = execute(plan, [monitor], preflight=False)
        if story.result.interrupted or not endless:
            return story.result.interrupted
        time.sleep(RESTART_S)


def follow_process(
    monitor: Monitor,
    ended: Callable[[], bool],
    duration_s: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """A second after each second, without any load, until `ended` says so."""
    begin_s = last_s = clock()
    due_s = begin_s + 1.0
    while not ended() and (duration_s is None or last_s - begin_s < duration_s - SLACK_S):
        sleep(max(0.0, due_s - clock()))
        now_s = clock()
        monitor.snapshot(Snapshot(0, last_s - begin_s, now_s - begin_s))
        last_s = now_s
        due_s = due_s + 1.0 if due_s + 1.0 > now_s else now_s + 1.0  # after a suspended machine, no burst of seconds


def history(path: Path) -> list[str]:
    """What a monitor keeps: its days, its last two days by the hour, the last against the first, and the newest alerts."""
    store = WindowStore(path, reading=True)
    try:
        return [*_history(store), *(f"{record['at']}  {record['level']:8}  {record['text']}" for _, record in store.alerts(20))]
    finally:
        store.close()


def kept(path: Path) -> Kept:
    """Everything that a monitor keeps, for a report."""
    store = WindowStore(path, reading=True)
    try:
        state = store.state("monitor")
        windows = [
            (length_s, each.at, each.begin_s, stretch(f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M}", [from_line(each.content)]))
            for length_s in store.lengths()
            for each in store.windows(length_s)
        ]
        alerts = [record for _, record in store.alerts(MOST_ALERTS)]
        return Kept(str(state.get("name", "")), float(state.get("monitored_s", 0.0)), windows, alerts, state.get("alerts", {}))
    finally:
        store.close()


def _history(store: WindowStore) -> Iterator[str]:
    monitored_s = float(store.state("monitor").get("monitored_s", 0.0))
    for length_s, from_s in ((DAY_S, 0.0), (HOUR_S, _grid(monitored_s - 2 * DAY_S, HOUR_S))):
        rows = [stretch(_moment(kept.at), [from_line(kept.content)]) for kept in store.windows(length_s, max(0.0, from_s))]
        if not rows:
            continue
        yield from table(rows)
        yield ""
        if len(rows) > 1:
            yield from (f"  {line}" for line in change(rows[0], rows[-1]))
            yield ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _grid(at_s: float, length_s: float) -> float:
    """Where the stretch of that length begins in which a moment lies."""
    return (at_s + SLACK_S) // length_s * length_s
