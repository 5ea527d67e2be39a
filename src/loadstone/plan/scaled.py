"""A plan at another load: every scenario's share stays what it is, and its objectives end a level that cannot meet them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from loadstone.errors import UsageError
from loadstone.plan.gate_text import GateSpec
from loadstone.plan.model import GateLine, Plan, ScenarioPlan
from loadstone.plan.profile import ClosedProfile, OpenProfile, Profile
from loadstone.plan.profiles import ConstantUsers, RateStage, RateStages, UserStage, UserStages

WHERE = "loadstone capacity"
STOPS_AT_ERRORS = 0.5  # a level in which half of all fails need not go on
GENTLE = 0.7  # share of the rate at which a level warms up
EARLY_S = 5.0  # how long a level's last exchanges are waited for


class Knob(StrEnum):
    """What is turned up: arrivals per second, or users (and with them the rates of a mixed suite)."""

    RATE = "rate"
    USERS = "users"


@dataclass(frozen=True, slots=True)
class Shares:
    """What of a plan can be turned up.

    scenarios: those that begin at once and go on, with their part of the load at `whole`
    whole:     the plan's own load, in arrivals per second or users
    """

    knob: Knob
    scenarios: tuple[tuple[ScenarioPlan, float], ...]
    whole: float


def shares_of(plan: Plan, knob: Knob | None = None) -> Shares:
    """The scenarios that make a steady load together, and what share of it each makes.

    knob:   None: users where the plan has any, else the rate
    raises: UsageError for a plan that has no such load
    """
    steady = [each for each in plan.scenarios if each.after is None and each.start_s == 0 and _load_of(each.profile) > 0]
    families = {Knob.RATE: OpenProfile, Knob.USERS: ClosedProfile}
    knob = knob or (Knob.USERS if any(isinstance(each.profile, ClosedProfile) for each in steady) else Knob.RATE)
    whole = sum(_load_of(each.profile) for each in steady if isinstance(each.profile, families[knob]))
    if not whole:
        other = Knob.USERS if knob is Knob.RATE else Knob.RATE
        what = f"{plan.name} has no scenario with {'a rate' if knob is Knob.RATE else 'users'} that begins at once and can be turned up"
        raise UsageError(what, where=WHERE, hint=f"--{other}")
    return Shares(knob, tuple((each, _load_of(each.profile)) for each in steady), whole)


def objectives_of(plan: Plan, shares: Shares | None = None) -> tuple[GateSpec, ...]:
    """The gates that a load can break: statements on latency, errors and goodput, over the whole level.

    What grows with the load by itself (counts, throughput, users), what needs a whole run (leaks, drift) and what is judged in
    code are no objectives of a level. Of two that differ in their limit alone the stricter one stays.
    shares: leave out what is about a scenario that a level does not have
    """
    names = {each.name for each, _ in shares.scenarios} if shares is not None else None
    specs = (line.spec() for line in plan.gates if line.is_statement and not line.needs)
    kept = (replace(spec, window_s=None, abort=False) for spec in specs if _is_objective(spec))
    found: dict[tuple[str, str], GateSpec] = {}
    for spec in kept:
        scenario, key = dict(spec.tags).get("scenario"), (spec.subject, spec.op)
        if names is None or scenario is None or scenario in names:
            found[key] = _stricter(found.get(key, spec), spec)
    return tuple(found.values())


def _stricter(one: GateSpec, other: GateSpec) -> GateSpec:
    return min(one, other, key=lambda spec: spec.limit if spec.op.startswith("<") else -spec.limit)


def _is_objective(spec: GateSpec) -> bool:
    if spec.metric.startswith(("load.", "target.", "machine.", "generator.", "gpu.", "probe.")):
        return False
    return (spec.q is not None or spec.stat in ("rate", "mean")) and spec.op in ("<", "<=", ">", ">=")


def level_plan(
    plan: Plan, shares: Shares, load: float, *, seconds: float, warm_up_s: float, objectives: Sequence[GateSpec], poisson: bool = False
) -> Plan:
    """The plan of one level: a steady load, its objectives first among the gates, ended early when they are lost.

    load: arrivals per second or users, of all scenarios together
    """
    counts = _parts(shares, load)
    scenarios = []
    for scenario, own in shares.scenarios:
        profile = _steady(scenario.profile, own * load / shares.whole, counts.get(scenario.name, 0), seconds, warm_up_s, poisson=poisson)
        if profile is not None:
            scenarios.append(scenario.model_copy(update={"profile": profile, "warm_up_s": warm_up_s}))
    saturation = () if shares.knob is Knob.USERS else (GateLine(kind="saturation", gate="response times do not grow within the level"),)
    return _with(plan, scenarios, (*_lines(objectives), *saturation))


def step_down_plan(plan: Plan, shares: Shares, steps: Sequence[tuple[float, float]]) -> Plan:
    """One run that goes through several loads at once, (load, seconds) each, without gates."""
    scenarios = []
    for scenario, own in shares.scenarios:
        if isinstance(scenario.profile, OpenProfile):
            rates = [RateStage(duration=seconds, shape="step", rate=own * load / shares.whole) for load, seconds in steps]
            profile: Profile = RateStages(from_rate=rates[0].rate, stages=tuple(rates), poisson=scenario.profile.by_chance)
        else:
            users = [UserStage(duration=seconds, shape="step", users=_parts(shares, load).get(scenario.name, 0)) for load, seconds in steps]
            profile = UserStages(from_users=users[0].users, stages=tuple(users))
        scenarios.append(scenario.model_copy(update={"profile": profile, "warm_up_s": 0.0}))
    return _with(plan, scenarios, ())


def _with(plan: Plan, scenarios: Sequence[ScenarioPlan], gates: Sequence[GateLine]) -> Plan:
    return plan.model_copy(
        update={
            "scenarios": tuple(scenarios),
            "gates": tuple(gates),
            "bands": (),
            "graceful_stop_s": min(plan.graceful_stop_s, EARLY_S),
            "stop": plan.stop.model_copy(update={"error_share": STOPS_AT_ERRORS}),
            "allow_few": True,
            "allow_unreached": True,
        }
    )


def _lines(objectives: Sequence[GateSpec]) -> list[GateLine]:
    return [GateLine(gate=f"{spec.subject} {spec.op} {spec.limit_text} abort", name=spec.name) for spec in objectives]


def _load_of(profile: Profile) -> float:
    if isinstance(profile, OpenProfile):
        return profile.peak_rate_per_s
    assert isinstance(profile, ClosedProfile)
    return 0.0 if profile.iterations is not None else float(profile.max_users)


def _parts(shares: Shares, load: float) -> Mapping[str, int]:
    """Whole users of each scenario: the largest remainders get what rounding left over."""
    exact = {each.name: own * load / shares.whole for each, own in shares.scenarios if isinstance(each.profile, ClosedProfile)}
    parts = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    left = round(sum(exact.values())) - sum(parts.values())
    for name in sorted(exact, key=lambda name: parts[name] - exact[name])[: max(0, left)]:
        parts[name] += 1
    return parts


def _steady(profile: Profile, rate_per_s: float, users: int, seconds: float, warm_up_s: float, *, poisson: bool) -> Profile | None:
    """The load of a level. Arrivals warm up at a lower rate: what connecting held up would, near the limit, never be worked off."""
    if isinstance(profile, ClosedProfile):
        return ConstantUsers(users=users, duration=seconds + warm_up_s) if users else None
    by_chance = poisson or (isinstance(profile, OpenProfile) and profile.by_chance)
    level = RateStage(duration=seconds, shape="step", rate=rate_per_s)
    if not warm_up_s:
        return RateStages(from_rate=rate_per_s, stages=(level,), poisson=by_chance)
    gentle = RateStage(duration=warm_up_s, shape="step", rate=GENTLE * rate_per_s)
    return RateStages(from_rate=gentle.rate, stages=(gentle, level), poisson=by_chance)
