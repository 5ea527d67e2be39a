"""A comparison of runs on one page, and as a document."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from loadstone.judge.beside import Compared
from loadstone.judge.difference import Answer
from loadstone.report.difference_table import ROOMY, Answered, DifferencePart, add_reasons, add_table, counted, part_of
from loadstone.report.sheet import Sheet, Span, Style
from loadstone.report.telling import sound
from loadstone.report.text import Look

SCHEMA: Final = "loadstone.comparison/1"
BANNERS = {
    Answer.WORSE: ("WORSE", Style.BANNER_BAD),
    Answer.BETTER: ("BETTER", Style.BANNER_GOOD),
    Answer.NOT_WORSE: ("NOT WORSE", Style.BANNER_GOOD),
    Answer.CANNOT_TELL: ("CANNOT TELL", Style.BANNER_WARN),
}


class ComparisonDocument(BaseModel):
    """What a comparison of runs came to."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    schema_: Literal["loadstone.comparison/1"] = Field(alias="schema")
    answer: Answered
    exit_code: int
    before: str
    before_runs: list[str] = Field(description="ids, oldest first")
    after: str
    after_runs: list[str]
    refused: str | None = Field(description="why nothing was compared; null when something was")
    differences: list[DifferencePart]
    notices: list[str]


def comparison_document_of(compared: Compared) -> ComparisonDocument:
    """Everything that a comparison tells."""
    found = compared.found
    return ComparisonDocument(
        schema=SCHEMA,
        answer=compared.answer.value,
        exit_code=int(compared.exit_code),
        before=sound(compared.before.name),
        before_runs=[sound(run.name) for run in compared.before.runs],
        after=sound(compared.after.name),
        after_runs=[sound(run.name) for run in compared.after.runs],
        refused=sound(found.refused) or None,
        differences=[part_of(each) for each in found.differences],
        notices=[sound(notice) for notice in found.notices],
    )


def render_comparison_json(document: ComparisonDocument) -> str:
    """The document as text."""
    return json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_comparison(compared: Compared, look: Look) -> str:
    """The page of a comparison."""
    sheet, found = Sheet(look.width, color=look.color, unicode=look.unicode), compared.found
    word, style = BANNERS[compared.answer]
    sheet.rule(Span(f" {word} ", style), f"exit code {int(compared.exit_code)}")
    for title, side in (("before", compared.before), ("after", compared.after)):
        runs = f"  {len(side.runs)} runs" if len(side.runs) != 1 else ""
        sheet.line(Span(f"{title:<8}"), Span(side.name, Style.BOLD), Span(runs, Style.DIM))
    if found.refused:
        sheet.prose(f"Not compared: {found.refused}.", Style.WARN)
    else:
        sheet.prose(f"Of {len(found.differences)} figures: {counted(found.differences)}.")
    if found.differences and not found.refused:
        sees = "; sees: the smallest worsening that shows" if sheet.width >= ROOMY else ""
        sheet.heading("FIGURES", f"what changed, with its interval{sees}")
        add_table(sheet, found.differences, "before", "after")
        sheet.blank()
        add_reasons(sheet, found.differences)
    notices = [notice for notice in found.notices if notice != found.refused]
    if notices:
        sheet.heading("NOTICES")
        for notice in notices:
            sheet.prose(notice, indent="    ", first=Span("  ! ", Style.WARN))
    return str(sheet)
