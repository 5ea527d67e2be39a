"""A comparison of runs and a duet of targets as accounts: each figure with its change, the interval of it and what is tolerated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from loadstone.charts.figures.across import Bar, Changes
from loadstone.judge.beside import Compared
from loadstone.judge.difference import GRAVEST, Answer, Difference, Severity
from loadstone.judge.duet_outcome import Outcome
from loadstone.measure.catalogue import Catalogue
from loadstone.report.account import Account, Case, Cell, Fact, Table, Tone
from loadstone.report.comparison import comparison_document_of, render_comparison, render_comparison_json
from loadstone.report.csv import difference_lines
from loadstone.report.difference_table import change, counted, interval, part_of, value
from loadstone.report.duet_document import duet_document_of, render_duet_json
from loadstone.report.duet_text import BANNERS, measured, render_duet
from loadstone.report.junit import answered
from loadstone.units import format_count, format_duration, format_share

TONES: dict[Answer, Tone] = {Answer.WORSE: "bad", Answer.BETTER: "good", Answer.NOT_WORSE: "good", Answer.CANNOT_TELL: "warn"}
COLOURS = {Answer.WORSE: "bad", Answer.BETTER: "good", Answer.NOT_WORSE: "1", Answer.CANNOT_TELL: "warn"}
MOST_BARS = 14


def account_of_comparison(compared: Compared, began: datetime | None = None) -> Account:
    """What `loadstone compare` came to for every report."""
    found = compared.found
    said = f"Not compared: {found.refused}." if found.refused else f"Of {len(found.differences)} figures: {counted(found.differences)}."
    refused = [answered("comparison", "comparison", "cannot tell", found.refused)] if found.refused or not found.differences else []
    return Account(
        "comparison",
        f"{compared.after.name} beside {compared.before.name}",
        "",
        compared.answer.value.capitalize(),
        TONES[compared.answer],
        said,
        int(compared.exit_code),
        began,
        [*refused, *_cases(found.differences, "comparison")],
        list(difference_lines(map(part_of, found.differences))),
        render_comparison_json(comparison_document_of(compared)).encode(),
        lambda look: render_comparison(compared, look),
        [
            Fact("Before", compared.before.name, _runs(len(compared.before.runs))),
            Fact("After", compared.after.name, _runs(len(compared.after.runs))),
        ],
        list(_tables(found.differences, (), "before", "after")),
        list(_charts(found.differences)),
        [notice for notice in found.notices if notice != found.refused],
    )


def account_of_duet(outcome: Outcome, seed: int, began: datetime | None = None) -> Account:
    """What `loadstone duet` came to for every report."""
    names, facts = outcome.facts.names, outcome.facts
    found = [Fact("Pairs", format_count(outcome.pairs), f"in {format_duration(facts.seconds)}")]
    if facts.pace.users:
        found.append(Fact("Users at once", format_count(facts.pace.users), "on an arm in its turn"))
    if facts.cpu is not None:
        found.append(Fact("Processors busy", f"{facts.cpu:.0%}"))
    differences = [*outcome.differences, *outcome.shown]
    return Account(
        "duet",
        f"B {names.get('B', '')} beside A {names.get('A', '')}",
        "",
        BANNERS[outcome.answer][0].capitalize().replace("b is", "B is"),
        TONES[outcome.answer],
        outcome.why or f"Of {len(outcome.differences)} figures: {counted(outcome.differences)}.",
        int(outcome.exit_code),
        began,
        [answered("duet", "duet", outcome.answer.value, outcome.why), *_cases(outcome.differences, "duet")],
        list(difference_lines(map(part_of, differences))),
        render_duet_json(duet_document_of(outcome, seed)).encode(),
        lambda look: render_duet(outcome, look),
        found,
        [*_tables(outcome.differences, outcome.shown, "A", "B"), Table("Measured", ("",), [(Cell(line),) for line in measured(outcome)])],
        list(_charts(differences)),
        list(outcome.notices),
    )


def _runs(count: int) -> str:
    return "" if count == 1 else f"{count} runs"


def _cases(differences: Sequence[Difference], of: str) -> Iterator[Case]:
    for each in differences:
        yield answered(each.figure, of, each.answer.value, each.reason)


def _ordered(differences: Sequence[Difference]) -> list[Difference]:
    return sorted(differences, key=lambda each: GRAVEST.index(each.answer))


def _tables(differences: Sequence[Difference], shown: Sequence[Difference], before: str, after: str) -> Iterator[Table]:
    rows = [_row(each) for each in _ordered(differences)]
    rows += [[*_row(each)[:-1], Cell("not judged", "dim")] for each in shown]
    if rows:
        columns = ("figure", before, after, "change", "interval", "limit", "answer")
        note = f"the gravest first; change and interval are of {after} against {before}"
        yield Table("Figures", columns, rows, note, frozenset({6}))
    reasons: dict[str, list[str]] = {}
    for each in _ordered(differences):
        if each.answer is not Answer.NOT_WORSE and each.reason:
            reasons.setdefault(each.reason, []).append(each.figure)
    if reasons:
        told = [(Cell(", ".join(figures)), Cell(reason)) for reason, figures in reasons.items()]
        yield Table("Why", ("figure", "reason"), told, words=frozenset({1}))


def _row(each: Difference) -> list[Cell]:
    answer = each.answer.value
    if each.severity is not Severity.NONE:
        answer += f", {each.severity}"
    elif each.suspected is not Severity.NONE:
        answer += f", {each.suspected} suspected"
    values = (value(each.before, each.unit), value(each.after, each.unit), change(each), interval(each), format_share(each.limit))
    return [Cell(each.figure), *map(Cell, values), Cell(answer, TONES[each.answer])]


def _worse_way(each: Difference) -> int:
    """1 where more is worse, -1 where less is; 0 where neither, or nobody knows."""
    metric = Catalogue().get(re.split(r"[{)]", each.figure.partition("(")[2])[0])
    return {"lower": 1, "higher": -1}.get(metric.better, 0) if metric is not None else 1 if each.figure.startswith("errors") else 0


def _charts(differences: Sequence[Difference]) -> Iterator[Changes]:
    bars = []
    for each in _ordered(differences):
        effect = each.effect
        if effect is None or not math.isfinite(effect.ratio) or (effect.low <= 0 and math.isinf(effect.high)):
            continue
        limit = 0.0 if each.answer is Answer.BETTER else each.limit * _worse_way(each)
        text = f"{change(each)} ({interval(each)})"
        bars.append(Bar(each.figure, effect.ratio - 1, effect.low - 1, effect.high - 1, limit, COLOURS[each.answer], text))
    if bars:
        yield Changes(
            "changes", "Changes, with their intervals" + ("" if len(bars) <= MOST_BARS else f": the gravest {MOST_BARS}"), bars[:MOST_BARS]
        )
