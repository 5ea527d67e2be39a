"""Short runs against the reference backend with one known fault each, and what a right cause is for it."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadstone.judge.cause import Cause, CauseKind
from loadstone.judge.story import Story
from loadstone.plan.model import Plan
from loadstone.reference.process import ReferenceProcess
from loadstone.run import execute

POOL = {"json": "/stats", "paths": {"pool_waiting": "pool.waiting"}}
OWN_PID = "$PID"  # of the backend, which is not known before it runs
SLOW, WRONG = "p95(http.response_time) < 60ms", "rate(http.errors) < 1%"
ITEMS = {"name": "items", "get": "/api/items", "params": {"limit": 5}}
ASK = {"name": "ask", "post": "/api/ask", "json": {"question": "how late?"}}
HEALTH = {"name": "health", "get": "/health"}
WORK = {"post": "/api/workflows/triage/runs", "expect": 201}
WRITING = (
    {**WORK, "name": "triage", "json": {"text": "the login page is slow"}, "tags": {"agent": "writer"}},
    {**WORK, "name": "tagging", "post": "/api/workflows/tagging/runs", "json": {"text": "refund"}, "tags": {"agent": "writer"}},
)
LOOKING = ({**ITEMS, "tags": {"agent": "reader"}}, {**ASK, "tags": {"agent": "reader"}})
TOOLS = (
    {**WORK, "name": "quick tool", "json": {"text": "the login page is slow"}, "tags": {"tool": "calculator"}},
    {**WORK, "name": "slow tool", "json": {"text": "the login page is slow", "tool_delay": "90ms"}, "tags": {"tool": "search"}},
    {**ITEMS, "tags": {"tool": "calculator"}},
)


@dataclass(frozen=True, slots=True)
class KnownFault:
    """A fault, the load it is looked for under, and which causes are right.

    flags: of the reference backend
    right: is this cause the fault?
    descriptors: how many the backend may have open; None leaves its limit
    more:  further settings of the plan
    needs: a program that must be installed; empty when none is needed
    """

    name: str
    flags: Sequence[str]
    right: Callable[[Cause], bool]
    gates: Sequence[str] = (SLOW, WRONG)
    profile: Mapping[str, Any] = field(default_factory=lambda: {"rate": "40/s", "duration": "20s"})
    steps: Sequence[Mapping[str, Any]] = (ITEMS, ASK, HEALTH)
    probes: Sequence[Any] = ()
    descriptors: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""


def is_kind(*kinds: CauseKind, subject: str = "") -> Callable[[Cause], bool]:
    """Is the cause of one of these kinds, and about this?"""
    return lambda one: one.kind in kinds and subject in one.subject


def either(*rights: Callable[[Cause], bool]) -> Callable[[Cause], bool]:
    """Is one of them right?"""
    return lambda one: any(right(one) for right in rights)


def in_time(kind: CauseKind, from_s: float, to_s: float) -> Callable[[Cause], bool]:
    """Is the cause of this kind, and does its time meet the fault's, give or take the seconds of a start?"""
    return lambda one: one.kind is kind and (one.from_s or 0.0) <= to_s + 2 and (one.to_s or 0.0) >= from_s - 2


K = CauseKind
HEALTHY = KnownFault("no fault, a limit that is kept", (), lambda _: False)
UNEXPLAINED = KnownFault(
    "no fault, a limit below what is usual", (), lambda _: False, gates=("p50(http.response_time) < 200us",), steps=(ITEMS,)
)
FAULTS = (
    KnownFault("stall of 4 s", ("--stall", "4s@12s"), in_time(K.STALL, 8, 16)),
    KnownFault("latency of one step", ("--latency", "90ms", "--fault", "paths=/api/ask"), is_kind(K.PART, subject="step=ask")),
    KnownFault("errors of one step", ("--error-rate", "20%", "--fault", "paths=/api/items"), is_kind(K.PART, subject="step=items")),
    KnownFault("capacity below the load", ("--capacity", "60/s"), is_kind(K.OVERLOAD)),
    KnownFault("capacity and a short queue", ("--capacity", "60/s", "--fault", "queue=3"), is_kind(K.PUSHBACK, subject="503")),
    KnownFault(
        "pool exhausted",
        ("--fault", "pool=2", "--fault", "pool_hold=60ms", "--fault", "pool_wait=300ms"),
        either(is_kind(K.SATURATED, subject="pool"), is_kind(K.PUSHBACK, subject="503")),
        probes=(POOL,),
    ),
    KnownFault("drift of latency", ("--fault", "drift=300ms/m"), is_kind(K.RISING)),
    KnownFault(
        "instances that start late",
        (
            "--fault",
            "instances=1-8",
            "--fault",
            "scale=queue:4",
            "--fault",
            "scale_every=1s",
            "--fault",
            "scale_delay=4s",
            "--latency",
            "5ms",
        ),
        either(is_kind(K.LOAD_RISE), is_kind(K.SINCE)),
        gates=("p95(http.response_time) < 400ms",),
        profile={"stages": [{"duration": "8s", "rate": "5/s", "shape": "step"}, {"duration": "16s", "rate": "60/s", "shape": "step"}]},
        steps=(ITEMS,),
    ),
    KnownFault(
        "growth of memory",
        ("--leak", "400kB"),
        is_kind(K.GROWTH),
        gates=("growth(target.memory) < 20MB",),
        profile={"rate": "20/s", "duration": "24s"},
        probes=({"process": OWN_PID},),
    ),
    KnownFault(
        "latency of one agent",
        ("--latency", "90ms", "--fault", "paths=/api/workflows"),
        is_kind(K.PART, subject="agent=writer"),
        steps=(*WRITING, *LOOKING),
    ),
    KnownFault("latency of one tool", (), is_kind(K.PART, subject="tool=search"), steps=TOOLS),
    KnownFault(
        "out of descriptors",
        ("--latency", "100ms"),
        is_kind(K.SATURATED, subject="descriptors"),
        gates=("p95(http.response_time) < 400ms", WRONG),
        profile={"stages": [{"duration": "10s", "users": 5, "shape": "step"}, {"duration": "12s", "users": 60, "shape": "step"}]},
        steps=(ITEMS,),
        probes=({"process": OWN_PID},),
        descriptors=48,
        more={"http": {"timeouts": {"total": "2s"}}},
    ),
    KnownFault(
        "CPU pressure by others",
        (),
        either(is_kind(K.SATURATED, subject="machine.cpu"), is_kind(K.SATURATED, subject="machine.pressure")),
        gates=("p95(http.response_time) < 10ms", WRONG),
        probes=("machine",),
        more={"pressure": {"cpu": 32, "start": "8s", "for": "8s"}},
        needs="stress-ng",
    ),
)


def plan_of(fault: KnownFault, url: str, pid: int) -> Plan:
    """The plan of one run."""
    scenario = {"profile": dict(fault.profile), "steps": [dict(step) for step in fault.steps], "warm_up": "1s"}
    probes = [{"process": pid} if probe == {"process": OWN_PID} else probe for probe in fault.probes]
    asked: dict[str, Any] = {"target": url, "scenarios": {"load": scenario}, "probes": probes, "gates": list(fault.gates)}
    return Plan.model_validate(asked | {"allow_unreached": True, "name": fault.name} | dict(fault.more))


def run_fault(fault: KnownFault) -> Story:
    """One run of a fault, 20 s and a start."""
    with ReferenceProcess(*fault.flags) as backend:
        if fault.descriptors is not None:
            resource.prlimit(backend.pid, resource.RLIMIT_NOFILE, (fault.descriptors, fault.descriptors))
        return execute(plan_of(fault, backend.url, backend.pid))
