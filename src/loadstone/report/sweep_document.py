"""The JSON document of a sweep as types: the documents of its levels, and what they come to together."""

from __future__ import annotations

import json
import sys
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.score import EXIT_CODES
from loadstone.judge.sweep import Level, Sweep
from loadstone.plan.levels import number_of
from loadstone.report.document import SCHEMA as RESULT
from loadstone.report.document import Document
from loadstone.report.json_schema import shipped, urn_of
from loadstone.report.telling import document_of, finite, sound

SCHEMA: Final = "loadstone.sweep/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class SweepLevel(_Part):
    """One level and its run."""

    level: str = Field(description="what the knob was set to, as it was written")
    value: FiniteFloat | None = Field(description="the number that the level begins with; null when it is a word")
    result: Document


class SweepDocument(_Part):
    """All levels of a sweep that were run, in order."""

    schema_: Literal["loadstone.sweep/1"] = Field(alias="schema")
    verdict: Literal["pass", "fail", "inconclusive", "untrustworthy", "unreachable", "interrupted"] = Field(description="the worst")
    exit_code: int = Field(description="the worst of all levels, in the order 130, 3, 5, 1, 4, 0")
    knob: str = Field(description="what was varied")
    planned: list[str] = Field(description="the levels that were asked for")
    pause_s: FiniteFloat = Field(description="rest between two levels")
    error_limit: FiniteFloat = Field(description="share of failed requests, 0 to 1, that ends the sweep")
    ended: str | None = Field(description="why not all levels were run; null when they were")
    levels: list[SweepLevel]


def sweep_document_of(sweep: Sweep) -> SweepDocument:
    """Everything that a sweep tells."""
    verdict = next(decision for decision, code in EXIT_CODES.items() if code == sweep.exit_code)
    return SweepDocument(
        schema=SCHEMA,
        verdict=verdict.value,
        exit_code=int(sweep.exit_code),
        knob=sound(sweep.knob),
        planned=[sound(level) for level in sweep.planned],
        pause_s=finite(sweep.pause_s) or 0.0,
        error_limit=finite(sweep.error_limit) or 0.0,
        ended=sound(sweep.ended) or None,
        levels=[level_document(level) for level in sweep.levels],
    )


def level_document(level: Level) -> SweepLevel:
    """One level, told."""
    return SweepLevel(level=sound(level.level), value=finite(number_of(level.level)), result=document_of(level.story))


def render_sweep_json(document: SweepDocument) -> bytes:
    """The document in UTF-8, indented, ended by a newline."""
    return (json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def schema_json() -> str:
    """The JSON schema of `SweepDocument`, as shipped in `schema/sweep-1.json`; for results it names the schema of results."""
    schema = SweepDocument.model_json_schema(by_alias=True, mode="serialization")
    level = schema["$defs"]["SweepLevel"]
    level["properties"]["result"] = {"$ref": urn_of(RESULT)}
    schema["$defs"] = {"SweepLevel": level}
    return shipped(schema, urn_of(SCHEMA))


if __name__ == "__main__":
    sys.stdout.write(schema_json())
