"""A plan in words and numbers: what would be done, when, and how much of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, islice

from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.profile import ClosedProfile, OpenProfile, Profile, generator
from loadstone.units import format_count, format_duration, format_rate

FIRST_ARRIVALS = 10
MOST_STAGES = 20


def describe(plan: Plan) -> Iterator[str]:
    """The lines that `loadstone check` prints."""
    workers = f"{plan.workers} worker{'s' if plan.workers > 1 else ''}"
    place = plan.target or ("the reference backend, started for the run" if plan.embedded else "the addresses in its steps")
    yield f"{plan.name} ({plan.source}) against {place}, seed {plan.seed}, {workers}"
    for scenario in plan.scenarios:
        yield ""
        yield from _scenario(plan, scenario)
    for probe in plan.probes:
        yield f"probe: {probe.kind} {probe.watches}, every {format_duration(probe.every_s)}"
    if plan.pressure:
        yield f"pressure on this machine: {plan.pressure}"
    yield ""
    yield "gates" if plan.gates else "gates: none, so the run measures but cannot fail"
    for gate in plan.gates:
        named = " ".join(part for part in (gate.name, f"validates {gate.requirement}" if gate.requirement else "") if part)
        yield f"  {gate.spec()}{f'   ({named})' if named else ''}"


def _scenario(plan: Plan, scenario: ScenarioPlan) -> Iterator[str]:
    profile = scenario.profile
    length = "until it is stopped" if math.isinf(profile.duration_s) else f"for {format_duration(profile.duration_s)}"
    yield f"scenario {scenario.name}: {profile.kind}, {length}"
    start = f"after {scenario.after}" if scenario.after else f"at {format_duration(scenario.start_s)}"
    warm_up = f", the first {format_duration(scenario.warm_up_s)} not judged" if scenario.warm_up_s else ""
    yield f"  starts    {start}{warm_up}"
    yield f"  does      {_behaviour(scenario)}"
    if scenario.think:
        yield f"  thinks    {scenario.think}"
    for feed in scenario.data:
        yield f"  data      {feed.file} ({feed.order}, {feed.take}, {feed.exhausted})"
    if isinstance(profile, OpenProfile):
        yield from _arrivals(profile, plan.seed, scenario.name)
    else:
        yield from _users(profile)
    yield from _stages(profile)


def _behaviour(scenario: ScenarioPlan) -> str:
    if scenario.code is not None:
        return f"{', '.join(scenario.code.classes)} from {scenario.code.file}"
    return ", ".join(f"{step.name} ({step.weight:g})" if step.weight else step.name for step in scenario.steps)


def _arrivals(profile: OpenProfile, seed: int, name: str) -> Iterator[str]:
    total = profile.expected_arrivals
    about = "about " if profile.by_chance else ""
    count = "without end" if math.isinf(total) else f"{about}{format_count(total)}"
    yield f"  arrivals  {count}, peak rate {format_rate(profile.peak_rate_per_s)}"
    first = islice(chain.from_iterable(profile.arrivals(generator(seed, name))), FIRST_ARRIVALS)
    yield f"  first     {', '.join(format_duration(int(due_ns) / 1e9) for due_ns in first)}"


def _users(profile: ClosedProfile) -> Iterator[str]:
    limit = profile.iterations
    times = f", {format_count(limit.count)} iterations {'together' if limit.shared else 'each'}" if limit else ""
    yield f"  users     at most {format_count(profile.max_users)} at one time{times}"
    starts = islice((due_ns for due_ns, step in profile.changes() if step > 0), FIRST_ARRIVALS)
    yield f"  first     {', '.join(format_duration(due_ns / 1e9) for due_ns in starts)}"


def _stages(profile: Profile) -> Iterator[str]:
    pieces = profile.shape.pieces
    for number, (start_s, piece) in enumerate(zip(profile.shape.starts_s, pieces, strict=False), 1):
        if len(pieces) == 1:
            return
        if number > MOST_STAGES:
            yield f"  … and {len(pieces) - MOST_STAGES} more stages"
            return
        until = f"{format_duration(start_s)} to {format_duration(start_s + piece.seconds)}"
        if isinstance(profile, OpenProfile):
            count = profile.shape.area_until(start_s + piece.seconds) - profile.shape.area_until(start_s)
            level = f"{format_rate(piece.first)} to {format_rate(piece.last)}, {format_count(round(count))} arrivals"
        else:
            level = f"{piece.first:g} to {piece.last:g} users"
        yield f"  stage {number:<3} {until}: {level}"
