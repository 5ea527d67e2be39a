"""The JSON document of a duet as types."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.duet_outcome import Outcome
from loadstone.report.difference_table import Answered, DifferencePart, part_of
from loadstone.report.telling import finite, sound

SCHEMA: Final = "loadstone.duet/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class DuetDocument(_Part):
    """What a duet came to."""

    schema_: Literal["loadstone.duet/1"] = Field(alias="schema")
    answer: Answered
    exit_code: int
    why: str
    before: str = Field(description="name of A")
    after: str = Field(description="name of B")
    ended: Literal["clear", "futile", "pairs", "time", "interrupted"]
    pairs: int
    seconds: FiniteFloat
    users: int = Field(description="at once on an arm in its turn; 0 for functions")
    capacity_per_s: FiniteFloat | None = Field(description="measured iterations per second of the slower arm; null when users were given")
    instances: int = Field(description="processes of each target, one after another; 1 for targets that were not started here")
    cpu: FiniteFloat | None = Field(description="mean share of all processors that was busy, 0 to 1")
    more_s: FiniteFloat | None = Field(description="how much longer would probably make it clear")
    seed: int
    differences: list[DifferencePart] = Field(description="those that decide")
    shown: list[DifferencePart] = Field(description="further ones, which decide nothing")
    notices: list[str]


def duet_document_of(outcome: Outcome, seed: int) -> DuetDocument:
    """Everything that a duet tells."""
    facts = outcome.facts
    return DuetDocument(
        schema=SCHEMA,
        answer=outcome.answer.value,
        exit_code=int(outcome.exit_code),
        why=sound(outcome.why),
        before=sound(facts.names["A"]),
        after=sound(facts.names["B"]),
        ended=outcome.ended,  # type: ignore[arg-type]  # pydantic checks it
        pairs=outcome.pairs,
        seconds=facts.seconds,
        users=facts.pace.users,
        capacity_per_s=facts.pace.capacity_per_s,
        instances=facts.restarts + 1,
        cpu=facts.cpu,
        more_s=finite(outcome.more_s) if outcome.more_s is not None else None,
        seed=seed,
        differences=[part_of(difference) for difference in outcome.differences],
        shown=[part_of(difference) for difference in outcome.shown],
        notices=[sound(notice) for notice in outcome.notices],
    )


def render_duet_json(document: DuetDocument) -> str:
    """The document as text."""
    return json.dumps(document.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"
