"""A run as Markdown for a job summary or a comment: the verdict, what got worse, by how much, how sure; then gates and causes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from loadstone.judge.difference import Answer, Difference
from loadstone.judge.verdict import show_value
from loadstone.measure.catalogue import FLOORED
from loadstone.measure.plain_text import plain
from loadstone.report.account import Account, Table
from loadstone.report.difference_table import change, interval
from loadstone.report.difference_table import value as shown
from loadstone.report.document import Distribution, Gate
from loadstone.report.html.gate_bar import interval as sure_between
from loadstone.report.html.gate_bar import limit_text, value_text
from loadstone.report.text_verdict import BANNERS, margin, why
from loadstone.report.told import Told
from loadstone.units import format_count, format_duration, format_rate, format_share

MOST_BYTES = 60_000  # a comment has room for 65,536 characters
MOST_ROWS, MOST_CAUSES, MOST_NOTICES = 40, 4, 6
MARKS = {"pass": "✅", "fail": "❌", "no_data": "❔"}
ANSWERS = {Answer.WORSE: "❌ worse", Answer.BETTER: "✅ better", Answer.NOT_WORSE: "✅ not worse", Answer.CANNOT_TELL: "❔ cannot tell"}
Lines = Iterator[str]
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&]|^[-+#=])")
_MENTION = re.compile(r"@(?=\w)")


def render_markdown(told: Told | Account) -> bytes:
    """The parts that the view wants, each after an empty line; cut, and said to be, where a comment would be too long."""
    blocks = [_account(told)] if isinstance(told, Account) else [block(told) for block in VIEWS[told.view]]
    text = "\n\n".join(part for block in blocks if (part := "\n".join(block))) + "\n"
    data = text.encode()
    if len(data) <= MOST_BYTES:
        return data
    whole = data[:MOST_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]
    return f"{whole}\n\n… cut here; the other reports have all of it\n".encode()


def escaped(text: str, most: int = 300) -> str:
    """A text from outside that Markdown shows as it is: no markup, no HTML, no mention of a person, one line."""
    safe = _SPECIAL.sub(r"\\\1", plain(text, most)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    return _MENTION.sub("@\u200b", safe).replace("://", ":\u200b//")


def _headline(told: Told) -> Lines:
    run = told.document
    word = BANNERS[run.verdict][0]
    mark = "✅" if run.verdict == "pass" else "❌" if run.verdict in {"fail", "unreachable"} else "⚠️"
    yield f"## {mark} {word}: {escaped(run.provenance.plan)}"
    yield ""
    score = "" if run.score is None else f" Score {format_count(round(run.score, 1))}%."
    yield f"{escaped(why(run), 600)}{score}"


def _worse(told: Told) -> Lines:
    """What got worse, by how much, and how sure that is."""
    if told.compared is None:
        yield from _worse_gates(told)
        return
    found = told.compared.found
    yield f"### {ANSWERS[told.compared.answer]}: beside {escaped(told.compared.before.name)}"
    yield ""
    if found.refused:
        yield f"Not compared: {escaped(found.refused)}."
        return
    judged = [each for answer in (Answer.WORSE, Answer.BETTER, Answer.CANNOT_TELL) for each in found.differences if each.answer is answer]
    same = len(found.differences) - len(judged)
    yield from _table(("figure", "before", "after", "change", "sure between", "limit", "answer"), [_difference(each) for each in judged])
    if same:
        yield f"{same} of {len(found.differences)} figures did not get worse."


def _worse_gates(told: Told) -> Lines:
    gates = [gate for gate in told.document.gates if gate.compares and gate.status == "fail"]
    if gates:
        yield "### What got worse"
        yield ""
        yield from (f"- {escaped(gate.gate)}: {escaped(gate.reason, 600)}" for gate in gates)


def _difference(each: Difference) -> list[str]:
    effect = each.effect
    sure = f"{interval(each)} ({effect.level:.0%})" if effect is not None else "—"
    severity = f" ({each.severity.value})" if each.severity.value else ""
    values = (shown(each.before, each.unit), shown(each.after, each.unit), change(each), sure, format_share(each.limit))
    return [f"`{_code(each.figure)}`", *values, f"{ANSWERS[each.answer]}{severity}"]


def _gates(told: Told) -> Lines:
    gates = sorted(told.document.gates, key=lambda gate: ("fail", "no_data", "pass").index(gate.status))
    if not gates:
        return
    passed = sum(gate.status == "pass" for gate in gates)
    yield f"### Gates: {passed} of {len(gates)} hold"
    yield ""
    yield from _table(("", "gate", "value", "95% interval", "limit", "margin"), [_gate(gate) for gate in gates])


def _gate(gate: Gate) -> list[str]:
    why_not = f"<br>{escaped(gate.reason)}" if gate.status == "no_data" else ""
    name = f"{escaped(gate.name)}: " if gate.name else ""
    return [
        MARKS[gate.status],
        f"{name}`{_code(gate.gate)}`{why_not}",
        value_text(gate),
        sure_between(gate) or "—",
        limit_text(gate),
        margin(gate),
    ]


def _requirements(told: Told) -> Lines:
    found = told.document.requirements
    if found:
        yield "### Requirements"
        yield ""
        yield from (f"- {MARKS[each.status]} {escaped(name)}" for name, each in found.items())


def _decision(told: Told) -> Lines:
    decision = told.document.decision
    if decision is None or not told.document.gates:
        return
    by = escaped(decision.because or ", ".join(decision.blocking), 600)
    yield f"**Decision: {decision.answer}**{f', because of {by}' if by else ''}."


def _causes(told: Told) -> Lines:
    causes = told.document.causes[:MOST_CAUSES]
    if causes:
        yield "### Why"
        yield ""
        yield from (f"- {escaped(cause.text, 600)} (evidence {cause.evidence:.2f})" for cause in causes)
    if told.document.recommendations:
        yield ""
        yield "### What to do"
        yield ""
        yield from (f"- {escaped(each.text, 600)}" for each in told.document.recommendations[:MOST_CAUSES])


def _figures(told: Told) -> Lines:
    rows = []
    for name, found in told.document.metrics.items():
        if isinstance(found, Distribution) and (found.count or found.beyond) and not name.startswith(("generator.", "load.", "iteration.")):
            values = (_statistic(found, each, floors=name.startswith(FLOORED)) for each in ("p50", "p95", "p99", "max"))
            rows.append([f"`{_code(name)}`", format_count(found.count + found.beyond), *values])
    if rows:
        load = told.document.load
        rate = f" ({format_rate(load.requests / load.seconds)})" if load.seconds else ""
        counts = f"{format_count(load.requests)} requests{rate}, {format_count(load.errors)} failed"
        yield f"<details><summary>{format_duration(load.seconds)}: {counts}</summary>"
        yield ""
        yield from _table(("metric", "samples", "p50", "p95", "p99", "max"), rows)
        yield ""
        yield "</details>"


def _trends(told: Told) -> Lines:
    for figure, trend in told.trends.items():
        yield f"### {ANSWERS[trend.answer]}: `{_code(figure)}`"
        yield ""
        for history in trend.histories:
            yield f"- {escaped(history.machine)}, {len(history.runs)} runs: {escaped(history.reason, 600)}."
            for each in history.changes:
                began = f"{each.started:%Y-%m-%d %H:%M} UTC, " if each.started else ""
                sure = f"{each.effect.low - 1:+.1%} to {each.effect.high - 1:+.1%}, confidence {each.confidence:.1%}"
                yield f"  - {began}run {escaped(each.run)} {escaped(each.commit[:9])}: {each.effect.ratio - 1:+.1%} ({sure})"
        yield ""


def _notices(told: Told) -> Lines:
    lines = [f"- damaged: {escaped(line)}" for line in told.damage]
    lines += [f"- {escaped(notice.text)}. {escaped(notice.advice)}" for notice in told.document.notices[:MOST_NOTICES]]
    if lines:
        yield "### Notices"
        yield ""
        yield from lines


def _origin(told: Told) -> Lines:
    origin = told.document.provenance
    commit = f", commit `{_code(origin.git_commit[:9])}`" if origin.git_commit else ""
    run = f"Run `{_code(told.run_id)}`, " if told.run_id else "Run "
    target = f", target `{_code(origin.target)}`" if origin.target else ""
    yield f"<sub>{run}began {origin.started_at:%Y-%m-%d %H:%M} UTC{commit}{target}, Loadstone {escaped(origin.version)}</sub>"


def _account(account: Account) -> Lines:
    """The answer, the first table, and the others for those who ask."""
    mark = {"good": "✅", "bad": "❌"}.get(account.tone, "⚠️")
    yield f"## {mark} {escaped(account.word)}: {escaped(account.title)}"
    yield ""
    yield escaped(account.answer, 600)
    if account.remarks:
        yield ""
    for line in account.remarks[:MOST_NOTICES]:
        yield f"- {escaped(line, 600)}"
    for number, table in enumerate(account.tables):
        yield ""
        yield f"### {escaped(table.title)}" if not number else f"<details><summary>{escaped(table.title)}</summary>"
        yield ""
        yield from _table_of(table)
        if number:
            yield ""
            yield "</details>"
    began = f", began {account.began:%Y-%m-%d %H:%M} UTC" if account.began else ""
    target = f", target `{_code(account.target)}`" if account.target else ""
    yield ""
    yield f"<sub>{account.subject.capitalize()}{began}{target}, exit code {account.exit_code}</sub>"


def _table_of(table: Table) -> Lines:
    titles = [escaped(title) for title in table.columns]
    rows = [[escaped(cell.text) or " " for cell in row] for row in table.rows]
    if table.note:
        yield escaped(table.note)
        yield ""
    yield from _table(titles, rows)


def _statistic(found: Distribution, name: str, *, floors: bool) -> str:
    """As the page for terminals has it: `~` before one of too few samples, `>` before what is longer than anything recorded.

    floors: say "too few" in the place of such a value
    """
    if floors and name in found.too_few:
        return "too few"
    value = getattr(found, name)
    if found.beyond and (value is None or name == "max"):
        return "beyond" if found.max is None else f">{show_value(found.max, found.unit)}"
    if value is None:
        return "—"
    return f"{'~' if name in found.too_few else ''}{show_value(value, found.unit)}"


def _code(text: str) -> str:
    """Inside backticks nothing is markup but the backtick, and in a table the bar."""
    return plain(text, 200).replace("`", "'").replace("|", "\\|")


def _table(titles: Iterable[str], rows: list[list[str]]) -> Lines:
    if not rows:
        return
    titles = list(titles)
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    yield from (f"| {' | '.join(row)} |" for row in rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield ""
        yield f"… and {len(rows) - MOST_ROWS} more"


VIEWS: dict[str, tuple[Callable[[Told], Lines], ...]] = {
    "performance": (_headline, _worse, _gates, _requirements, _decision, _causes, _figures, _notices, _origin),
    "regression": (_headline, _worse, _causes, _notices, _origin),
    "decision": (_headline, _decision, _gates, _requirements, _worse_gates, _causes, _notices, _origin),
    "trend": (_headline, _trends, _notices, _origin),
}
