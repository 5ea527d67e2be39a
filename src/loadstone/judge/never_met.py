"""Gates on a scenario or a step that the plan does not have: they would have no data, which is told after the run."""

from __future__ import annotations

from collections.abc import Iterator

from loadstone.errors import Mistake
from loadstone.measure.catalogue import BUILT_IN
from loadstone.plan.gate_text import GateSpec
from loadstone.plan.model import Plan
from loadstone.units import nearest

BUILT_IN_NAMES = frozenset(metric.name for metric in BUILT_IN)


def unknown_scenarios(plan: Plan) -> list[Mistake]:
    """Gates that no scenario can give values to: of built-in metrics, whose tag `scenario` is always the name of one."""
    names = [scenario.name for scenario in plan.scenarios]
    return [
        Mistake(f"no scenario of this plan is called {wanted!r}{nearest(wanted, names)}", spec.where, f"one of {', '.join(names)}")
        for spec in _gates(plan)
        if (wanted := dict(spec.tags).get("scenario")) is not None and wanted not in names
    ]


def unknown_steps(plan: Plan) -> list[str]:
    """Gates on a step that no written scenario has, in words; scripts name steps as they run, so there nobody knows."""
    found = []
    for spec in _gates(plan):
        tags = dict(spec.tags)
        wanted, scenario = tags.get("step", ""), tags.get("scenario")
        asked = [each for each in plan.scenarios if scenario in (None, each.name)]
        names = list(dict.fromkeys(step.name for each in asked for step in each.steps))
        written = all(step.kind == "http" for each in asked for step in each.steps) and not any(each.code for each in asked)
        if wanted and written and asked and wanted.removesuffix(" (redirected)") not in names:
            found.append(f"{spec}: no step is called {wanted!r}{nearest(wanted, names)}")
    return found


def _gates(plan: Plan) -> Iterator[GateSpec]:
    return (spec for line in plan.gates if not line.needs and (spec := line.spec()).metric in BUILT_IN_NAMES)
