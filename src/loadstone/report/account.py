"""What a command that is more than one run came to, as every report is given it: a search, a sweep, a duet, a comparison, …

A run is `Told`; a report that is made of either takes `Told | Account`, and there is one table of formats for both (`file_names`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from loadstone.charts.figures.across import Chart

if TYPE_CHECKING:
    from loadstone.report.text import Look

Subject = Literal["capacity", "sweep", "duet", "comparison", "trend", "monitor"]
Tone = Literal["good", "bad", "warn", "dim", ""]


class Line(NamedTuple):
    """One number of a tidy table; the fields are the columns."""

    time_s: float | None
    metric: str
    tags: str
    statistic: str
    value: float
    unit: str


class Case(NamedTuple):
    """One line of a test report.

    outcome: empty when it passed; else the element that says why not: failure, error or skipped
    """

    name: str
    of: str
    outcome: str = ""
    type: str = ""
    message: str = ""
    details: tuple[str, ...] = ()


class Cell(NamedTuple):
    """A text of a table."""

    text: str
    tone: Tone = ""


class Fact(NamedTuple):
    """One number with its name."""

    name: str
    text: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title; the first column names them, `words` are further columns of text, the others hold numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    words: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """The answer and everything that it rests on.

    title, target: what it is about, in the user's words
    word, answer:  the answer in a word, and in a sentence
    began:         None where nobody knows
    remarks:       what a reader should know before believing it
    cases:         for services that show tests
    document:      as JSON, under its own schema
    page:          the page that the command prints
    """

    subject: Subject
    title: str
    target: str
    word: str
    tone: Tone
    answer: str
    exit_code: int
    began: datetime | None
    cases: Sequence[Case]
    lines: Sequence[Line]
    document: bytes
    page: Callable[[Look], str]
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    remarks: Sequence[str] = ()
