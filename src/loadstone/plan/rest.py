"""The rest of a plan of which a part was played before."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.errors import UsageError
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.profile import ClosedProfile

DONE_S = 0.5  # a scenario with less of it left is over: the last line of a log ends a little before its schedule


def rest_of(plan: Plan, ran_s: Mapping[str, float], end_s: float) -> Plan:
    """What is left to do, counted from the moment of going on: profiles begin where they were left, scenarios that are over are gone.

    ran_s:  scenario -> seconds of its profile that were played
    end_s:  seconds since the run's start that were played
    raises: UsageError when nothing is left, or when a log does not tell how much is
    """
    hint = "loadstone report DIR"
    if plan.pressure is not None:
        raise UsageError("a run under pressure cannot be continued", where="--resume", hint=hint)
    over = {each.name for each in plan.scenarios if each.name in ran_s and ran_s[each.name] >= each.length_s - DONE_S}
    left = [_rest(each, ran_s.get(each.name), end_s, over) for each in plan.scenarios if each.name not in over]
    if not left:
        raise UsageError("the run came to its end: nothing is left to do", where="--resume", hint=hint)
    return plan.model_copy(update={"scenarios": tuple(left)})


def _rest(scenario: ScenarioPlan, ran_s: float | None, end_s: float, over: set[str]) -> ScenarioPlan:
    if isinstance(scenario.profile, ClosedProfile) and scenario.profile.iterations is not None and ran_s:
        what = f"{scenario.name} counts iterations, and a log does not tell how many each user made"
        raise UsageError(what, where="--resume", hint="loadstone report DIR")
    if ran_s:
        begun = {"skip_s": scenario.skip_s + ran_s, "warm_up_s": max(0.0, scenario.warm_up_s - ran_s), "start_s": 0.0, "after": None}
        return scenario.model_copy(update=begun)
    if scenario.after is not None:
        return scenario.model_copy(update={"after": None if scenario.after in over else scenario.after})
    return scenario.model_copy(update={"start_s": max(0.0, scenario.start_s - end_s)})
