"""A long plan in little time: its clock runs faster, and its name says so in every output."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from loadstone.errors import UsageError
from loadstone.plan.model import GateLine, Plan, ScenarioPlan
from loadstone.plan.profile import Profile
from loadstone.plan.think import Pacing, ThinkTime

SHORTEST_WINDOW_S = 1.0  # as gates have it
GREATEST = 10_000.0
_TIMES = frozenset({"duration", "max_duration", "hold", "at", "ramp", "recovery", "ramp_up"})
_RATES = frozenset({"rate", "from_rate", "to_rate", "speed"})


def read_factor(text: str) -> float:
    """`60x` or `60`; raises UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[x×]?\s*", text)
    factor = float(match[1]) if match else 0.0
    if not 1.0 <= factor <= GREATEST:
        raise UsageError(f"{text!r} is not a factor from 1 to {GREATEST:g}", where="flag --compress", hint="--compress 60x")
    return factor


def compressed(plan: Plan, factor: float, *, scale_rates: bool = False) -> Plan:
    """The plan with every time of its own divided: profiles, starts, warm-ups, think times, pacing, windows of gates.

    Times that belong to the target stay: time-outs, patience, graceful stop. Users' own pace so becomes `factor` times faster.
    Rates of arrivals stay, too, so that fewer of them come in all; `scale_rates` keeps their number and raises the rate.
    """
    if factor == 1:
        return plan
    rates = ", rates too" if scale_rates else ""
    return plan.model_copy(
        update={
            "name": f"{plan.name} (compressed {factor:g}x{rates})",
            "scenarios": tuple(_scenario(each, factor, scale_rates=scale_rates) for each in plan.scenarios),
            "gates": tuple(_gate(line, factor) for line in plan.gates),
        }
    )


def _scenario(scenario: ScenarioPlan, factor: float, *, scale_rates: bool) -> ScenarioPlan:
    think, pacing = scenario.think, scenario.pacing
    return scenario.model_copy(
        update={
            "profile": _profile(scenario.profile, factor, scale_rates=scale_rates),
            "start_s": scenario.start_s / factor,
            "warm_up_s": scenario.warm_up_s / factor,
            "skip_s": scenario.skip_s / factor,
            "think": think and ThinkTime(kind=think.kind, low_s=think.low_s / factor, high_s=think.high_s / factor),
            "pacing": pacing and Pacing(every_s=pacing.every_s / factor),
        }
    )


def _profile(profile: Profile, factor: float, *, scale_rates: bool) -> Profile:
    # Made anew: a copy would keep the curve that was worked out from the old times.
    fields = {name: getattr(profile, name) for name in type(profile).model_fields}
    return type(profile).model_validate({**fields, **_changed(profile, factor, scale_rates=scale_rates)})


def _changed(model: BaseModel, factor: float, *, scale_rates: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            found[name] = tuple(each.model_copy(update=_changed(each, factor, scale_rates=scale_rates)) for each in value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            continue
        elif name in _TIMES or (name == "every" and scale_rates):
            found[name] = value / factor
        elif name in _RATES and scale_rates:
            found[name] = value * factor
    return found


def _gate(line: GateLine, factor: float) -> GateLine:
    spec = line.spec()
    if not line.is_statement or spec.window_s is None:
        return line
    return line.model_copy(update={"gate": str(replace(spec, window_s=max(SHORTEST_WINDOW_S, spec.window_s / factor)))})
