"""The summary for people: the verdict first, then its evidence, on one page for a simple run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import TextIO

from loadstone.judge.story import Story
from loadstone.report.account import Account
from loadstone.report.document import Document
from loadstone.report.sheet import Sheet, Span, Style
from loadstone.report.telling import document_of
from loadstone.report.text_causes import failure_patterns, recommendations, why_failed
from loadstone.report.text_evidence import checks, errors, generator, load, notices, own_metrics, provenance
from loadstone.report.text_latency import other_times, response_times
from loadstone.report.text_llm import language_model
from loadstone.report.text_recovery import recovery
from loadstone.report.text_target import target
from loadstone.report.text_verdict import bands, decision, gates, headline, requirements
from loadstone.report.text_voice import voice
from loadstone.report.text_websocket import websockets
from loadstone.report.told import Told

NARROWEST, FILE_WIDTH, WIDEST = 80, 100, 160
BLOCKS = (
    headline,
    gates,
    requirements,
    decision,
    bands,
    why_failed,
    recommendations,
    load,
    language_model,
    voice,
    websockets,
    response_times,
    other_times,
    own_metrics,
    target,
    recovery,
    errors,
    failure_patterns,
    checks,
    generator,
    notices,
    provenance,
)
Block = Callable[[Document, Sheet], None]
VIEWS: Mapping[str, Sequence[Block]] = {
    "regression": (headline, why_failed, notices, provenance),
    "decision": (headline, gates, requirements, decision, why_failed, recommendations, generator, notices, provenance),
    "trend": (headline, notices, provenance),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a page may be drawn on a stream."""

    width: int = NARROWEST
    color: bool = False
    unicode: bool = True


def look_of(stream: TextIO, environment: Mapping[str, str] = os.environ, *, plain: bool = False) -> Look:
    """What the stream can show: colour only on a terminal and without NO_COLOR, Unicode only where the encoding has it.

    plain: no colour, whatever it can show
    """
    terminal = stream.isatty()
    color = terminal and not plain and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    unicode = (stream.encoding or "ascii").lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}
    width = get_terminal_size((NARROWEST, 24)).columns if terminal else NARROWEST
    return Look(min(width, WIDEST), color, unicode)


def render_text(story: Story, width: int = NARROWEST, color: bool = False, *, unicode: bool = True) -> str:
    """The page for a run that was just judged."""
    return render_page(document_of(story), Look(width, color, unicode))


def render_file(told: Told | Account) -> bytes:
    """The report `text`: the page for a file, without colour."""
    if isinstance(told, Account):
        return told.page(Look(FILE_WIDTH)).encode()
    return render_view(told, Look(FILE_WIDTH)).encode()


def render_view(told: Told, look: Look) -> str:
    """The page of a run, with the parts that its view wants; what could not be read is named at its end."""
    from loadstone.report.comparison import render_comparison
    from loadstone.report.trend import render_trend

    pages = [render_page(told.document, look, VIEWS.get(told.view, BLOCKS), told.damage)]
    if told.compared is not None:
        pages.insert(0, render_comparison(told.compared, look))
    pages[:0] = [render_trend(figure, trend, look) for figure, trend in told.trends.items()]
    return "\n".join(pages)


def render_page(document: Document, look: Look, blocks: Sequence[Block] = BLOCKS, damage: Sequence[str] = ()) -> str:
    """The page for a document, be it of this run or read back from a file."""
    sheet = Sheet(look.width, color=look.color, unicode=look.unicode)
    for block in blocks:
        block(document, sheet)
    if damage:
        sheet.heading("DAMAGE", "what could not be read")
        for line in damage:
            sheet.prose(line, indent="    ", first=Span("  ! ", Style.WARN))
    return str(sheet)
