"""One plan run again and again with one knob turned, on the same target, with a rest in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from loadstone.errors import ExitCode, TargetUnreachable, UsageError
from loadstone.judge.story import Story
from loadstone.judge.sweep import Level, Sweep, worst
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.sink import Sink
from loadstone.plan.model import Plan
from loadstone.run import execute
from loadstone.units import format_share

PAUSE_S = 2.0
ERROR_LIMIT = 0.10


class Execute(Protocol):
    """What runs one plan; `loadstone.run.execute` unless a test brings another."""

    def __call__(
        self, plan: Plan, sinks: Sequence[Sink] = (), *, worker: WorkerProcess | None = None, command: Sequence[str] = ()
    ) -> Story:
        """See run.execute."""


def sweep(
    knob: str,
    plans: Mapping[str, Plan],
    *,
    sinks: Callable[[str, Plan], Sequence[Sink]] = lambda _level, _plan: (),
    told: Callable[[Level], None] = lambda _: None,
    pause_s: float = PAUSE_S,
    error_limit: float = ERROR_LIMIT,
    worker: WorkerProcess | None = None,
    command: Sequence[str] = (),
    run: Execute = execute,
    rest: Callable[[float], None] = time.sleep,
) -> Sweep:
    """Run each plan in turn; Ctrl-C keeps the levels that ran.

    plans:  level -> its plan, in the order to run; all of them are valid before the first starts
    sinks:  watch one level
    told:   hears of each level when it is over
    worker: a worker process that was started ahead, for the first level
    raises: TargetUnreachable when nothing answers before the first level; UsageError
    """
    if not plans:
        raise UsageError("a sweep needs a level", where="flag --sweep", hint="users=1,2,4")
    levels: list[Level] = []
    ended, code = "", ExitCode.PASS
    try:
        for number, (name, plan) in enumerate(plans.items()):
            if number:
                rest(pause_s)
            story = run(plan, sinks(name, plan), worker=None if number else worker, command=command)
            levels.append(Level(name, story))
            told(levels[-1])
            ended = _reason_to_end(story, error_limit)
            if ended:
                break
    except TargetUnreachable as error:
        if not levels:
            raise
        ended, code = f"the target is gone: {error.what}", ExitCode.UNREACHABLE
    except KeyboardInterrupt:
        if not levels:
            raise
        ended, code = "stopped by hand", ExitCode.INTERRUPTED
    if len(levels) == len(plans) and code is ExitCode.PASS and levels[-1].story.exit_code is not ExitCode.INTERRUPTED:
        ended = ""  # whatever the last level came to, nothing was left out
    return Sweep(
        knob, tuple(levels), tuple(plans), pause_s, error_limit, ended, worst([code, *(level.story.exit_code for level in levels)])
    )


def _reason_to_end(story: Story, error_limit: float) -> str:
    load = story.result.load
    if story.exit_code is ExitCode.INTERRUPTED:
        return "stopped by hand"
    if story.exit_code is ExitCode.UNREACHABLE:
        return "the target is gone"
    if load.requests and load.errors > error_limit * load.requests:
        return f"{format_share(load.errors / load.requests)} of the requests failed, more than {format_share(error_limit)}"
    return ""
