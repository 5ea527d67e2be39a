"""How much load a plan asks for, in numbers to compare with what came to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.load.control import Applied, concerns, paused_s
from loadstone.load.demand import Demand
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.profile import ClosedProfile, OpenProfile


@dataclass(frozen=True, slots=True)
class Outlook:
    """The open scenarios of a plan over the judged part of a run.

    is_open:    is there any open scenario?
    arrivals:   asked for; None when chance or the course of the run decides (Poisson, a scenario after another)
    rate_per_s: mean rate asked for; None without open scenarios
    seconds:    judged seconds that the schedule takes; None when that is not known beforehand
    """

    is_open: bool
    arrivals: int | None
    rate_per_s: float | None
    seconds: float | None

    @classmethod
    def of(cls, plan: Plan, elapsed_s: float, warm_up_s: float = 0.0, changes: Sequence[Applied] = ()) -> Outlook:
        """For a run that lasted so long, warm-up included and pauses not, of which `warm_up_s` were not judged.

        changes: what people made of the load meanwhile
        """
        opened = [scenario for scenario in plan.scenarios if isinstance(scenario.profile, OpenProfile)]
        if not opened:
            return cls(is_open=False, arrivals=None, rate_per_s=None, seconds=None)
        if any(scenario.after for scenario in plan.scenarios):
            judged_s = elapsed_s - warm_up_s
            known = judged_s > 0 and not changes  # where in a scenario's time a change fell is only known to the workers
            rate = sum(_expected(scenario, math.inf) for scenario in opened) / judged_s if known else None
            return cls(is_open=True, arrivals=None, rate_per_s=rate, seconds=None)
        expected = sum(_expected(scenario, elapsed_s, changes) for scenario in opened)
        end_s = max(scenario.start_s + scenario.length_s for scenario in plan.scenarios)
        begin_s = min(scenario.start_s + scenario.warm_up_s for scenario in plan.scenarios)
        seconds = min(end_s, elapsed_s) - begin_s
        by_chance = any(isinstance(scenario.profile, OpenProfile) and scenario.profile.by_chance for scenario in opened)
        return cls(
            is_open=True,
            arrivals=None if by_chance else math.ceil(expected - 1e-6),
            rate_per_s=expected / seconds if seconds > 0 else None,
            seconds=seconds if seconds > 0 else None,
        )


def _expected(scenario: ScenarioPlan, elapsed_s: float, changes: Sequence[Applied] = ()) -> float:
    demand = Demand.of(scenario.profile)
    for change in changes:
        if concerns(change.control, scenario.name, is_open=True):
            schedule_s = change.at_s - paused_s(changes, change.at_s)
            demand = demand.with_change(change.control, schedule_s - scenario.start_s + scenario.skip_s)
    until = scenario.skip_s + min(elapsed_s - scenario.start_s, scenario.length_s)
    return max(0.0, demand.expected_until(until) - demand.expected_until(scenario.skip_s + scenario.warm_up_s))


def asked_iterations(scenario: ScenarioPlan, changes: Sequence[Applied] = ()) -> int | None:
    """How many iterations all users of a scenario are to make, all of them judged; None when the plan names no such number."""
    profile = scenario.profile
    if not isinstance(profile, ClosedProfile) or profile.iterations is None or scenario.warm_up_s:
        return None
    limit = profile.iterations
    if limit.shared:
        return limit.count
    changed = any(concerns(change.control, scenario.name, is_open=False) for change in changes)
    return None if changed else limit.count * profile.max_users


def longest_s(plan: Plan) -> float | None:
    """The longest that a run can take when its workers obey: schedules, patience and graceful ends; None when it is endless."""
    ends: dict[str, float] = {}
    for scenario in plan.scenarios:
        begin = scenario.start_s
        if scenario.after is not None:
            begin = ends.get(scenario.after, math.inf) + 1.0
        # What waits when the last arrival was due may wait as long as the patience; then come the iterations under way.
        ends[scenario.name] = begin + scenario.length_s + plan.patience_s + plan.graceful_stop_s
    longest = max(ends.values())
    return longest if math.isfinite(longest) else None
