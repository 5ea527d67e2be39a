"""The live view on a terminal: redrawn in place, also while no snapshot comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadstone.errors import UsageError
from loadstone.live.figure_texts import errors, generator, ms, progress, rate, times
from loadstone.live.recent import Figures, Recent
from loadstone.measure.plain_text import plain
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.units import format_count, format_rate

REDRAWS_PER_S = 2.0
SILENT_S = 3.0  # without a snapshot for so long, the view says that it shows the past


def terminal_view(watched: Watched) -> TerminalView:
    """The sink `terminal`; raises UsageError where nothing can be redrawn."""
    if not watched.stream.isatty():
        raise UsageError("needs a terminal", where="--sink terminal", hint="--sink lines")
    return TerminalView(watched.plan.name, watched.duration_s, watched.stream, color=watched.color)


class TerminalView:
    """The Sink that draws the last seconds; figures are folded once per snapshot, drawing only prints them.

    clock: monotonic seconds
    start: False draws nothing by itself; `view` then tells what would be drawn
    """

    def __init__(
        self,
        plan_name: str,
        duration_s: float | None,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        *,
        color: bool = True,
        start: bool = True,
    ) -> None:
        self._name, self._duration_s, self._clock = plain(plan_name, 60), duration_s, clock
        self._recent, self._figures = Recent(), Figures()
        self._seen_at = clock()
        console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=REDRAWS_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        if start:
            self._live.start()

    def snapshot(self, snapshot: Snapshot) -> None:
        """Take one second in; it is drawn with the next redraw."""
        self._recent.add(snapshot)
        self._seen_at = self._clock()
        self._figures = self._recent.figures()

    def close(self) -> None:
        """Clear the view and give the terminal back; may be called more than once."""
        with suppress(OSError, ValueError):  # a terminal that is gone must not end the run
            self._live.stop()

    def view(self) -> Group:
        """What is drawn now."""
        now = self._figures
        silent_s = self._clock() - self._seen_at
        elapsed_s = now.elapsed_s + silent_s
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        title = Text(self._name, style="bold").append(f"  {plain(now.phase, 24)}" if now.phase else "", style="dim")
        head.add_row(title, Text(progress(elapsed_s, self._duration_s)))
        parts: list[Table | Text] = [head]
        if self._duration_s:
            parts.append(_bar(min(elapsed_s, self._duration_s), self._duration_s))
        parts.append(_body(now))
        if len(now.scenarios) > 1:
            parts.append(_scenarios(now))
        hint = now.hint or (f"no news from the workers for {silent_s:.0f} s" if silent_s > SILENT_S else "")
        if hint:
            parts.append(Text(f"! {hint}", style="yellow"))
        return Group(*parts)


def _bar(elapsed_s: float, duration_s: float) -> Table:
    bar = Table.grid(expand=True)  # a bar alone does not end its line
    bar.add_row(ProgressBar(total=duration_s, completed=elapsed_s))
    return bar


def _body(now: Figures) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="ellipsis", no_wrap=True)
    users = f"   {format_count(now.users)} users" if now.users is not None else ""
    grid.add_row("rate", Text(_commas(f"{rate(now)}{users}")))
    grid.add_row("response", Text(f"{times(now.times)}  (last {now.window_s:.0f} s)"))
    grid.add_row("requests", Text(_commas(format_count(now.requests_in_all))))
    grid.add_row("errors", Text(_commas(errors(now)), style="red" if now.errors else ""))
    grid.add_row("generator", Text(generator(now), style="yellow" if now.hint else ""))
    return grid


def _scenarios(now: Figures) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("scenario", overflow="ellipsis", no_wrap=True, max_width=32)
    for title in ("rate", "errors", "p50", "p95", "p99"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in now.scenarios:
        figures = (format_rate(row.rate_per_s), format_count(row.errors), ms(row.times.p50), ms(row.times.p95), ms(row.times.p99))
        table.add_row(Text(plain(row.scenario, 60)), *(Text(_commas(text)) for text in figures))
    return table


def _commas(text: str) -> str:
    return text.replace("\u202f", ",")
