"""The JSON report as types: what `--json` prints, what its schema is made from, and what a program may rely on.

Every number is finite; null means that there is no value, never zero. Times are in ms.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt

from loadstone.report.json_schema import shipped, urn_of

SCHEMA: Final = "loadstone.result/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Load(_Part):
    """The load of the judged part, as asked for and as it came to be."""

    target_rate: FiniteFloat | None = Field(description="arrivals per second asked for; null when the plan asks for users")
    achieved_rate: FiniteFloat = Field(
        description="arrivals per second that were begun, or requests per second where the plan asks for users"
    )
    requests: NonNegativeInt
    errors: NonNegativeInt
    dropped: NonNegativeInt = Field(description="arrivals that found no free session within the patience")
    arrivals: NonNegativeInt = Field(description="arrivals that were due")
    asked_arrivals: NonNegativeInt | None = Field(description="arrivals the plan wanted in that time; null when it asks for users")
    users: NonNegativeInt = Field(description="most users or sessions active at once")
    seconds: FiniteFloat = Field(description="length of the judged part")
    warm_up_s: FiniteFloat = Field(description="length of the part before, which is not judged")
    interrupted: bool = Field(description="a person or a signal ended the run before its plan did")
    aborted_by: str | None = Field(description="the gate or stop rule that ended the run early")


class Distribution(_Part):
    """A metric of which every value counts."""

    unit: str
    count: NonNegativeInt = Field(description="values recorded")
    beyond: NonNegativeInt = Field(description="values known only to be longer than anything recorded: time-outs, dropped arrivals")
    mean: FiniteFloat | None = Field(description="of the recorded values; those beyond have none")
    min: FiniteFloat | None
    p50: FiniteFloat | None = Field(description="null when there is no value, or when it falls among those beyond")
    p90: FiniteFloat | None
    p95: FiniteFloat | None
    p99: FiniteFloat | None
    p99_9: FiniteFloat | None
    max: FiniteFloat | None = Field(description="greatest recorded value")
    too_few: dict[str, NonNegativeInt] = Field(
        default_factory=dict, description="percentiles that rest on too few samples, each with the number that it needs"
    )


class Count(_Part):
    """A metric that is a sum."""

    unit: str
    count: int | None
    rate: FiniteFloat | None = Field(description="per second of the judged part")


class Level(_Part):
    """A metric that is sampled now and then."""

    unit: str
    last: FiniteFloat | None
    mean: FiniteFloat | None
    min: FiniteFloat | None
    max: FiniteFloat | None


Figures = Distribution | Count | Level


class Step(_Part):
    """One step of one scenario, with the metrics it recorded."""

    scenario: str
    step: str
    metrics: dict[str, Figures]


class Error(_Part):
    """Exchanges that failed in the same way."""

    kind: str
    step: str
    text: str
    count: NonNegativeInt


class Check(_Part):
    """A named check of the suite, all scenarios together."""

    check: str
    count: NonNegativeInt = Field(description="how often it was evaluated")
    failures: NonNegativeInt = Field(description="how often it did not hold")


class LeakCause(_Part):
    """Why a level of the target leaks, and what speaks for it."""

    cause: str
    evidence: list[str]
    process: str = Field(description="name of the processes that grew; empty when it is not known")
    types: list[str] = Field(description="types of which there are more and more, at most three")
    sites: list[str] = Field(description="lines that allocated what is kept, at most three")


class Gate(_Part):
    """A statement that passed, failed, or lacked data."""

    gate: str
    name: str
    requirement: str
    status: Literal["pass", "fail", "no_data"]
    value: FiniteFloat | None = Field(description="null without data, or when the value is beyond everything recorded")
    beyond: bool = Field(description="the value is longer than anything recorded")
    low: FiniteFloat | None = Field(description="lower end of the 95 % interval of the value, where one can be computed")
    high: FiniteFloat | None = Field(description="upper end of that interval")
    limit: FiniteFloat | None
    unit: str = Field(description="of value and limit")
    samples: NonNegativeInt
    reason: str
    at_s: FiniteFloat | None = Field(description="seconds from the run's start to the moment that decided")
    cause: LeakCause | None = Field(default=None, description="of a leak; null where nothing that tells was read")
    compares: bool = Field(default=False, description="about what a change did: a regression, or a baseline")
    collecting: bool = Field(default=False, description="no data only because the baseline has too few runs so far")


class Requirement(_Part):
    """A named requirement and what its gates say of it."""

    status: Literal["pass", "fail", "no_data"]
    details: list[str] = Field(description="one line per gate")


class Release(_Part):
    """May what was tested go out."""

    answer: Literal["deploy", "hold", "blocked"] = Field(description="hold: passed, but much failed that no gate counts")
    blocking: list[str] = Field(description="names of the gates in the way, failed ones first; the gate itself where it has no name")
    because: str = Field(description="what else is in the way; else empty")


class Band(_Part):
    """How good a value is, between the edges that the plan names."""

    name: str
    value_of: str = Field(description="statistic and metric, as p95(http.response_time)")
    grade: Literal["good", "fair", "concern", "issue", "no_data"]
    value: FiniteFloat | None = Field(description="null without data, or when the value is beyond everything recorded")
    unit: str
    edges: list[str] = Field(description="between the grades, from good to issue")
    reason: str = Field(description="why there is no value; else empty")


class Recovery(_Part):
    """A spike of the load, what followed it, and what the target's instances did about it."""

    began_s: FiniteFloat = Field(description="seconds from the run's start to the begin of the spike")
    ended_s: FiniteFloat
    peak: FiniteFloat = Field(description="the spike's load, in times the usual one")
    recovery_s: FiniteFloat | None = Field(description="from its end until p95 and errors were back; null when they never were")
    instances_before: FiniteFloat | None = Field(description="null, as all that follows, when no probe counts instances")
    instances_most: FiniteFloat | None
    instances_enough: FiniteFloat | None = Field(description="as many as it took")
    reacted_s: FiniteFloat | None = Field(description="from the begin of the spike until there were more instances")
    scaled_s: FiniteFloat | None = Field(description="from the begin of the spike until there were enough; null when never")
    overshoot: FiniteFloat | None = Field(description="instances above enough, at the most")
    undershoot: FiniteFloat | None = Field(description="instances below what was needed, at the most")


class Cause(_Part):
    """A finding that explains why gates failed."""

    kind: str = Field(description="of a closed set, see docs/causes.md")
    subject: str = Field(description="the part, resource or metric; empty for a time")
    text: str = Field(description="one sentence with its numbers")
    evidence: FiniteFloat = Field(description="0 to 1; causes come in its order")
    gates: list[str] = Field(description="the gates that it explains")
    from_s: FiniteFloat | None = Field(description="seconds since the run's start; null for the whole judged part")
    to_s: FiniteFloat | None
    figures: dict[str, FiniteFloat | None] = Field(description="the numbers in the text")


class Recommendation(_Part):
    """One thing to do, and the measurement that asked for it."""

    text: str
    trigger: str = Field(description="the measurement")
    threshold: str = Field(description="from where on it asks for that")
    cause: str = Field(description="kind of the cause")


class TagLift(_Part):
    """How much more often failures come with a tag than without."""

    tag: str
    value: str
    failures: NonNegativeInt
    ratio: FiniteFloat | None
    low: FiniteFloat | None = Field(description="lower end of the 99 % interval of the ratio")
    high: FiniteFloat | None


class FailurePattern(_Part):
    """Failures of one type in one step."""

    kind: str
    step: str
    text: str = Field(description="the most frequent one")
    texts: NonNegativeInt = Field(description="different texts")
    count: NonNegativeInt
    share: FiniteFloat = Field(description="of all failures, 0 to 1")
    timing: Literal["steady", "burst", "at first", "from then on", "periodic", "unknown"]
    from_s: FiniteFloat | None = Field(description="of a stretch, in seconds since the run's start")
    to_s: FiniteFloat | None
    period_s: FiniteFloat | None
    tags: list[TagLift] = Field(description="payloads for which they come more often")


class ConnectionMemory(_Part):
    """Memory of the target for each more open connection, while there were more and more of them."""

    each: FiniteFloat = Field(description="bytes")
    low: FiniteFloat = Field(description="lower end of its 95 % interval")
    high: FiniteFloat
    least: NonNegativeInt = Field(description="connections that were open at first")
    most: NonNegativeInt = Field(description="connections that were open at most")
    counted: str = Field(description="what was counted: connections, or descriptors where connections were not read often enough")


class Event(_Part):
    """Something that happened in the run."""

    at_s: FiniteFloat | None = Field(description="seconds since the run's start; null: the whole run")
    kind: str = Field(description="phase, gate, control, alert, or ended early")
    text: str


class Generator(_Part):
    """How far the load generator itself can be trusted."""

    trust: Literal["ok", "degraded", "untrustworthy"]
    reasons: list[str]
    cpu_percent: FiniteFloat | None = Field(description="mean CPU of a worker process; 100 is one core")
    send_lag_p99_ms: FiniteFloat | None = Field(description="due to sent, waiting for a session included")
    share_p99_ms: FiniteFloat | None = Field(description="the generator's own share: kernel receive to seen by the application")
    loop_lag_p99_ms: FiniteFloat | None
    coalesced_share: FiniteFloat | None = Field(description="share of reads, 0 to 1, whose stamp covers more than one segment")
    kernel_clock: bool
    workers: NonNegativeInt


class Notice(_Part):
    """Something about the measurement that its reader should know."""

    code: str
    text: str
    advice: str


class Origin(_Part):
    """Where the numbers come from."""

    plan: str
    target: str
    started_at: datetime = Field(description="UTC")
    version: str
    python: str
    platform: str
    kernel: str
    cpu: str
    cores: NonNegativeInt
    git_commit: str | None
    seed: int
    command: str
    plan_hash: str
    event_loop: str
    kernel_clock: bool
    clock_resolution_ns: NonNegativeInt
    clock_steps: NonNegativeInt = Field(description="how often the wall clock was set during the run")


class VoiceTargets(_Part):
    """What a good figure of a call is: rules of thumb from the plan, never gates."""

    response_gap_ms: FiniteFloat
    barge_stop_ms: FiniteFloat


class TokenCounting(_Part):
    """Who counted the tokens of a language model's answers."""

    counted_by: Literal["server", "tokenizer", "chunks", "several"] = Field(
        description="server: its usage; chunks: each is taken for one token; several: not the same for all answers"
    )
    tokenizer: str | None = Field(description="as the plan names it; null where no answer was counted by it")
    answers: dict[str, NonNegativeInt] = Field(description="answers by who counted them: server, tokenizer, chunks")


class Document(_Part):
    """One run: verdict, load, metrics and evidence."""

    schema_: Literal["loadstone.result/1"] = Field(alias="schema")
    verdict: Literal["pass", "fail", "inconclusive", "untrustworthy", "unreachable", "interrupted"]
    exit_code: int
    load: Load
    metrics: dict[str, Figures] = Field(description="every metric of the catalogue by name, recorded or not")
    steps: list[Step]
    errors: list[Error]
    checks: list[Check]
    gates: list[Gate]
    requirements: dict[str, Requirement]
    score: FiniteFloat | None = Field(description="gates passed of all gates, in percent; null without gates")
    decision: Release | None = Field(default=None, description="null only in documents of versions that did not tell it")
    bands: list[Band]
    recovery: list[Recovery] = Field(default_factory=list, description="spikes of the load and what followed each")
    causes: list[Cause] = Field(default_factory=list)
    recommendations: list[Recommendation] = Field(default_factory=list)
    failure_patterns: list[FailurePattern] = Field(default_factory=list)
    connection_memory: ConnectionMemory | None = Field(default=None, description="null where too few connections came")
    voice_targets: VoiceTargets | None = Field(default=None, description="null only in documents of versions that did not tell it")
    token_counting: TokenCounting | None = Field(default=None, description="null where no answer of a language model was counted")
    events: list[Event] = Field(default_factory=list, description="in order of time")
    generator: Generator
    notices: list[Notice]
    provenance: Origin


def schema_json() -> str:
    """The JSON schema of `Document`, as shipped in `schema/result-1.json`."""
    schema = Document.model_json_schema(by_alias=True, mode="serialization")
    return shipped(schema, urn_of(SCHEMA))


if __name__ == "__main__":
    sys.stdout.write(schema_json())
