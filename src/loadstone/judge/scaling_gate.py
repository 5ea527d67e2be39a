"""The gate on an auto-scaler: after each spike began there were enough instances in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadstone.errors import UsageError
from loadstone.judge.panel import Asked
from loadstone.judge.recovery import RecoveryWatch
from loadstone.judge.scaling import Scaling, ScalingWatch
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.snapshot import Snapshot, View
from loadstone.units import format_duration

EXAMPLE = "{kind: scaling, gate: enough instances within 60s, settings: {within_s: 60, overshoot: 2}}"


class ScalingGate:
    """The longest time from the begin of a spike until there were enough instances must be below `within_s`.

    overshoot: instances above enough that are allowed at the most; any number without it

    Instances are what a probe counts (`loadstone.judge.scaling`). A spike that never took more than were there says nothing of the
    scaler: only such spikes are no data, as is a run in which nobody counted.

    raises: UsageError for settings that cannot be meant
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, settings = asked.spec, _settings(asked.settings)
        self._within_s, self._overshoot = float(settings["within_s"]), settings["overshoot"]
        self._spikes, self._instances = RecoveryWatch(), ScalingWatch()

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        self._instances.see(snapshot)
        if snapshot.judged:
            self._spikes.see(snapshot)
        return None

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        answers = [answer for answer in self._instances.answers(self._spikes.finish()) if answer is not None]
        needed = [answer for answer in answers if answer.enough > answer.before]
        if not needed:
            return Verdict(self._spec, Status.NO_DATA, None, self._within_s, "s", 0, self._nothing(len(answers)))
        endless = float("inf")
        slowest_s = max(endless if each.scaled_s is None else each.scaled_s for each in needed)
        most = max(each.overshoot for each in needed)
        too_many = self._overshoot is not None and most > self._overshoot
        status = Status.FAIL if slowest_s >= self._within_s or too_many else Status.PASS
        reason = "; ".join(_told(each) for each in needed)
        if too_many:
            reason += f"; {most:g} above enough, and {self._overshoot:g} are allowed"
        return Verdict(self._spec, status, slowest_s, self._within_s, "s", len(needed), reason)

    def _nothing(self, answers: int) -> str:
        if not self._instances.metric:
            return "nobody counted instances; name a probe for them (target.instances)"
        return "no spike took more instances than were there" if answers else "no spike that ended, with instances counted before it"


def _told(each: Scaling) -> str:
    when = "never" if each.scaled_s is None else f"after {format_duration(each.scaled_s)}"
    over = f", up to {each.most:g}" if each.overshoot else ""
    return f"from {each.before:g} to {each.enough:g} {when}{over}"


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    known = {"within_s": None, "overshoot": None}
    unknown, settings = sorted(given.keys() - known.keys()), {**known, **given}
    within_s, overshoot = settings["within_s"], settings["overshoot"]
    fits = (
        isinstance(within_s, int | float)
        and within_s > 0
        and (overshoot is None or (isinstance(overshoot, int | float) and overshoot >= 0))
    )
    if unknown or not fits:
        what = f"unknown setting {unknown[0]!r}" if unknown else "within_s is a number above 0, overshoot one from 0 on"
        raise UsageError(what, where="gate of kind scaling", hint=EXAMPLE)
    return settings
