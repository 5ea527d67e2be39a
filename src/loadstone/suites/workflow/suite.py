"""A system that runs agents' workflows: response times at rising numbers of users, the throughput of each endpoint, spikes, stress, soak.

`loadstone run workflow`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import os
from typing import Any, NamedTuple

import loadstone as ls
from loadstone.suites.workflow.operators import METRICS, Operator
from loadstone.suites.workflow.soak import OPTIONS as SOAK_OPTIONS
from loadstone.suites.workflow.soak import PRESETS as SOAK_PRESETS
from loadstone.suites.workflow.soak import add_soak, inside_probes
from loadstone.suites.workflow.spikes import OPTIONS as SPIKE_OPTIONS
from loadstone.suites.workflow.spikes import add_spikes, instance_probes
from loadstone.suites.workflow.stress import OPTIONS as STRESS_OPTIONS
from loadstone.suites.workflow.stress import stress
from loadstone.suites.workflow.system import OPTIONS as SYSTEM_OPTIONS
from loadstone.suites.workflow.system import Steps, System, is_watched, port_here


class Level(NamedTuple):
    """What users may expect while at most so many of them are there.

    load:    how such a load is called
    think:   between two runs of one user; the more users, the longer, so that 10, 100 and 1,000 users ask for about 50, 100
             and 250 runs a second, and not for a thousand users' worth of an endless loop
    success: share of requests that must succeed
    """

    users: int
    load: str
    think: str
    times: tuple[str, ...]
    success: int


LEVELS = (
    Level(10, "light", "100ms..300ms", ("mean(http.response_time{scenario=$}) < 100ms", "p95(http.response_time{scenario=$}) < 200ms"), 99),
    Level(100, "medium", "500ms..1500ms", ("mean(http.response_time{scenario=$}) < 500ms", "p95(http.response_time{scenario=$}) < 1s"), 95),
    Level(1000, "heavy", "2s..6s", ("mean(http.response_time{scenario=$}) < 2s", "p99(http.response_time{scenario=$}) < 5s"), 80),
)


class Endpoint(NamedTuple):
    """An endpoint, how many requests a second it must bear, and how many it is sent: a fifth more, so that the limit can be seen."""

    name: str
    least: int
    steps: Steps

    @property
    def rate(self) -> float:
        return self.least * 1.2


PARTS = ("load", "throughput", "spike", "stress", "soak")
USUAL = ("load", "throughput")  # without a choice
MAX_MEMORY, MAX_CPU = 2_000_000_000, 90.0  # bytes; % of all processors

OPTIONS = (
    ls.Option("only", None, f"These parts: {', '.join(PARTS)}; several with commas.", kind="parts", choices=PARTS),
    ls.Option("levels", "10,100", "Numbers of users, one level after another."),
    ls.Option("duration", "20s", "How long each level lasts.", kind="duration", least=1),
    ls.Option("throughput-duration", "10s", "How long each endpoint is tried.", kind="duration", least=1),
    ls.Option("connections", 1000, "Connections that are held at one time in the throughput part.", least=1),
    ls.Option("load", False, "Only the levels of users."),
    ls.Option("throughput", False, "Only the throughput of the endpoints, and the connections."),
    ls.Option("max-memory", None, "Memory that the system may take; 2 GB where its process is known.", kind="size"),
    ls.Option("max-cpu", None, "Mean CPU, 100 is one core; where its process is known 90 for each of this machine's.", kind="number"),
    *SPIKE_OPTIONS,
    *STRESS_OPTIONS,
    *SOAK_OPTIONS,
    *SYSTEM_OPTIONS,
)
PRESETS = {
    "quick": {"levels": "10,100", "duration": "7s", "throughput_duration": "4s", "connections": 200},
    "ci": {"levels": "10,100", "duration": "30s", "throughput_duration": "10s"},
    "full": {"levels": "10,100,500,1000", "duration": "60s", "throughput_duration": "20s"},
    **SOAK_PRESETS,
    "spike": {"spike": True, "duration": "20s"},
    "stress": {"stress": True, "duration": "20s"},
}


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    only = options.only or tuple(part for part in PARTS if getattr(options, part)) or USUAL
    system = System.of(options)
    scenarios: list[ls.Scenario] = []
    gates: list[dict[str, Any]] = []
    pressure = None
    if "stress" in only:  # first: pressure begins with the load
        scenarios, gates, pressure = stress(options, system)
    if "load" in only:
        for users in numbers_of_users(options.levels):
            add_level(scenarios, gates, system, users, options.duration)
    if "throughput" in only:
        for endpoint in endpoints(system):
            add_endpoint(scenarios, gates, endpoint, options.throughput_duration)
        add_connections(scenarios, gates, system, options)
    if "spike" in only:
        add_spikes(scenarios, gates, options, system, last(scenarios))
    if "soak" in only:
        add_soak(scenarios, gates, options, system, last(scenarios))
    if set(only) & {*USUAL, "soak"}:
        gates.append({"gate": "rate(check.failures) < 1%", "name": "workflows come to their end"})
    return ls.Suite(
        "workflow",
        target=options.url,
        embedded=options.url is None,
        scenarios=scenarios,
        gates=[*gates, *on_resources(options, only)],
        metrics=METRICS,
        probes=probes(options, only),
        baselines={"rules": "workflow"},
        graceful_stop="10s",
        **({"pressure": pressure} if pressure else {}),
    )


def endpoints(system: System) -> tuple[Endpoint, ...]:
    """Each alone, one after another."""
    return (
        Endpoint("health", 1000, system.health_steps),
        Endpoint("api", 100, system.api_steps),
        Endpoint("workflow", 50, system.workflow_steps),
    )


def on_resources(options: ls.Options, only: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the system may take, where somebody says so, or its process is known and stress does not drive it to its limits."""
    known = is_watched(options) and "stress" not in only
    memory = options.max_memory or (MAX_MEMORY if known else None)
    cpu = options.max_cpu or (MAX_CPU * (os.cpu_count() or 1) if known else None)
    gates = [{"gate": f"max(target.memory) < {memory / 1e6:.12g}MB", "name": "memory"}] if memory else []
    gates += [{"gate": f"mean(target.cpu) < {cpu:g}%", "name": "CPU"}] if cpu else []
    return [{**gate, "requirement": "resources"} for gate in gates]


def probes(options: ls.Options, only: tuple[str, ...]) -> list[dict[str, Any]]:
    """The process that listens at the URL, when it is this machine's, its instances, and in a soak its inside."""
    port = port_here(options)
    outside = [{"process": f"port:{port}"}] if port else []
    return [*outside, *instance_probes(options), *(inside_probes(options) if "soak" in only else [])]


def numbers_of_users(text: str) -> list[int]:
    """`10,100` as numbers."""
    try:
        levels = [int(part) for part in text.split(",")]
    except ValueError:
        raise ls.UsageError(f"{text!r} is not a list of numbers of users", where="option levels", hint="10,100,1000") from None
    if min(levels) < 1 or len(set(levels)) != len(levels):
        raise ls.UsageError(f"{text!r}: each level is a number of users of its own, 1 or more", where="option levels", hint="10,100,1000")
    return levels


def add_level(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], system: System, users: int, duration_s: float) -> None:
    """So many users, after whatever came before; judged from the moment when all are there."""
    level = next((each for each in LEVELS if users <= each.users), LEVELS[-1])
    name, requirement = f"{users} users", f"load_level_{users}"
    ramp = duration_s / 4
    profile = ls.ramping_users(1, users, ramp, hold=duration_s - ramp)
    scenarios.append(ls.Scenario(name, Operator, profile, think=level.think, warm_up=ramp, after=last(scenarios), settings=system.settings))
    gates += [{"gate": text.replace("$", name), "requirement": requirement} for text in level.times]
    success = {"name": f"{level.load} load: more than {level.success}% succeed", "requirement": requirement}
    gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < {100 - level.success}%", **success})
    gates.append({"gate": f"max(load.users{{scenario={name}}}) >= {users}", "requirement": requirement, "name": "all users at once"})


def add_endpoint(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], endpoint: Endpoint, duration_s: float) -> None:
    """One endpoint at a constant rate."""
    name, requirement = endpoint.name, f"throughput_{endpoint.name}"
    profile = ls.constant_rate(endpoint.rate, duration_s)
    scenarios.append(ls.Scenario(name, profile=profile, steps=endpoint.steps, after=last(scenarios)))
    gates.append({"gate": f"throughput(http.requests{{scenario={name}}}) > {endpoint.least}/s", "requirement": requirement})
    gates.append({"gate": f"p95(http.response_time{{scenario={name}}}) < 1s", "requirement": requirement})
    gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < 1%", "requirement": requirement})


def add_connections(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], system: System, options: ls.Options) -> None:
    """Users who each keep a connection open and ask for little, all of them at one time."""
    name, requirement, most, ramp = "connections", "throughput_connections", options.connections, options.throughput_duration / 2
    profile = ls.ramping_users(1, most, ramp, hold=options.throughput_duration - ramp)
    scenarios.append(ls.Scenario(name, profile=profile, steps=system.health_steps, think="1s..3s", warm_up=ramp, after=last(scenarios)))
    held = {"gate": f"max(load.users{{scenario={name}}}) >= {most}", "name": f"{most} connections at once"}
    texts = (f"p95(http.response_time{{scenario={name}}}) < 1s", f"rate(http.errors{{scenario={name}}}) < 1%")
    gates += [{**gate, "requirement": requirement} for gate in (held, *({"gate": text} for text in texts))]


def last(scenarios: list[ls.Scenario]) -> str | None:
    """The scenario that the next one waits for."""
    return scenarios[-1].name if scenarios else None
