"""The spike part of `workflow`: 10 and 100 times the usual load, several in a row, a gradual one; recovery and scaler after each."""

from typing import Any

import loadstone as ls
from loadstone.suites.workflow.system import System

USUAL_RATE = 2.0  # workflows a second
# name, times the usual load, how often, and how long it takes to get there and back, as a share of the duration
SPIKES = (("spikes 10x", 10, 3, 0.0), ("spikes 100x", 100, 3, 0.0), ("gradual 10x", 10, 1, 0.5))
INSTANCES = "instances"
KINDS = ("json", "prometheus", "command")

OPTIONS = (
    ls.Option("spike", False, "Only spikes: 10 times and 100 times the usual load, three in a row each, then a gradual one."),
    ls.Option("spike-rate", f"{USUAL_RATE:g}/s", "The usual load of the spikes, workflows a second.", kind="rate", least=0.1),
    ls.Option(
        "instances", None, "Where its instances are counted: json:URL#PATH, prometheus:URL#SERIES, or command:COMMAND that prints a number."
    ),
    ls.Option("scale-within", None, "The longest that the scaler may take after a spike began until there are enough.", kind="duration"),
)


def add_spikes(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], options: ls.Options, system: System, after: str | None) -> None:
    """Usual load, then so many times as much, each kind of spike after the other; how long it takes to be itself again after each."""
    length_s = options.duration
    for name, peak, repeat, ramp in SPIKES:
        profile = ls.spike(
            rate=options.spike_rate,
            peak=peak,
            at=length_s / 2,
            hold=length_s / 4,
            repeat=repeat,
            ramp=ramp * length_s,
            recovery=length_s,
        )
        scenarios.append(ls.Scenario(name, profile=profile, steps=system.workflow_steps, after=after))
        after = name
        gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < 20%", "requirement": "spike_errors"})
    # Of all together: what is usual is then known from more than the few seconds before a spike.
    gates.append({"gate": "recovery(http.response_time) < 30s", "requirement": "spike_recovery"})
    if options.instances or options.scale_within:
        within_s = options.scale_within or 60.0
        gate = {"gate": f"enough instances within {within_s:g}s", "kind": "scaling", "settings": {"within_s": within_s}}
        gates.append({**gate, "requirement": "spike_scaling"})


def instance_probes(options: ls.Options) -> list[dict[str, Any]]:
    """The probe that counts instances, where somebody said how; of the reference backend its own page tells them."""
    if options.instances is None:
        names = [INSTANCES, f"{INSTANCES}_needed"]
        own = {"prometheus": "/metrics", "name": "scaler", "metrics": {name: f"loadstone_reference_{name}" for name in names}}
        return [own] if options.url is None and options.scale_within else []
    kind, _, rest = options.instances.partition(":")
    if kind not in KINDS or not rest or (kind != "command" and "#" not in rest):
        what = f"{options.instances!r} says not how they are counted"
        raise ls.UsageError(what, where="option instances", hint="--instances json:http://host/status#status.readyReplicas")
    if kind == "command":
        return [{"command": rest, "metric": INSTANCES}]
    url, _, place = rest.rpartition("#")
    return [{kind: url, "paths" if kind == "json" else "metrics": {INSTANCES: place}}]
