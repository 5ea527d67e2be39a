"""Levels of a sweep or of a search for capacity in the store: a run each, tagged with what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loadstone.cli.keeping import asked, kept, recording_of
from loadstone.errors import UsageError
from loadstone.plan.levels import LEVEL

if TYPE_CHECKING:
    from loadstone.judge.story import Story
    from loadstone.measure.sink import Sink, Watched
    from loadstone.plan.model import Plan
    from loadstone.store.recording import Recording

_NOT_OF_LEVELS = {"baseline": "--baseline", "update_baseline": "--update-baseline", "confirm": "--confirm"}


def refuse_baselines() -> None:
    """Levels do different work, so one baseline is not about all of them; raises UsageError for flags that say so."""
    for name, flag in _NOT_OF_LEVELS.items():
        if asked(name):
            hint = "loadstone baseline save NAME RUN keeps those of one level; `runs list --tag level=users=4` names them"
            raise UsageError("the levels of a sweep do different work, and no baseline is about all", where=f"flag {flag}", hint=hint)


class KeptLevels:
    """Keeps each level as a run of its own; what fails to be kept is told, and costs no verdict.

    kind:    the tag that all of them share, `sweep` or `capacity`; its value is `stamp`
    watched: how a level's run is shown, from its plan
    """

    def __init__(self, kind: str, stamp: str, watched: Callable[[Plan], Watched], *, quiet: bool) -> None:
        self._kind, self._stamp, self._watched, self._quiet = kind, stamp, watched, quiet
        self._open: tuple[Recording, Plan] | None = None
        self._follows = False

    def begin(self, plan: Plan, level: str = "") -> list[Sink]:
        """The sink that keeps the level's run; none where nobody wants it kept.

        level: what was set, as `users=4`, by which `runs list --tag level=users=4` finds it; where it is empty, the plan's tag says so
        """
        from loadstone.measure.timeline import Timeline

        self.release()
        alone = plan.baselines.model_copy(update={"auto_update": False, "files": None})
        tags = {**plan.tags, self._kind: self._stamp} | ({LEVEL: level} if level else {})
        tagged = plan.model_copy(update={"tags": tags, "baselines": alone})
        timeline = Timeline()
        recording = recording_of(self._watched(tagged), timeline, follows=self._follows)
        self._follows = True
        if recording is None:
            return []
        self._open = recording, tagged
        return [recording, timeline]

    def end(self, story: Story) -> None:
        """Finish the level that was begun."""
        if self._open is not None:
            recording, plan = self._open
            self._open = None
            kept(recording, story, plan, quiet=self._quiet)

    def release(self) -> None:
        """Let go of a level that came to no end: it stays unfinished."""
        if self._open is not None:
            self._open[0].release()
            self._open = None
