"""The JSON document of a duet as types."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.difference import Difference
from loadstone.judge.duet_outcome import Outcome
from loadstone.report.telling import finite, sound

SCHEMA: Final = "loadstone.duet/1"
Answered = Literal["worse", "better", "not worse", "cannot tell"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Compared(_Part):
    """One figure of B beside that of A."""

    figure: str
    unit: str
    a: FiniteFloat | None
    b: FiniteFloat | None
    ratio: FiniteFloat | None = Field(description="B ÷ A; null without data")
    low: FiniteFloat | None = Field(description="lower end of the ratio's interval; null when open")
    high: FiniteFloat | None
    level: FiniteFloat | None = Field(description="confidence of the interval")
    answer: Answered
    limit: FiniteFloat
    severity: str
    suspected: str = Field(description="the severity that only the point reaches")
    visible: FiniteFloat | None = Field(description="smallest worsening these data could have shown, as a share")
    samples_a: int
    samples_b: int
    reason: str
    method: str


class DuetDocument(_Part):
    """What a duet came to."""

    schema_: Literal["loadstone.duet/1"] = Field(alias="schema")
    answer: Answered
    exit_code: int
    why: str
    a: str
    b: str
    ended: Literal["clear", "pairs", "time", "interrupted"]
    pairs: int
    seconds: FiniteFloat
    users: int = Field(description="at once on an arm in its turn")
    capacity_per_s: FiniteFloat | None = Field(description="measured iterations per second of the slower arm; null when users were given")
    instances: int = Field(description="processes of each target, one after another; 1 for targets that were not started here")
    cpu: FiniteFloat | None = Field(description="mean share of all processors that was busy, 0 to 1")
    more_s: FiniteFloat | None = Field(description="how much longer would probably make it clear")
    seed: int
    figures: list[Compared] = Field(description="those that decide")
    shown: list[Compared] = Field(description="further ones, which decide nothing")
    notices: list[str]


def duet_document_of(outcome: Outcome, seed: int) -> DuetDocument:
    """Everything that a duet tells."""
    facts = outcome.facts
    return DuetDocument(
        schema=SCHEMA,
        answer=outcome.answer.value,
        exit_code=int(outcome.exit_code),
        why=sound(outcome.why),
        a=sound(facts.names["A"]),
        b=sound(facts.names["B"]),
        ended=outcome.ended,  # type: ignore[arg-type]  # pydantic checks it
        pairs=outcome.pairs,
        seconds=facts.seconds,
        users=facts.pace.users,
        capacity_per_s=facts.pace.capacity_per_s,
        instances=facts.restarts + 1,
        cpu=facts.cpu,
        more_s=finite(outcome.more_s) if outcome.more_s is not None else None,
        seed=seed,
        figures=[_compared(difference) for difference in outcome.differences],
        shown=[_compared(difference) for difference in outcome.shown],
        notices=[sound(notice) for notice in outcome.notices],
    )


def render_duet_json(document: DuetDocument) -> str:
    """The document as text."""
    return json.dumps(document.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"


def _compared(difference: Difference) -> Compared:
    effect = difference.effect
    return Compared(
        figure=sound(difference.figure),
        unit=difference.unit,
        a=finite(difference.before),
        b=finite(difference.after),
        ratio=finite(effect.ratio) if effect else None,
        low=finite(effect.low) if effect else None,
        high=finite(effect.high) if effect else None,
        level=effect.level if effect else None,
        answer=difference.answer.value,
        limit=difference.limit,
        severity=difference.severity.value,
        suspected=difference.suspected.value,
        visible=finite(difference.visible),
        samples_a=difference.samples_before,
        samples_b=difference.samples_after,
        reason=sound(difference.reason),
        method=difference.method,
    )
