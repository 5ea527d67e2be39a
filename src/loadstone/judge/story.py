"""A run together with what was judged of it: what every report tells, and what the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadstone.errors import ExitCode
from loadstone.judge.bands import Graded
from loadstone.judge.cause import Cause
from loadstone.judge.failure_patterns import FailurePattern
from loadstone.judge.notices import Notice
from loadstone.judge.per_connection import PerConnection
from loadstone.judge.recommend import Recommendation
from loadstone.judge.recovery import Recovery
from loadstone.judge.scaling import Scaling
from loadstone.judge.score import Decision, Requirement
from loadstone.judge.trust import Trust
from loadstone.judge.verdict import Verdict
from loadstone.measure.event import Event
from loadstone.measure.result import Result
from loadstone.plan.voice import VoiceTargets


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One run and its judgement.

    requirements: name -> what its gates say of it
    recoveries:   what followed each spike of the load
    scalings:     what the target's instances did about each of them; None where nothing counts any
    connection_memory: what each connection costs the target; None where too few came
    voice_targets: rules of thumb for calls; None where nobody said
    tokenizer:    what the plan names for counting tokens; "" where it names none
    events:       what happened meanwhile, in order of time
    score:        gates passed of all gates, in percent; None without gates
    because:      what stands in the way of a release beside the gates: failures that no gate counts, or pressure that was missing
    """

    result: Result
    verdict: Decision
    exit_code: ExitCode
    trust: Trust
    verdicts: tuple[Verdict, ...] = ()
    notices: tuple[Notice, ...] = ()
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    score: float | None = None
    bands: tuple[Graded, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    scalings: tuple[Scaling | None, ...] = ()
    causes: tuple[Cause, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    failure_patterns: tuple[FailurePattern, ...] = ()
    connection_memory: PerConnection | None = None
    events: tuple[Event, ...] = ()
    voice_targets: VoiceTargets | None = None
    tokenizer: str = ""
    because: str = ""
