"""The stress part of `workflow`: breaking point, limit of connections, a full pool, pressure; and how soon it is back after each."""

import os
from dataclasses import dataclass, field
from typing import Any

import loadstone as ls
from loadstone.suites.workflow.system import Steps, System, port_here

DOUBLINGS = 5  # steps from the usual load to the greatest
USUAL_USERS = 10
POOL_RATE, POOL_PEAK = 10.0, 20  # requests a second for what needs the database, and how many times as many in the rush
PRESSED_RATE = 20.0
BACK = "30s"  # in which everything must be itself again

OPTIONS = (
    ls.Option("stress", False, "Only stress: breaking point, connections, pool, pressure; recovery after each."),
    ls.Option("stress-rate", "640/s", "The greatest number of workflows a second that the breaking point is looked for at.", kind="rate"),
    ls.Option("stress-connections", 500, "The greatest number of connections at one time.", least=USUAL_USERS),
    ls.Option("stress-memory", "256MB", "Memory that pressure takes from this machine, all of its processors beside it.", kind="size"),
    ls.Option("without-pressure", False, "Leave the pressure on this machine out."),
    ls.Option("breaking-point", "40/s", "Workflows a second that must be borne.", kind="rate"),
)


@dataclass
class Stress:
    """Scenarios and gates, as they are added one after another.

    duration_s: length of a scenario's parts
    pressure:   what the machine is to bear meanwhile; None without pressure
    """

    duration_s: float
    scenarios: list[ls.Scenario] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)
    pressure: dict[str, Any] | None = None

    def add(self, name: str, profile: Any, steps: Steps, **settings: Any) -> None:
        """One more scenario, after the others."""
        after = self.scenarios[-1].name if self.scenarios else None
        self.scenarios.append(ls.Scenario(name, profile=profile, steps=steps, after=after, **settings))

    def promise(self, requirement: str, *gates: str | dict[str, Any]) -> None:
        """Gates that validate one requirement."""
        self.gates += [({"gate": gate} if isinstance(gate, str) else gate) | {"requirement": requirement} for gate in gates]

    def recovers(self, name: str) -> None:
        """The gate on how soon a scenario is itself again."""
        self.promise("stress_recovery", f"recovery(http.response_time{{scenario={name}}}) < {BACK}")


def stress(options: Any, system: System) -> tuple[list[ls.Scenario], list[dict[str, Any]], dict[str, Any] | None]:
    """Scenarios, gates and pressure of the whole part."""
    made = Stress(options.duration)
    here = options.url is None or port_here(options) is not None
    if here and not options.without_pressure:  # pressure is put on this machine, and says nothing of another one
        _pressed(made, options, system.workflow_steps)
    _breaking_point(made, options, system.workflow_steps)
    _connections(made, options.stress_connections, system.health_steps)
    _pool(made, system.api_steps)
    return made.scenarios, made.gates, made.pressure


def _breaking_point(made: Stress, options: Any, workflow: Steps) -> None:
    name, quarter = "breaking point", made.duration_s / 4
    rates = [options.stress_rate / 2**power for power in range(DOUBLINGS, -1, -1)]
    usual = {"duration": 2 * quarter, "rate": rates[0], "shape": "step"}
    steps = [{"duration": quarter, "rate": rate, "shape": "step"} for rate in rates[1:]]
    back = {"duration": made.duration_s, "rate": rates[0], "shape": "step"}
    made.add(name, ls.stages(usual, *steps, back), workflow)
    settings = {"scenario": name, "above": options.breaking_point, "p95_s": 1.0, "errors": 0.01}
    made.promise(
        "stress_breaking_point",
        {"kind": "breaking_point", "gate": f"breaking point > {options.breaking_point:g}/s", "settings": settings},
    )
    made.recovers(name)


def _connections(made: Stress, most: int, health: Steps) -> None:
    """Users who each keep a connection and ask for little: what breaks is the number of them."""
    name, quarter = "connections", made.duration_s / 4
    levels = [max(USUAL_USERS, most // 4), max(USUAL_USERS, most // 2), most]
    parts = [(2 * quarter, USUAL_USERS), *((quarter, users) for users in levels), (made.duration_s, USUAL_USERS)]
    profile = ls.stages(*({"duration": length_s, "users": users, "shape": "step"} for length_s, users in parts))
    steps: Steps = [{**health[0], "name": "hold a connection"}]
    made.add(name, profile, steps, think="1s")
    above = levels[0] - 1
    settings = {"scenario": name, "above": above, "p95_s": 1.0, "errors": 0.01}
    made.promise("stress_connections", {"kind": "breaking_point", "gate": f"connections > {above}", "settings": settings})
    made.recovers(name)


def _pool(made: Stress, items: Steps) -> None:
    """A rush on what needs one of a bounded number of connections."""
    name, duration_s = "pool", made.duration_s
    profile = ls.spike(rate=POOL_RATE, peak=POOL_PEAK, at=duration_s / 2, hold=duration_s / 4, recovery=duration_s)
    made.add(name, profile, items)
    made.promise("stress_pool", f"rate(http.errors{{scenario={name}}}) < 20%", f"p95(http.response_time{{scenario={name}}}) < 2s")
    made.recovers(name)


def _pressed(made: Stress, options: Any, workflow: Steps) -> None:
    """Processors and memory taken away by others, and the time after that."""
    name, after, duration_s = "under pressure", "after pressure", made.duration_s
    made.pressure = {
        "cpu": os.cpu_count() or 1,
        "memory": options.stress_memory,
        "for": duration_s,
        "scenario": name,
    }
    made.add(name, ls.constant_rate(PRESSED_RATE, duration_s), workflow)
    made.promise("stress_pressure", f"rate(http.errors{{scenario={name}}}) < 20%", f"p95(http.response_time{{scenario={name}}}) < 2s")
    # Judged from the half of it on: by then it is itself again, or not.
    made.add(after, ls.constant_rate(PRESSED_RATE, duration_s), workflow, warm_up=duration_s / 2)
    made.promise("stress_recovery", f"rate(http.errors{{scenario={after}}}) < 1%", f"p95(http.response_time{{scenario={after}}}) < 1s")
