"""The JSON document of a search for capacity as types."""

from __future__ import annotations

import json
import sys
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.capacity import Capacity, concurrency_and_throughput, latency_of, level_readings
from loadstone.judge.capacity_level import Level
from loadstone.report.json_schema import shipped, urn_of
from loadstone.report.telling import finite, sound
from loadstone.stats.scalability import Scalability

SCHEMA: Final = "loadstone.capacity/1"
CURVE = 33  # points of the law as it is drawn
BEYOND = (1.5, 2.0, 4.0)  # times the greatest concurrency that was measured, for which the law is asked


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class CapacityLevel(_Part):
    """One level that was tried."""

    load: FiniteFloat
    purpose: Literal["ramp", "bracket", "verify"]
    answer: Literal["met", "not met", "unclear", "generator's limit", "host busy", "no data"]
    reason: str | None = Field(description="why it was not met, unclear or spoilt; null when it was met")
    ended_early: bool = Field(description="the level was lost before its time was up")
    seconds: FiniteFloat
    rate: FiniteFloat = Field(description="exchanges per second that were made")
    requests: int
    errors: int
    latency: str = Field(description="metric of the three that follow, in ms; null: too many never came back")
    p50: FiniteFloat | None
    p95: FiniteFloat | None
    p99: FiniteFloat | None
    samples: int
    concurrency: FiniteFloat | None = Field(
        default=None, description="exchanges in the system on average; null for a level that the law is not fitted to"
    )
    finished: FiniteFloat | None = Field(default=None, description="exchanges per second that came back, where there is a concurrency")
    resources: dict[str, FiniteFloat] = Field(description="means of what probes read, where there were any")


class Prediction(_Part):
    """What the law says beyond what was measured."""

    concurrency: FiniteFloat
    rate: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class Law(_Part):
    """The Universal Scalability Law over the levels whose queues stood still."""

    rate: FiniteFloat = Field(description="exchanges per second of one at a time")
    contention: FiniteFloat
    coherency: FiniteFloat
    noise: FiniteFloat = Field(description="deviation of the levels from the law, as a share")
    concurrency_low: FiniteFloat
    concurrency_high: FiniteFloat
    peak_concurrency: FiniteFloat | None = Field(description="null: throughput never falls")
    peak_rate: FiniteFloat | None
    predictions: list[Prediction]
    curve: list[Prediction] = Field(default=[], description="what the law says from the least to twice the greatest concurrency")


class StepDown(_Part):
    """What followed an overload."""

    overload: FiniteFloat
    overload_s: FiniteFloat
    rest_load: FiniteFloat
    recovered_s: FiniteFloat | None = Field(description="null: not in the time that was watched")
    watched_s: FiniteFloat
    again_load: FiniteFloat
    again_met: bool | None = Field(description="false is hysteresis; null: cannot tell")


class BendPart(_Part):
    """The resource that gave in first."""

    resource: str
    load: FiniteFloat
    reason: str


class CapacityDocument(_Part):
    """The answer, and everything it rests on."""

    schema_: Literal["loadstone.capacity/1"] = Field(alias="schema")
    outcome: Literal["found", "at least", "never met", "generator's limit", "cannot tell"]
    exit_code: int
    plan: str
    target: str
    knob: str = Field(description="rate, users or connections")
    unit: str = Field(description="of loads, as it follows a number")
    objectives: list[str]
    not_measured: list[str] = Field(description="those about which no level measured anything; nothing is claimed of them")
    capacity: FiniteFloat | None = Field(description="the middle of the interval; its low end where there is no other")
    low: FiniteFloat | None = Field(description="ends of the interval, widened by what chance does to levels of this length")
    high: FiniteFloat | None
    met: FiniteFloat | None = Field(description="the greatest load that was shown to meet every objective")
    not_met: FiniteFloat | None = Field(description="the least load that was shown not to")
    breaks_first: str | None
    queue_grows: bool
    bends_first: BendPart | None
    per_core: FiniteFloat | None = Field(description="exchanges per second and core of the target")
    law: Law | None
    step_down: StepDown | None
    remarks: list[str]
    ended: str | None = Field(description="why the search stopped before it was done")
    seconds: FiniteFloat
    levels: list[CapacityLevel]


def capacity_document_of(capacity: Capacity) -> CapacityDocument:
    """Everything that a search tells."""
    found, bend, step = capacity.found, capacity.bends_first, capacity.recovery
    return CapacityDocument(
        schema=SCHEMA,
        outcome=found.outcome.value,
        exit_code=int(capacity.exit_code),
        plan=sound(capacity.plan_name),
        target=sound(capacity.target),
        knob=capacity.knob,
        unit=capacity.unit,
        objectives=[sound(each) for each in capacity.objectives],
        not_measured=[sound(each) for each in capacity.not_measured],
        capacity=found.estimate,
        low=found.low,
        high=found.high,
        met=found.met,
        not_met=found.not_met,
        breaks_first=sound(capacity.breaks_first) or None,
        queue_grows=capacity.queue_grows,
        bends_first=BendPart(resource=sound(bend.resource), load=bend.load, reason=bend.reason) if bend else None,
        per_core=capacity.per_core,
        law=_law(capacity.scalability),
        step_down=StepDown(
            overload=step.overload,
            overload_s=step.overload_s,
            rest_load=step.rest_load,
            recovered_s=step.seconds,
            watched_s=step.watched_s,
            again_load=step.again_load,
            again_met=step.again_met,
        )
        if step
        else None,
        remarks=list(found.remarks),
        ended=sound(capacity.ended) or None,
        seconds=capacity.seconds,
        levels=[level_part(level, fitted=level in capacity.sound) for level in capacity.levels],
    )


def level_part(level: Level, *, fitted: bool = False) -> CapacityLevel:
    """One level, told; `fitted` says that the law may be fitted to it."""
    concurrency, finished = (concurrency_and_throughput(level) if fitted else None) or (None, None)
    load, (metric, (p50, p95, p99), samples) = level.story.result.load, latency_of(level)
    return CapacityLevel(
        load=level.seen.load,
        purpose=level.ask.purpose.value,
        answer=level.seen.answer.value,
        reason=sound(level.reason) or None,
        ended_early=level.ended_early,
        seconds=level.story.result.seconds,
        rate=level.rate_per_s,
        requests=load.requests,
        errors=load.errors,
        latency=metric,
        p50=p50,
        p95=p95,
        p99=p99,
        samples=samples,
        concurrency=finite(concurrency),
        finished=finite(finished),
        resources={name: reading.value for name, reading in level_readings(level).items()},
    )


def _law(law: Scalability | None) -> Law | None:
    if law is None:
        return None
    at, rate = law.peak
    low, high = law.span
    shares = (step / (CURVE - 1) for step in range(CURVE))
    return Law(
        rate=law.rate_per_s,
        contention=law.contention,
        coherency=law.coherency,
        noise=law.noise,
        concurrency_low=law.span.low,
        concurrency_high=law.span.high,
        peak_concurrency=finite(at),
        peak_rate=finite(rate),
        predictions=[_foretold(law, high * times) for times in BEYOND],
        curve=[_foretold(law, low + (2 * high - low) * share) for share in shares],
    )


def _foretold(law: Scalability, concurrency: float) -> Prediction:
    low, high = law.interval(concurrency)
    return Prediction(concurrency=concurrency, rate=law.throughput(concurrency), low=low, high=high)


def render_capacity_json(document: CapacityDocument) -> bytes:
    """The document in UTF-8, indented, ended by a newline."""
    return (json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def schema_json() -> str:
    """The JSON schema of `CapacityDocument`, as shipped in `schema/capacity-1.json`."""
    schema = CapacityDocument.model_json_schema(by_alias=True, mode="serialization")
    return shipped(schema, urn_of(SCHEMA))


if __name__ == "__main__":
    sys.stdout.write(schema_json())
