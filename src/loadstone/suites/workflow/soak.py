"""The soak part of `workflow`: the same users for hours; nothing leaks, nothing drifts, and the generator stays flat."""

from typing import Any

import loadstone as ls
from loadstone.suites.workflow.operators import Operator
from loadstone.suites.workflow.system import System, is_watched

WARM_UP_S, WARM_UP_SHARE = 300.0, 0.2  # not judged: five minutes, of a short soak a fifth
HELD = ("target.memory", "target.descriptors", "target.threads")  # what must not leak
CHECKPOINTS = 12  # of the objects inside the system, over the whole soak
FLAT = "50MB"  # by which the generator may grow

OPTIONS = (
    ls.Option("soak", False, "Only the soak: the same users for long; leaks, drifts, errors."),
    ls.Option("soak-users", 25, "Users of the soak.", least=1),
    ls.Option(
        "inside",
        False,
        "In a soak: a system that tells its inside at /_inside is read there, for the cause of a leak; it answers more slowly then.",
    ),
)
PRESETS = {
    name: {"soak": True, "duration": duration}
    for name, duration in (("soak", "1h"), ("soak-12h", "12h"), ("soak-24h", "24h"), ("soak-72h", "72h"))
}


def add_soak(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], options: ls.Options, system: System, after: str | None) -> None:
    """The scenario and what must hold over all of its time."""
    name, warm_up_s = "soak", min(WARM_UP_S, WARM_UP_SHARE * options.duration)
    profile = ls.soak(users=options.soak_users, duration=options.duration - warm_up_s / 2, ramp_up=warm_up_s / 2)
    scenarios.append(ls.Scenario(name, Operator, profile, think="500ms..1500ms", warm_up=warm_up_s, after=after, settings=system.settings))
    where = f"{{scenario={name}}}"
    served = (f"p95(http.response_time{where}) < 1s", f"rate(http.errors{where}) < 1%")
    steady = (f"drift(http.response_time{where}) = none", f"drift(http.errors{where}) = none")
    known = [*(HELD if is_watched(options) else ()), *(("target.tasks",) if options.inside else ())]
    held = [f"leak({metric}) = none" for metric in known]
    for requirement, texts in (("soak_service", served), ("soak_trends", steady), ("soak_leaks", held)):
        gates += [{"gate": text, "requirement": requirement} for text in texts]
    gates.append({"gate": f"growth(generator.memory) < {FLAT}", "requirement": "soak_generator", "name": "the generator stays flat"})


def inside_probes(options: ls.Options) -> list[dict[str, Any]]:
    """What grows inside the system, so that a leak is told with its cause; asked for, because looking costs the system time."""
    checkpoint = f"{max(1.0, options.duration / CHECKPOINTS):g}s"
    return [{"inside": "/_inside", "name": "inside", "checkpoint": checkpoint, "trace": 1}] if options.inside else []
