"""The live view where nobody can redraw: one line every few seconds."""

from __future__ import annotations

from typing import TextIO

from loadstone.live.figure_texts import errors, generator, progress, rate, times
from loadstone.live.recent import Recent
from loadstone.measure.plain_text import plain
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.units import format_count

EVERY_S = 5.0


def line_view(watched: Watched) -> LineView:
    """The sink `lines`."""
    return LineView(watched.plan.name, watched.duration_s, watched.stream)


class LineView:
    """The Sink that writes one line for each five seconds of the run; a closed stream silences it, and never ends the run."""

    def __init__(self, plan_name: str, duration_s: float | None, stream: TextIO, *, every_s: float = EVERY_S) -> None:
        self._name, self._duration_s, self._stream, self._every_s = plain(plan_name, 40), duration_s, stream, every_s
        self._recent = Recent(window_s=every_s)
        self._next_s = every_s
        self._silent = False

    def snapshot(self, snapshot: Snapshot) -> None:
        """Take one second in; write when five have passed since the last line."""
        self._recent.add(snapshot)
        # Seconds end a little early or late; half of one decides.
        if self._silent or snapshot.end_s < self._next_s - 0.5:
            return
        self._next_s = self._every_s * (1 + round(snapshot.end_s / self._every_s))
        self._write(self._line())

    def close(self) -> None:
        """Nothing is held back, so there is nothing to finish."""

    def _line(self) -> str:
        now = self._recent.figures()
        users = f"  {format_count(now.users)} users" if now.users is not None else ""
        phase = f" {plain(now.phase, 24)}" if now.phase else ""
        hint = f"  ! {now.hint}" if now.hint else ""
        where = f"{self._name} {progress(now.elapsed_s, self._duration_s)}{phase}"
        return f"{where}  {rate(now)}{users}  {times(now.times)}  errors {errors(now)}  {generator(now)}{hint}"

    def _write(self, line: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(line.replace("\u202f", ",").encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._silent = True
