"""A system that runs agents' workflows: response times at rising numbers of users, the throughput of each endpoint, spikes, stress.

`loadstone run workflow`; docs/ready-suites.md tells its options, and how to make it your own.
"""

from typing import Any, NamedTuple

import loadstone as ls
from loadstone.suites.workflow.stress import OPTIONS as STRESS_OPTIONS
from loadstone.suites.workflow.stress import stress

TEXTS = (
    "My invoice is wrong and I want a refund now. The charge is double.",
    "The login page is slow today, and the password mail never comes.",
    "Great product, thanks! Can the report export be scheduled every Monday?",
    "The app crashes with a timeout when we upload more than 200 files.",
)


class Level(NamedTuple):
    """What users may expect while at most so many of them are there.

    think:  between two runs of one user; the more users, the longer, so that 10, 100 and 1,000 users ask for about 50, 100
            and 250 runs a second, and not for a thousand users' worth of an endless loop
    errors: share of requests that may fail
    """

    users: int
    think: str
    times: tuple[str, ...]
    errors: str


LEVELS = (
    Level(10, "100ms..300ms", ("mean(http.response_time{scenario=$}) < 100ms", "p95(http.response_time{scenario=$}) < 200ms"), "1%"),
    Level(100, "500ms..1500ms", ("mean(http.response_time{scenario=$}) < 500ms", "p95(http.response_time{scenario=$}) < 1s"), "5%"),
    Level(1000, "2s..6s", ("mean(http.response_time{scenario=$}) < 2s", "p99(http.response_time{scenario=$}) < 5s"), "20%"),
)


class Endpoint(NamedTuple):
    """An endpoint, how many requests a second it must bear, and how many it is sent: a fifth more, so that the limit can be seen."""

    name: str
    least: int
    steps: list[dict[str, object]]

    @property
    def rate(self) -> float:
        return self.least * 1.2


ENDPOINTS = (
    Endpoint("health", 1000, [{"name": "health", "get": "/health"}]),
    Endpoint("api", 100, [{"name": "api", "get": "/api/items", "params": {"limit": 20}}]),
    Endpoint(
        "workflow",
        50,
        [
            {
                "name": "workflow",
                "post": "/api/workflows/triage/runs",
                "json": {"text": TEXTS[0]},
                "expect": 201,
                "checks": ["json.state == done"],
            }
        ],
    ),
)

PARTS = ("load", "throughput", "spike", "stress")
USUAL = ("load", "throughput")  # without a choice
USUAL_RATE = 2.0  # workflows a second
# name, times the usual load, how often, and how long it takes to get there and back, as a share of the duration
SPIKES = (("spikes 10x", 10, 3, 0.0), ("spikes 100x", 100, 3, 0.0), ("gradual 10x", 10, 1, 0.5))

OPTIONS = (
    ls.Option("only", None, "These parts: load, throughput, spike, stress; several with commas.", kind="parts", choices=PARTS),
    ls.Option("levels", "10,100", "Numbers of users, one level after another."),
    ls.Option("duration", "20s", "How long each level lasts.", kind="duration", least=1),
    ls.Option("throughput-duration", "10s", "How long each endpoint is tried.", kind="duration", least=1),
    ls.Option("load", False, "Only the levels of users."),
    ls.Option("throughput", False, "Only the throughput of the endpoints."),
    ls.Option("spike", False, "Only spikes: 10 times and 100 times the usual load, three in a row each, then a gradual one."),
    *STRESS_OPTIONS,
    ls.Option(
        "url",
        None,
        "The system; without a value http://localhost:8000, without the flag the reference backend.",
        bare="http://localhost:8000",
    ),
)
PRESETS = {
    "quick": {"levels": "10,100", "duration": "7s", "throughput_duration": "4s"},
    "ci": {"levels": "10,100", "duration": "30s", "throughput_duration": "10s"},
    "full": {"levels": "10,100,1000", "duration": "60s", "throughput_duration": "20s"},
    "soak": {"levels": "25", "duration": "1h", "load": True},
    "spike": {"spike": True, "duration": "20s"},
    "stress": {"stress": True, "duration": "20s"},
}


class Operator(ls.User):
    """Has a text worked on, reads what became of it, thinks."""

    @ls.task
    async def run_workflow(self) -> None:
        reply = await self.http.post("/api/workflows/triage/runs", json={"text": self.rng.choice(TEXTS)}, name="run workflow", expect=201)
        if not reply.ok:
            return
        run = reply.json()
        self.check(run["state"] == "done" and "summary" in (run["output"] or {}), "the workflow came to its end")
        if self.rng.random() < 0.25:
            kept = await self.http.get(f"/api/workflows/runs/{run['id']}", name="read run")
            if kept.ok:
                self.check(kept.json()["output"] == run["output"], "the run was kept as it was answered")


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    only = options.only or tuple(part for part in PARTS if getattr(options, part)) or USUAL
    scenarios: list[ls.Scenario] = []
    gates: list[dict[str, Any]] = []
    pressure = None
    if "stress" in only:  # first: pressure begins with the load
        scenarios, gates, pressure = stress(options, workflow=ENDPOINTS[-1].steps, items=ENDPOINTS[1].steps)
    if "load" in only:
        for users in numbers_of_users(options.levels):
            add_level(scenarios, gates, users, options.duration)
    if "throughput" in only:
        for endpoint in ENDPOINTS:
            add_endpoint(scenarios, gates, endpoint, options.throughput_duration)
    if "spike" in only:
        add_spikes(scenarios, gates, options.duration)
    if set(only) & set(USUAL):
        gates.append({"gate": "rate(check.failures) < 1%", "name": "workflows come to their end"})
    return ls.Suite(
        "workflow",
        target=options.url,
        embedded=options.url is None,
        scenarios=scenarios,
        gates=gates,
        baselines={"rules": "workflow"},
        graceful_stop="10s",
        **({"pressure": pressure} if pressure else {}),
    )


def numbers_of_users(text: str) -> list[int]:
    """`10,100` as numbers."""
    try:
        levels = [int(part) for part in text.split(",")]
    except ValueError:
        raise ls.UsageError(f"{text!r} is not a list of numbers of users", where="option levels", hint="10,100,1000") from None
    if min(levels) < 1 or len(set(levels)) != len(levels):
        raise ls.UsageError(f"{text!r}: each level is a number of users of its own, 1 or more", where="option levels", hint="10,100,1000")
    return levels


def add_level(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], users: int, duration_s: float) -> None:
    """So many users, after whatever came before; judged from the moment when all are there."""
    level = next((each for each in LEVELS if users <= each.users), LEVELS[-1])
    name, requirement = f"{users} users", f"load_level_{users}"
    ramp = duration_s / 4
    profile = ls.ramping_users(1, users, ramp, hold=duration_s - ramp)
    scenarios.append(ls.Scenario(name, Operator, profile, think=level.think, warm_up=ramp, after=last(scenarios)))
    gates += [{"gate": text.replace("$", name), "requirement": requirement} for text in level.times]
    gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < {level.errors}", "requirement": requirement})
    gates.append({"gate": f"max(load.users{{scenario={name}}}) >= {users}", "requirement": requirement, "name": "all users at once"})


def add_endpoint(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], endpoint: Endpoint, duration_s: float) -> None:
    """One endpoint at a constant rate."""
    name, requirement = endpoint.name, f"throughput_{endpoint.name}"
    profile = ls.constant_rate(endpoint.rate, duration_s)
    scenarios.append(ls.Scenario(name, profile=profile, steps=endpoint.steps, after=last(scenarios)))
    gates.append({"gate": f"throughput(http.requests{{scenario={name}}}) > {endpoint.least}/s", "requirement": requirement})
    gates.append({"gate": f"p95(http.response_time{{scenario={name}}}) < 1s", "requirement": requirement})
    gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < 1%", "requirement": requirement})


def add_spikes(scenarios: list[ls.Scenario], gates: list[dict[str, Any]], duration_s: float) -> None:
    """Usual load, then so many times as much, each kind of spike after the other; how long it takes to be itself again after each."""
    for name, peak, repeat, ramp in SPIKES:
        profile = ls.spike(
            rate=USUAL_RATE, peak=peak, at=duration_s / 2, hold=duration_s / 4, repeat=repeat, ramp=ramp * duration_s, recovery=duration_s
        )
        scenarios.append(ls.Scenario(name, profile=profile, steps=ENDPOINTS[-1].steps, after=last(scenarios)))
        gates.append({"gate": f"rate(http.errors{{scenario={name}}}) < 20%", "requirement": "spike_errors"})
    gates.append({"gate": "recovery(http.response_time) < 30s", "requirement": "spike_recovery"})


def last(scenarios: list[ls.Scenario]) -> str | None:
    """The scenario that the next one waits for."""
    return scenarios[-1].name if scenarios else None
