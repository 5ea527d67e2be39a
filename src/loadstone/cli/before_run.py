"""What is asked before a run, a line each: target, endpoints, descriptors and ports, generator, history, baseline.

Nothing here refuses a run but a target that cannot be reached: `cli.preflight` does, for what would surely spoil it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from loadstone.cli.finding import Finding
from loadstone.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadstone.load.first_look import Endpoint, FirstLook
    from loadstone.plan.model import Plan

LOOK_S = 0.15
SOON_S = 2.0  # to connect; a run itself waits longer before it gives up
GOOD_LAG_MS = 1.0
MOST_PATHS = 30
GONE = 404, 410
LOCKED = 401, 403
OTHER_METHODS = 405, 501  # the path is there, and takes another method than HEAD


def look_before(plan: Plan) -> list[Finding]:
    """The lines of one run; raises TargetUnreachable, and LoadstoneError for secrets or TLS files that are not there."""
    from loadstone.load.first_look import first_look

    paths = paths_of(plan)
    target = [target_of(plan.target, plan.http.unix_socket or "")] if plan.target else []
    look = first_look(plan.http, plan.target or "", paths[:MOST_PATHS], lasting_s=LOOK_S)
    endpoints = [endpoints_of(look.endpoints, wanted=bool(plan.endpoints))] if plan.target else []
    return [*target, *endpoints, room_of(plan), generator_of(look), *gates_of(plan), *kept_of(plan)]


def target_of(url: str, unix: str = "") -> Finding:
    """Does something answer there? Raises TargetUnreachable."""
    from loadstone.clients.address import split_url
    from loadstone.clients.reach import check_reachable
    from loadstone.clock import MILLISECOND, now_ns

    origin, _ = split_url(url, unix=unix)
    began = now_ns()
    check_reachable(origin, timeout_s=SOON_S)
    where = origin.unix or f"{origin.scheme}://{origin.authority}"
    return Finding("target", f"{where} takes connections ({(now_ns() - began) / MILLISECOND:.1f} ms)")


def paths_of(plan: Plan) -> list[str]:
    """What may be asked before the run: the paths that the plan lists, or those of its steps where it says so."""
    if not plan.endpoints or not plan.target:
        return []
    if isinstance(plan.endpoints, tuple):
        return list(dict.fromkeys(plan.endpoints))
    steps = (step for scenario in plan.scenarios for step in scenario.steps if step.kind == "http")
    return list(dict.fromkeys(step.path.partition("?")[0] for step in steps if "${" not in step.path and "{{" not in step.path))


def endpoints_of(asked: Sequence[Endpoint], *, wanted: bool = True) -> Finding:
    """What each path answered to HEAD."""
    if not asked:
        why = "none of its steps has a path of its own" if wanted else "`endpoints: true` in the plan asks each path once, by HEAD"
        return Finding("endpoints", f"not asked ({why})")
    wrong = [f"{each.path}: {said}" for each in asked if (said := _what_is_wrong(each))]
    statuses = ", ".join(str(status) for status in sorted({each.status for each in asked if each.status}))
    found = f"{len(asked) - len(wrong)} of {len(asked)} are there (HEAD answers {statuses or 'nothing'})"
    return Finding("endpoints", found, "; ".join(wrong))


def _what_is_wrong(one: Endpoint) -> str:
    if one.status in GONE:
        return f"{one.status}, not there; look at the path"
    if one.status in LOCKED:
        return f"{one.status}, asks for credentials; http: {{auth: {{bearer: ${{env:TOKEN}}}}}}"
    if not one.status:
        return f"no answer ({one.reason})"
    # 400 and 422 miss something that only the real request has; 3xx is followed by it.
    return f"{one.status}, a failure of the server" if one.status >= 500 and one.status not in OTHER_METHODS else ""


def room_of(plan: Plan) -> Finding:
    """Descriptors and local ports, beside what users who stay need of them."""
    from loadstone.cli.preflight import most_users
    from loadstone.probes.machine import descriptor_limit, local_ports
    from loadstone.units import format_count

    users, _ = most_users(plan)
    ports = local_ports()
    sources = max(1, len(plan.http.source_addresses))
    there = f"{format_count(descriptor_limit() * plan.workers)} descriptors"
    if ports is not None and not plan.http.unix_socket:
        there += f", {format_count(ports * sources)} local ports"
    return Finding("room", f"{there}; users who stay need {format_count(users)}" if users else there)


def generator_of(look: FirstLook) -> Finding:
    """How late this process wakes up, and how busy the machine is before there is any load."""
    from loadstone.clock import MILLISECOND

    middle, late = look.lag_ns(0.5) / MILLISECOND, look.lag_ns(0.99) / MILLISECOND
    cores = os.cpu_count() or 1
    busy = f", {os.getloadavg()[0]:.1f} busy in the last minute" if hasattr(os, "getloadavg") else ""
    advice = "sends will be as late as this: close other programs, or use a machine with a free core" if late > GOOD_LAG_MS else ""
    return Finding("generator", f"wakes up {middle:.2f} ms late (p99 {late:.2f} ms) on {cores} cores{busy}", advice)


def gates_of(plan: Plan) -> list[Finding]:
    """Gates on a step that is not there; none where all may have data."""
    from loadstone.judge.never_met import unknown_steps

    advice = "such a gate has no data, which is never a pass: correct the name, or give the step that name"
    return [Finding("gates", text, advice) for text in unknown_steps(plan)]


def kept_of(plan: Plan) -> list[Finding]:
    """Where the run is kept, beside how many of its kind, and what it could be compared with."""
    from loadstone.cli.keeping import asked
    from loadstone.store.location import chosen_url
    from loadstone.store.rows import RunFilter
    from loadstone.store.store import Store
    from loadstone.units import format_count

    url, named = chosen_url(asked("store"))
    if asked("no_store") or url is None:
        why = "--no-store" if asked("no_store") else "LOADSTONE_STORE=none" if named else "no store"
        return [Finding("history", f"not kept ({why}), so nothing can be compared with it")]
    try:
        with Store.open(url, make=False) as store:
            runs = store.count(RunFilter(suite=plan.name))
            names = [each.name for each in store.baselines()]
    except StoreError:
        return [Finding("history", f"the first run in {_shown(url)}"), Finding("baseline", baseline_hint(plan, []))]
    many = f"{format_count(runs)} earlier run{'' if runs == 1 else 's'}" if runs else "the first run"
    return [Finding("history", f"{many} of {plan.name} in {_shown(url)}"), Finding("baseline", baseline_hint(plan, names))]


def _shown(url: str) -> str:
    """Where a store is: a file as seen from here, else its address without the password."""
    from loadstone.store.location import path_of, scheme_of, shown

    if scheme_of(url) != "sqlite":
        return shown(url)
    path = path_of(url)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def baseline_hint(plan: Plan, names: Sequence[str]) -> str:
    """What this run is compared with, or how it could be."""
    from loadstone.cli.keeping import COMPARING, asked

    name = asked("baseline") or plan.baselines.name
    if name:
        return f"compared with {name}"
    if any(line.kind in COMPARING for line in plan.gates):
        return "compared by its gates"
    if names:
        return f"compared with none of {', '.join(names[:5])}: --baseline {names[0]}"
    return "no baseline yet: loadstone baseline save main last, after a run that passed"
