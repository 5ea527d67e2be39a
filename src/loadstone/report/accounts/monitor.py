"""What a monitor keeps as an account: its rules now, its days and hours, charts over its time, and its alerts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.charts.figures.across import Across, Rule, Tick, Trace, axis_over
from loadstone.errors import ExitCode
from loadstone.report.account import Account, Case, Cell, Fact, Line, Table, Tone
from loadstone.report.csv import tag_text
from loadstone.report.json_schema import shipped, urn_of
from loadstone.report.over_time import Stretch, heads_and_cells
from loadstone.report.telling import finite, sound
from loadstone.units import format_count, format_duration, format_share

SCHEMA: Final = "loadstone.monitor/1"
HOUR_S, DAY_S = 3600.0, 86400.0
MOST_POINTS = 1500  # of a chart; longer windows are drawn where there are more
MOST_ALERTS, MOST_ROWS = 50, 60
MOST_MARKED = 6
Standing = Literal["ok", "warning", "critical"]
LEVELS: tuple[tuple[Standing, Tone], ...] = (("ok", "good"), ("warning", "warn"), ("critical", "bad"))
TONES: dict[str, Tone] = dict(LEVELS)
TICKS = 6


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class WindowPart(_Part):
    """One window."""

    length_s: FiniteFloat = Field(description="what it is a window of: as asked for, an hour, or a day")
    at: datetime = Field(description="when it began")
    begin_s: FiniteFloat = Field(description="the same in monitored seconds, which go on over restarts")
    seconds: FiniteFloat = Field(description="how much of it was monitored")
    requests: int | None = Field(description="null: none were made, or counted")
    error_share: FiniteFloat | None
    p50_s: FiniteFloat | None = Field(description="of the response time; null: nothing measured, or longer than anything recorded")
    p95_s: FiniteFloat | None
    max_s: FiniteFloat | None
    memory: FiniteFloat | None = Field(description="bytes, mean")
    cpu_percent: FiniteFloat | None


class RulePart(_Part):
    """A rule, and how it stands."""

    rule: str
    subject: str
    level: Standing
    measured: bool = Field(description="was there ever anything to judge?")


class MonitorDocument(_Part):
    """Everything that a monitor keeps."""

    schema_: Literal["loadstone.monitor/1"] = Field(alias="schema")
    monitor: str
    monitored_s: FiniteFloat
    exit_code: int
    rules: list[RulePart]
    windows: list[WindowPart]
    alerts: list[dict[str, Any]] = Field(description="as they were told, oldest first")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read from a monitor's file.

    windows: length, when it began (seconds since 1970), begin in monitored seconds, and what it came to; by length and time
    states:  by rule, as `AlertWatch.state` has them
    """

    name: str
    monitored_s: float
    windows: Sequence[tuple[float, float, float, Stretch]]
    alerts: Sequence[Mapping[str, Any]]
    states: Mapping[str, Mapping[str, Any]]


def account_of_monitor(kept: Kept, page: Sequence[str]) -> Account:
    """What a monitor keeps for every report; `page` are the lines that `--history` prints."""
    document = _document(kept)
    worst = max((int(state["level"]) for state in kept.states.values()), default=0)
    measured = any(rule.measured for rule in document.rules) or (not document.rules and bool(kept.windows))
    word, tone = (str(LEVELS[worst][0]), LEVELS[worst][1]) if measured else ("no data", "warn")
    return Account(
        "monitor",
        kept.name or "monitor",
        "",
        {"ok": "All quiet"}.get(word, word.capitalize()),
        tone,
        _answer(document, measured=measured),
        document.exit_code,
        min((each.at for each in document.windows), default=None),
        list(_cases(document, measured=measured)),
        list(_lines(document)),
        (json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        lambda _look: "\n".join(page),
        list(_facts(document)),
        list(_tables(kept, document)),
        list(_charts(document)),
    )


def _document(kept: Kept) -> MonitorDocument:
    rules = [
        RulePart(rule=sound(name), subject=sound(str(state["subject"])), level=_level(state), measured=bool(state["measured"]))
        for name, state in kept.states.items()
    ]
    measured = any(rule.measured for rule in rules) or (not rules and bool(kept.windows))
    critical = any(rule.level == "critical" for rule in rules)
    code = ExitCode.GATE_FAILED if critical else ExitCode.PASS if measured else ExitCode.INCONCLUSIVE
    return MonitorDocument(
        schema=SCHEMA,
        monitor=sound(kept.name),
        monitored_s=kept.monitored_s,
        exit_code=int(code),
        rules=rules,
        windows=[_window(*each) for each in kept.windows],
        alerts=[{key: sound(value) if isinstance(value, str) else value for key, value in each.items()} for each in kept.alerts],
    )


def _level(state: Mapping[str, Any]) -> Standing:
    return LEVELS[int(state["level"])][0]


def _window(length_s: float, at: float, begin_s: float, each: Stretch) -> WindowPart:
    p50, p95, most = each.times_s or (None, None, None)
    return WindowPart(
        length_s=length_s,
        at=datetime.fromtimestamp(at, UTC),
        begin_s=begin_s,
        seconds=each.seconds,
        requests=each.requests,
        error_share=finite(each.error_share),
        p50_s=finite(p50),
        p95_s=finite(p95),
        max_s=finite(most),
        memory=finite(each.memory),
        cpu_percent=finite(each.cpu_percent),
    )


def _answer(document: MonitorDocument, *, measured: bool) -> str:
    if not measured:
        return "Nothing was measured that a rule could judge."
    bad = [f"{rule.rule} is {rule.level}" for rule in document.rules if rule.level != "ok"]
    watched = (
        f"{format_duration(document.monitored_s)} monitored, {len(document.alerts)} alert{'' if len(document.alerts) == 1 else 's'} kept"
    )
    return f"{'; '.join(bad)}. {watched}." if bad else f"No rule is broken now. {watched}."


def _cases(document: MonitorDocument, *, measured: bool) -> Iterator[Case]:
    yield Case("monitor", "monitor", "" if measured else "error", "no data", "" if measured else "nothing was measured")
    for rule in document.rules:
        newest = [str(each["text"]) for each in document.alerts if each.get("rule") == rule.rule][-1:]
        if not rule.measured:
            yield Case(rule.rule, "rules", "skipped", "no data", f"nothing was measured of {rule.subject}")
        else:
            yield Case(
                rule.rule, "rules", "" if rule.level == "ok" else "failure", rule.level, "; ".join(newest) or rule.level, tuple(newest)
            )


def _lines(document: MonitorDocument) -> Iterator[Line]:
    named = (("requests", "1"), ("error_share", "1"), ("p50_s", "s"), ("p95_s", "s"), ("max_s", "s"), ("memory", "B"), ("cpu_percent", "%"))
    metrics = {"requests": "http.requests", "error_share": "http.errors", "memory": "target.memory", "cpu_percent": "target.cpu"}
    statistics = {"requests": "count", "error_share": "rate", "memory": "mean", "cpu_percent": "mean"}
    for each in document.windows:
        tags = tag_text((("length", f"{each.length_s:g}s"), ("at", each.at.isoformat(timespec="seconds"))))
        for name, unit in named:
            value = getattr(each, name)
            if value is not None:
                statistic = statistics.get(name, name.removesuffix("_s"))
                yield Line(round(each.begin_s + each.seconds, 3), metrics.get(name, "http.response_time"), tags, statistic, value, unit)


def _facts(document: MonitorDocument) -> Iterator[Fact]:
    yield Fact("Monitored", format_duration(document.monitored_s))
    finest = _drawn(document)
    requests = sum(each.requests or 0 for each in finest)
    if requests:
        failed = sum((each.error_share or 0.0) * (each.requests or 0) for each in finest)
        yield Fact("Requests kept", format_count(requests), f"{format_share(failed / requests)} failed", "bad" if failed else "")
    yield Fact("Alerts kept", format_count(len(document.alerts)))
    if document.rules:
        broken = sum(rule.level != "ok" for rule in document.rules)
        blind = sum(not rule.measured for rule in document.rules)
        tone: Tone = "bad" if broken else "warn" if blind else "good"
        yield Fact("Rules broken now", f"{broken} of {len(document.rules)}", f"{blind} without data" if blind else "", tone)


def _tables(kept: Kept, document: MonitorDocument) -> Iterator[Table]:
    if document.rules:
        rows = [
            [
                Cell(each.rule),
                Cell(each.level if each.measured else "no data", TONES[each.level] if each.measured else "warn"),
                Cell(each.subject),
            ]
            for each in document.rules
        ]
        yield Table("Rules", ("rule", "now", "of"), rows, words=frozenset({1, 2}))
    if document.alerts:
        newest = document.alerts[: -MOST_ALERTS - 1 : -1]
        found = [
            [
                Cell(str(each["at"])[:19].replace("T", " ")),
                Cell(str(each["level"]), TONES.get(str(each["level"]), "")),
                Cell(str(each["text"])),
            ]
            for each in newest
        ]
        yield Table("Alerts", ("at", "level", "what"), found, "UTC; the newest first", frozenset({1, 2}))
    lengths = sorted({length for length, *_ in kept.windows}, reverse=True)
    for length in lengths:
        mine = [each for of, _, _, each in kept.windows if of == length][-MOST_ROWS:]
        heads, texts = heads_and_cells(mine)
        note = f"UTC; the newest {MOST_ROWS}" if sum(of == length for of, *_ in kept.windows) > MOST_ROWS else "UTC"
        title = {HOUR_S: "Hours", DAY_S: "Days"}.get(length, f"Windows of {format_duration(length)}")
        yield Table(title, heads, [[Cell(text) for text in row] for row in texts], note)


def _drawn(document: MonitorDocument) -> list[WindowPart]:
    """The shortest windows that are not too many for a chart."""
    by_length: dict[float, list[WindowPart]] = {}
    for each in document.windows:
        by_length.setdefault(each.length_s, []).append(each)
    found = [by_length[length] for length in sorted(by_length)]
    return next((windows for windows in found if len(windows) <= MOST_POINTS), found[-1] if found else [])


def _charts(document: MonitorDocument) -> Iterator[Across]:
    windows = _drawn(document)
    if not windows:
        return
    alerts = [each for each in document.alerts if each.get("level") in ("warning", "critical")][-MOST_MARKED:]
    times = [("p50", "1", [_ms(each.p50_s) for each in windows]), ("p95", "2", [_ms(each.p95_s) for each in windows])]
    yield from _chart("response-time", "Response time", "ms", windows, times, alerts, log=True)
    failed = [100 * each.error_share if each.error_share is not None else None for each in windows]
    yield from _chart("errors", "Failed requests", "%", windows, [("failed", "bad", failed)], alerts)
    yield from _chart("memory", "Memory", "B", windows, [("memory", "3", [each.memory for each in windows])], alerts)
    yield from _chart("cpu", "CPU", "%", windows, [("cpu", "4", [each.cpu_percent for each in windows])], alerts)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _chart(
    name: str,
    title: str,
    unit: str,
    windows: Sequence[WindowPart],
    lines: Sequence[tuple[str, str, list[float | None]]],
    alerts: Sequence[Mapping[str, Any]],
    *,
    log: bool = False,
) -> Iterator[Across]:
    values = [y for _, _, ys in lines for y in ys if y is not None]
    if not values:
        return
    xs = [(each.at.timestamp() + each.seconds / 2) for each in windows]
    begin, end = windows[0].at.timestamp(), windows[-1].at.timestamp() + max(1.0, windows[-1].seconds)
    marks = [(datetime.fromisoformat(str(each["at"])).timestamp(), each) for each in alerts]
    rules = [Rule("y", at, "", "bad" if each["level"] == "critical" else "warn") for at, each in marks if begin <= at <= end]
    x = axis_over([begin, end], "", from_zero=False)
    traces = [Trace(label, colour, *_with_gaps(xs, ys, windows)) for label, colour, ys in lines]
    yield Across(name, title, x, axis_over(values, unit, log=log), "UTC", (), traces, rules, (), _ticks(begin, end))


def _with_gaps(xs: Sequence[float], ys: Sequence[float | None], windows: Sequence[WindowPart]) -> tuple[list[float], list[float | None]]:
    """A line does not go over a time in which nobody watched."""
    found_x: list[float] = []
    found_y: list[float | None] = []
    for at, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if at and x - xs[at - 1] > 2 * windows[at].length_s:
            found_x.append((x + xs[at - 1]) / 2)
            found_y.append(None)
        found_x.append(x)
        found_y.append(y)
    return found_x, found_y


def _ticks(begin: float, end: float) -> list[Tick]:
    pattern = (
        "%H:%M:%S"
        if end - begin < 15 * 60
        else "%H:%M"
        if end - begin < DAY_S
        else "%m-%d %H:%M"
        if end - begin < 4 * DAY_S
        else "%Y-%m-%d"
    )
    moments = (begin + (end - begin) * step / (TICKS - 1) for step in range(TICKS))
    return [(at, datetime.fromtimestamp(at, UTC).strftime(pattern)) for at in moments]


def schema_json() -> str:
    """The JSON schema of `MonitorDocument`, as shipped in `schema/monitor-1.json`."""
    schema = MonitorDocument.model_json_schema(by_alias=True, mode="serialization")
    return shipped(schema, urn_of(SCHEMA))


if __name__ == "__main__":
    sys.stdout.write(schema_json())
