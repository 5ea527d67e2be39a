"""The live view on a terminal: redrawn in place, also while no snapshot comes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from shutil import get_terminal_size
from typing import TextIO

from loadstone.errors import UsageError
from loadstone.judge.verdict import Verdict
from loadstone.live.blocks import Shown
from loadstone.live.cells import Line
from loadstone.live.frame import Room, frame
from loadstone.live.glyphs import ASCII, BLOCKS
from loadstone.live.happenings import MOST_KEPT, Desk, Happenings, state_text
from loadstone.live.recent import Figures, Recent
from loadstone.live.screen import Screen
from loadstone.measure.event import Event
from loadstone.measure.plain_text import plain
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot

REDRAWS_PER_S = 2.0
MOST_REFUSED = 160  # characters of why a key did nothing


def terminal_view(watched: Watched) -> TerminalView:
    """The sink `terminal`; raises UsageError where nothing can be redrawn."""
    if not watched.stream.isatty():
        raise UsageError("needs a terminal", where="--sink terminal", hint="--sink lines")
    warm_up_s = max((scenario.start_s + scenario.warm_up_s for scenario in watched.plan.scenarios if scenario.warm_up_s), default=0.0)
    return TerminalView(watched.plan.name, watched.duration_s, watched.stream, color=watched.color, warm_up_s=warm_up_s)


class TerminalView:
    """The Sink that draws the last seconds; figures are folded once per snapshot, drawing only prints them.

    clock: monotonic seconds
    size:  (cells, rows) of the terminal now
    start: False draws nothing by itself; `lines` then tells what would be drawn
    desk:  set where keys change the load: then the view tells which, and how the load stands
    """

    def __init__(
        self,
        plan_name: str,
        duration_s: float | None,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        *,
        color: bool = True,
        warm_up_s: float = 0.0,
        size: Callable[[], tuple[int, int]] | None = None,
        start: bool = True,
    ) -> None:
        self.desk: Desk | None = None
        self._name, self._duration_s, self._warm_up_s, self._clock = plain(plan_name, 60), duration_s, warm_up_s, clock
        self._size = size or (lambda: _size_of(stream))
        self._glyphs = BLOCKS if (stream.encoding or "utf-8").lower().startswith("utf") else ASCII
        self._recent, self._figures, self._happenings = Recent(spread=True), Figures(), Happenings()
        self._seen_at = clock()
        self._screen = Screen(stream, color=color)
        self._ended = threading.Event()
        self._drawing = threading.Thread(target=self._draw_on, name="terminal view", daemon=True) if start else None
        if self._drawing:
            self._drawing.start()

    def snapshot(self, snapshot: Snapshot) -> None:
        """Take one second in; it is drawn with the next redraw."""
        self._recent.add(snapshot)
        self._happenings.see(snapshot)
        self._seen_at = self._clock()
        self._figures = self._recent.figures()

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        """How the gates stand now, and everything that happened so far."""
        self._happenings.judged(verdicts, events)

    def refused(self, text: str) -> None:
        """A key asked for what cannot be done now; from any thread."""
        self._happenings.tell("refused", plain(text, MOST_REFUSED))

    def close(self) -> None:
        """Clear the view and give the terminal back; may be called more than once."""
        self._ended.set()
        if self._drawing:
            self._drawing.join()
            self._drawing = None
        self._screen.close()

    def lines(self) -> list[Line]:
        """What is drawn now."""
        cells, rows = self._size()
        state = state_text(self.desk.state) if self.desk is not None else ""
        shown = Shown(self._name, self._duration_s, self._warm_up_s, self._clock() - self._seen_at, state, self.desk is not None)
        return frame(self._figures, shown, self._happenings.verdicts, self._happenings.newest(MOST_KEPT), Room(cells, rows, self._glyphs))

    def _draw_on(self) -> None:
        while not self._ended.wait(1.0 / REDRAWS_PER_S):
            self._screen.draw(self.lines())


def _size_of(stream: TextIO) -> tuple[int, int]:
    try:
        return os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return get_terminal_size((80, 24))
