"""The live view where nobody can redraw: one line every few seconds, and one for each turn of a phase or a gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from loadstone.judge.verdict import Verdict
from loadstone.live.figure_texts import clock, errors, generator, progress, rate, times
from loadstone.live.happenings import Happenings
from loadstone.live.recent import Recent
from loadstone.live.step_rows import RESPONSE
from loadstone.measure.event import Event
from loadstone.measure.plain_text import plain
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.units import format_count, format_rate

EVERY_S = 5.0
MOST_TURNS = 200  # lines for turns of one run: a gate that turns each second for hours must not fill a log


def line_view(watched: Watched) -> LineView:
    """The sink `lines`."""
    return LineView(watched.plan.name, watched.duration_s, watched.stream)


class LineView:
    """The Sink that writes one line for each five seconds of the run; a closed stream silences it, and never ends the run."""

    def __init__(self, plan_name: str, duration_s: float | None, stream: TextIO) -> None:
        self._name, self._duration_s, self._stream = plain(plan_name, 40), duration_s, stream
        self._recent, self._happenings = Recent(window_s=EVERY_S), Happenings()
        self._next_s = EVERY_S
        self._turns = 0
        self._silent = False

    def snapshot(self, snapshot: Snapshot) -> None:
        """Take one second in; write when a phase begins, and when five seconds have passed since the last line."""
        self._recent.add(snapshot)
        if self._happenings.see(snapshot):
            self._turn(self._happenings.newest(1))
        # Seconds end a little early or late; half of one decides.
        if self._silent or snapshot.end_s < self._next_s - 0.5:
            return
        self._next_s = EVERY_S * (1 + round(snapshot.end_s / EVERY_S))
        self._write(self._line())

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        """Write a line for each gate that has turned."""
        self._turn(self._happenings.judged(verdicts, events))

    def close(self) -> None:
        """Nothing is held back, so there is nothing to finish."""

    def _turn(self, turns: Sequence[Event]) -> None:
        for event in turns:
            self._turns += 1
            if self._turns <= MOST_TURNS:
                self._write(f"{self._name} {clock(event.at_s or 0.0)}  {event.kind}: {plain(event.text, 200)}")

    def _line(self) -> str:
        now = self._recent.figures()
        users = f"  {format_count(now.users)} users" if now.users is not None else ""
        phase = f" {plain(now.phase, 24)}" if now.phase else ""
        hint = f"  ! {now.hint}" if now.hint else ""
        lead = f"{now.lead.name} " if now.lead != RESPONSE else ""
        tokens = f"  {format_rate(now.tokens_per_s)[:-2]} tokens/s" if now.tokens_per_s is not None else ""
        where = f"{self._name} {progress(now.elapsed_s, self._duration_s)}{phase}"
        return f"{where}  {rate(now)}{users}  {lead}{times(now.times)}{tokens}  errors {errors(now)}  {generator(now)}{hint}"

    def _write(self, line: str) -> None:
        if self._silent:
            return
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._silent = True
