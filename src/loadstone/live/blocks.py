"""The parts of the live view as lines: pure functions of figures and a width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.live.cells import EMPTY, Line, Piece, across, as_many, cut, fit, line, padded, width_of
from loadstone.live.figure_texts import clock, generator_parts, ms, progress
from loadstone.live.glyphs import Glyphs, sparkline
from loadstone.live.latency_columns import latency_columns
from loadstone.live.recent import PAST_S, Figures
from loadstone.live.step_rows import Row
from loadstone.measure.event import Event
from loadstone.measure.plain_text import plain
from loadstone.units import format_count, format_rate

LABEL, VALUE, GAP = 11, 12, 2
LEAST_NAME = 16  # cells in which a gate can still be told
STATE = {Status.FAIL: "red", Status.PASS: "green", Status.NO_DATA: "dim"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the view is about, beside figures.

    silent_s: since the last snapshot
    duration_s: None when nobody knows the end
    state:    how a person changed the load, such as `paused`; empty while nobody did
    """

    name: str
    duration_s: float | None = None
    warm_up_s: float = 0.0
    silent_s: float = 0.0
    state: str = ""
    keys: bool = False


def head(now: Figures, shown: Shown, cells: int, glyphs: Glyphs) -> list[Line]:
    """Name, phase, clock, and how far the run is."""
    elapsed_s = now.elapsed_s + shown.silent_s
    right = line(progress(elapsed_s, shown.duration_s))
    phase = plain(now.phase, 24)
    if now.phase == "warm-up" and shown.warm_up_s > now.elapsed_s:
        phase = f"warm-up, {math.ceil(shown.warm_up_s - now.elapsed_s)} s to go"
    if phase == "paused" and "paused" in shown.state:
        phase = ""  # said by the state already
    state = [Piece(f"  {shown.state}", "yellow")] if shown.state else []
    left = line(Piece(cut(shown.name, max(8, cells // 2)), "bold"), Piece(f"  {phase}" if phase else "", "cyan"), *state)
    return [across(left, right, cells), _bar(elapsed_s, shown, cells, glyphs)]


def _bar(elapsed_s: float, shown: Shown, cells: int, glyphs: Glyphs) -> Line:
    if not shown.duration_s:
        return line(Piece(glyphs.left * cells, "dim"))
    full = min(cells, int(cells * elapsed_s / shown.duration_s))
    warm = min(full, int(cells * shown.warm_up_s / shown.duration_s))
    return line(
        Piece(glyphs.done * warm, "yellow"), Piece(glyphs.done * (full - warm), "green"), Piece(glyphs.left * (cells - full), "dim")
    )


def figures(now: Figures, cells: int, glyphs: Glyphs) -> list[Line]:
    """Rate, latency and errors: the last ten seconds as numbers, the last sixty as a line."""
    asked = [f"{format_rate(now.asked_per_s)} arrivals asked"] if now.asked_per_s is not None else []
    users = [f"{format_count(now.users)} users"] if now.users is not None else []
    dropped = [f"{format_count(now.dropped_in_all)} dropped"] if now.dropped_in_all else []
    over = f"over {now.window_s:.0f} s"
    rows = [
        ("rate", format_rate(now.rate_per_s), now.past.rate_per_s, [*asked, *users, f"{format_count(now.requests_in_all)} sent"], ""),
        (now.lead.name, f"p95 {ms(now.times.p95)}", now.past.p95, [f"p50 {ms(now.times.p50)}", f"p99 {ms(now.times.p99)}", over], ""),
        (
            "errors",
            f"{format_count(now.errors)} now",
            now.past.errors_per_s,
            [f"{format_count(now.errors_in_all)} in all", *dropped],
            "red" if now.errors else "",
        ),
    ]
    if now.tokens_per_s is not None:
        rows.insert(2, ("tokens", format_rate(now.tokens_per_s), now.past.tokens_per_s, ["all answers together"], ""))
    room = _spark_cells(cells)
    return [_figure(label, value, _folded(past, room), parts, style, cells, glyphs) for label, value, past, parts, style in rows]


def generator_line(now: Figures, cells: int) -> Line:
    """The generator's own part."""
    parts = as_many(generator_parts(now), cells - LABEL - 1)
    return line(Piece("generator".ljust(LABEL + 1), "dim"), Piece(parts, "yellow" if now.hint else "dim"))


def _figure(label: str, value: str, past: Sequence[float | None], parts: list[str], style: str, cells: int, glyphs: Glyphs) -> Line:
    spark = sparkline(past, glyphs)
    left = line(Piece(label.ljust(LABEL), "dim"), " ", Piece(value.rjust(VALUE), style or "bold"))
    middle = line(" " * GAP, Piece(spark, style or "cyan")) if spark else EMPTY
    room = cells - LABEL - 1 - VALUE - (GAP + len(spark) if spark else 0) - GAP
    return fit((*left, *middle, Piece(" " * GAP), Piece(as_many(parts, room), "dim")), cells)


def _spark_cells(cells: int) -> int:
    """As many as divide the sixty seconds evenly and leave room for words."""
    words = 30 if cells >= 78 else 14
    room = cells - LABEL - 1 - VALUE - 2 * GAP - words
    return next((each for each in (60, 30, 20, 15, 12, 10) if each <= room), 0)


def _folded(past: Sequence[float | None], cells: int) -> list[float | None]:
    """The sixty seconds in so many cells: the worst of each few seconds."""
    if not cells or not past:
        return []
    wide = PAST_S // cells
    found: list[float | None] = []
    for at in range(0, PAST_S, wide):
        known = [value for value in past[at : at + wide] if value is not None]
        found.append(max(known) if known else None)
    return found


def histogram(now: Figures, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The leading latency of the last sixty seconds, with its axis; `rows` lines in all, none without samples."""
    if now.spread is None or rows < 3:
        return []
    bars = latency_columns(now.spread, max(10, cells - LABEL - 1), rows - 1, glyphs)
    if not bars:
        return []
    beyond = f"{format_count(now.spread.beyond)} beyond" if now.spread.beyond else ""
    labels = [now.lead.name, "last 60 s", beyond, *[""] * rows]
    styles = ["cyan"] * (len(bars) - 1) + ["dim"]
    return [
        line(Piece(label.ljust(LABEL + 1)[: LABEL + 1], "red" if label and label is beyond else "dim"), Piece(bar, style))
        for label, bar, style in zip(labels, bars, styles, strict=False)
    ]


def steps(now: Figures, cells: int, rows: int) -> list[Line]:
    """A table of steps, the worst first; `rows` lines in all with its head, none when not even one step fits."""
    if rows < 2 or not now.rows:
        return []
    fitting = len(now.rows) if len(now.rows) <= rows - 1 else rows - 2
    if fitting < 1:
        return []
    kept = now.rows[:fitting]
    table = _columns(now.rows, cells)
    name_cells = cells - sum(width + GAP for _, width, _ in table)
    titles = [Piece(f"{' ' * GAP}{title.rjust(width)}", "dim") for title, width, _ in table]
    lines = [line(*padded(line(Piece("step", "dim")), name_cells), *titles)]
    for row, name in zip(kept, _names(now.rows, name_cells), strict=False):
        values = [Piece(f"{' ' * GAP}{value(row).rjust(width)}", _style(title, row)) for title, width, value in table]
        lines.append(line(*padded(line(cut(name, name_cells)), name_cells), *values))
    if fitting < len(now.rows):
        lines.append(line(Piece(f"and {len(now.rows) - fitting} more", "dim")))
    return lines


def _names(rows: Sequence[Row], cells: int) -> list[str]:
    """Steps with their scenario where there are several, unless it has no room and the step says it alone."""
    short = [plain(row.step, 200) for row in rows]
    if len({row.scenario for row in rows}) < 2:
        return short
    full = [plain(f"{row.scenario} / {row.step}", 200) for row in rows]
    is_narrow = any(width_of(line(name)) > cells for name in full)
    return short if is_narrow and len(set(short)) == len(short) else full


Column = tuple[str, int, Callable[[Row], str]]


def _columns(rows: Sequence[Row], cells: int) -> list[Column]:
    """What fits beside a name of at least twelve cells; what matters least goes first."""
    found: list[tuple[int, Column]] = [
        (1, ("rate", 8, lambda row: format_rate(row.rate_per_s))),
        (3, ("p50", 8, lambda row: ms(row.times.p50))),
        (0, ("p95", 8, lambda row: ms(row.times.p95))),
        (2, ("errors", 6, lambda row: format_count(row.errors))),
    ]
    shorts = {row.lead.short for row in rows}
    if shorts != {"response"}:
        found.insert(1, (4, ("latency", max(7, *map(len, shorts)), lambda row: row.lead.short)))
    if any(row.tokens_per_s is not None for row in rows):
        found.append((5, ("tokens", 8, lambda row: "" if row.tokens_per_s is None else format_rate(row.tokens_per_s))))
    while found and sum(width + GAP for _, (_, width, _) in found) > cells - 12:
        found.remove(max(found, key=lambda each: each[0]))
    return [column for _, column in found]


def _style(title: str, row: Row) -> str:
    return "red" if title == "errors" and row.errors else "dim" if title in {"p50", "latency"} else ""


def gates(verdicts: Sequence[Verdict], cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """How the gates stand: one line for each, those that fail first, or one line for all, with the name of one that fails."""
    if not verdicts or rows < 1:
        return []
    order = {Status.FAIL: 0, Status.NO_DATA: 1, Status.PASS: 2}
    ranked = sorted(verdicts, key=lambda verdict: order[verdict.status])
    lines = [_tally(verdicts, glyphs)]
    room = rows - 1
    kept = ranked if len(ranked) <= room else ranked[: max(0, room - 1)]
    lines += [_gate(verdict, cells, glyphs) for verdict in kept]
    left = cells - width_of(lines[0]) - GAP
    if not kept and ranked[0].status is Status.FAIL and left >= LEAST_NAME:
        lines[0] = line(*lines[0], " " * GAP, Piece(cut(plain(str(ranked[0].gate), 200), left), "red"))
    if 0 < len(kept) < len(ranked):
        lines.append(line(Piece(f"{' ' * (LABEL + 1)}and {len(ranked) - len(kept)} more", "dim")))
    return [fit(each, cells) for each in lines]


def _tally(verdicts: Sequence[Verdict], glyphs: Glyphs) -> Line:
    words = (
        (Status.FAIL, glyphs.failed, "failing"),
        (Status.PASS, glyphs.passed, "holding"),
        (Status.NO_DATA, glyphs.no_data, "without data"),
    )
    parts = [Piece("gates".ljust(LABEL + 1), "dim")]
    for status, mark, word in words:
        number = sum(verdict.status is status for verdict in verdicts)
        if number:
            parts += [Piece(f"{mark} {number} {word}", STATE[status]), Piece("  ")]
    return tuple(parts[:-1])


def _gate(verdict: Verdict, cells: int, glyphs: Glyphs) -> Line:
    mark = {Status.FAIL: glyphs.failed, Status.PASS: glyphs.passed, Status.NO_DATA: glyphs.no_data}[verdict.status]
    value = "no data" if verdict.value is None else show_value(verdict.value, verdict.unit)
    left = line(" " * (LABEL + 1), Piece(f"{mark} ", STATE[verdict.status]), plain(str(verdict.gate), 200))
    return across(left, line(Piece(value, STATE[verdict.status])), cells)


def events(newest: Sequence[Event], cells: int, glyphs: Glyphs) -> list[Line]:
    """What happened, the newest last."""
    lines = []
    for event in newest:
        at = clock(event.at_s) if event.at_s is not None else ""
        style = "red" if event.kind == "alert" or event.text.endswith("fails now") else ""
        lines.append(
            fit(
                line(
                    Piece(at.rjust(LABEL - 2), "dim"),
                    Piece(f" {glyphs.note} ", "dim"),
                    Piece(plain(f"{event.kind}: {event.text}", 200), style),
                ),
                cells,
            )
        )
    return lines


def keys(shown: Shown, cells: int) -> list[Line]:
    """Which keys do what; none where nobody reads them."""
    if not shown.keys:
        return []
    resume = "p resume" if "paused" in shown.state else "p pause"
    return [line(Piece(as_many([resume, "+ more", "- less", "s spike", "q stop", "(Ctrl-C twice ends at once)"], cells, "   "), "dim"))]


def warning(now: Figures, shown: Shown, silent_from_s: float, cells: int) -> list[Line]:
    """Why the figures may not be what they seem."""
    hint = now.hint
    if shown.silent_s > silent_from_s:
        hint = f"no news from the workers for {shown.silent_s:.0f} s"
    return [fit(line(Piece(f"! {hint}", "yellow")), cells)] if hint else []
