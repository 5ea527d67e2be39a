"""The same load twice: what a cache adds the second time is nothing, what a leak adds is as much again."""

from __future__ import annotations

import math

from loadstone.errors import UsageError
from loadstone.plan.model import GateLine, Plan, ScenarioPlan

AGAIN = " (again)"  # ends the name of every scenario of the second time
KIND = "leak_again"
WHERE = "flag --repeat-load"
DEFAULT_GATE = "leak(target.memory) = none"


def repeated(plan: Plan) -> Plan:
    """The plan with all of its scenarios a second time, after the first; its gates on leaks compare the two.

    A plan without a gate on a leak gets one on `target.memory`. Warm-ups are in both parts, and judged in neither. Gates on a
    scenario by name are about its first time.

    raises: UsageError for a plan without end
    """
    ends = _ends(plan)
    length_s = max(ends.values())
    if not math.isfinite(length_s):
        raise UsageError(f"{plan.name} has no end, so that nothing could come after it", where=WHERE, hint="--duration 5m")
    last = max(plan.scenarios, key=lambda scenario: ends[scenario.name]).name
    second = tuple(_again(scenario, last, length_s) for scenario in plan.scenarios)
    gates = plan.gates if any(_is_leak(line) for line in plan.gates) else (*plan.gates, GateLine(gate=DEFAULT_GATE))
    return plan.model_copy(
        update={
            "name": f"{plan.name} (twice)",
            "scenarios": (*plan.scenarios, *second),
            "gates": tuple(line.model_copy(update={"kind": KIND}) if _is_leak(line) else line for line in gates),
        }
    )


def _ends(plan: Plan) -> dict[str, float]:
    """When each schedule ends, at the earliest, in the order of their names in the plan."""
    by_name = {scenario.name: scenario for scenario in plan.scenarios}

    def end(scenario: ScenarioPlan) -> float:
        before = by_name.get(scenario.after or "")
        return (end(before) if before is not None else scenario.start_s) + scenario.profile.duration_s

    return {name: end(scenario) for name, scenario in by_name.items()}


def _again(scenario: ScenarioPlan, last: str, length_s: float) -> ScenarioPlan:
    """A scenario that began at once waits for the end of the first time; one that began late is as late again."""
    if scenario.after is not None:
        when: dict[str, object] = {"after": f"{scenario.after}{AGAIN}"}
    elif scenario.start_s:
        when = {"start_s": scenario.start_s + length_s}
    else:
        when = {"after": last}
    return scenario.model_copy(update={"name": f"{scenario.name}{AGAIN}", **when})


def _is_leak(line: GateLine) -> bool:
    return line.is_statement and not line.needs and line.spec().stat == "leak"
