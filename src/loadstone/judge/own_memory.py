"""Does the generator's own memory leak? Its course through a run, in bounded memory, for a notice."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.judge.leak import Answer, Finding, judge_leak
from loadstone.judge.leak_text import rate_text
from loadstone.judge.level_history import GaugeCourses
from loadstone.measure.snapshot import Series, Snapshot, View
from loadstone.units import format_size

METRIC = "generator.memory"
# Where the course cannot tell, because it is short or wild: what every run may take for its connections and buffers.
GROWTH_BYTES, GROWTH_SHARE = 64e6, 0.5


@dataclass(frozen=True, slots=True)
class OwnGrowth:
    """A process of the generator whose memory grows: what of it, and how."""

    process: str
    growth: str

    def __str__(self) -> str:
        return f"memory of {self.process} {self.growth}"


class OwnMemory:
    """The memory of each process of the generator, second by second."""

    def __init__(self) -> None:
        self._history = GaugeCourses(METRIC)

    def see(self, snapshot: Snapshot) -> None:
        """One more second that is judged."""
        self._history.see(snapshot)

    def finding(self, series: Series) -> Finding | None:
        """What the memory of one process does; None when it was never read."""
        course = self._history.courses.get(series)
        return judge_leak(course.times_s, course.values) if course is not None else None


def own_growth(view: View, memory: OwnMemory | None) -> list[OwnGrowth]:
    """Processes of the generator that grow although users do not: what users hold while they become more is let pass.

    A LEAK of the course is told with its rate; where the course cannot tell, growth by 64 MB and by half is.
    """
    users = view.gauge("load.users")
    if users and users.greatest > 2 * users.least:
        return []
    found = []
    for series in view.series(METRIC):
        worker = dict(series.tags).get("worker", "")
        process = "the generator's parent process" if worker == "parent" else f"worker {worker}"
        finding = memory.finding(series) if memory is not None else None
        level = view.gauge(METRIC, dict(series.tags))
        if finding is not None and finding.answer is Answer.LEAK:
            found.append(OwnGrowth(process, f"rises steadily, by {rate_text(finding, 'B')}"))
        elif finding is not None and finding.answer is Answer.NO_LEAK:
            continue
        elif level and level.last - level.least > max(GROWTH_BYTES, GROWTH_SHARE * level.least):
            found.append(OwnGrowth(process, f"grew from {format_size(level.least)} to {format_size(level.last)}"))
    return found
