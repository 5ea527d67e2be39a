"""The two ways to say what a user does, in the form that sessions run: classes with tasks, and written steps."""

from __future__ import annotations

import bisect
import random
from collections.abc import Awaitable, Mapping, Sequence
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from loadstone.errors import UsageError
from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep, HttpStep
from loadstone.plan.steps import Step
from loadstone.plan.user import Task, User

if TYPE_CHECKING:
    from loadstone.load.websocket_step import WebSocketStep

Item = TypeVar("Item")
Iteration = tuple[str, Awaitable[object]]

# What a written step of each kind becomes. A worker imports those of its suite: all of them would take as long as the rest of it.
KINDS: Mapping[str, str] = {
    "http": "steps:HttpStep",
    "llm": "llm_step:LlmStep",
    "sse": "sse_step:SseStep",
    "synthesize": "speech_step:SynthesizeStep",
    "transcribe": "speech_step:TranscribeStep",
    "voice": "voice_step:VoiceStep",
    "call": "call_step:CallStep",
    "websocket": "websocket_step:WebSocketStep",
}


def compiled(step: Step) -> CompiledStep:
    """A written step in the form that sessions run."""
    module, _, name = KINDS[step.kind].partition(":")
    made: CompiledStep = getattr(import_module(f"loadstone.load.{module}"), name)(step)
    return made


class Draw(Generic[Item]):
    """Items drawn by weight."""

    def __init__(self, items: Sequence[Item], weights: Sequence[float]) -> None:
        self._items = list(items)
        self._ends = list(accumulate(weights))

    def one(self, rng: random.Random) -> Item:
        """One item; the only one costs no random number."""
        items = self._items
        return items[0] if len(items) == 1 else items[bisect.bisect_right(self._ends, rng.random() * self._ends[-1], hi=len(items) - 1)]

    def at(self, index: int) -> Item:
        """Item of the index-th taker, shared out as evenly as the weights allow: 3:1 gives a, a, b, a, again and again."""
        total = self._ends[-1]
        before = 0.0
        best, farthest = 0, float("-inf")
        for item, end in enumerate(self._ends):
            weight, before = end - before, end
            # How many this item should have had by now, less how many it has had under the same rule.
            owed = (index + 1) * weight / total - _given(index, weight / total)
            if owed > farthest + 1e-12:
                best, farthest = item, owed
        return self._items[best]


def _given(count: int, part: float) -> int:
    return int(count * part + 0.5)


class UserBehaviour:
    """Users written as classes; each session has an instance of its own."""

    def __init__(self, classes: Sequence[type[User]]) -> None:
        for cls in classes:
            if not cls.tasks:
                raise UsageError("has no task", where=cls.__qualname__, hint="mark an async method with @loadstone.task")
        self._classes = Draw(classes, [cls.weight for cls in classes])
        self._tasks = {cls: Draw(cls.tasks, [task.weight for task in cls.tasks]) for cls in classes}
        self._task_tags: dict[tuple[type[User], Task], Mapping[str, str]] = {}

    async def start(self, session: Session) -> None:
        """See Behaviour."""
        cls = self._classes.at(session.index)
        user = session.user = cls()
        user._session = session  # the two halves of one thing: the script's and the engine's
        user.http, user.vars, user.index = session.client, session.vars, session.index
        if cls.tags:
            session.tags = {**session.tags, **cls.tags}
        await user.on_start()

    def begin(self, session: Session) -> Iteration:
        """See Behaviour."""
        user = session.user
        cls = type(user)
        tasks = cls.tasks
        task = self._tasks[cls].one(session.rng) if len(tasks) > 1 else tasks[0]
        return task.name, self._run_tagged(session, task) if task.tags else task.run(user)

    async def _run_tagged(self, session: Session, task: Task) -> None:
        before = session.tags
        session.tags = self._tagged(type(session.user), task, before)
        try:
            await task.run(session.user)
        finally:
            session.tags = before

    async def stop(self, session: Session) -> None:
        """See Behaviour."""
        if session.user is not None:
            await session.user.on_stop()

    def _tagged(self, cls: type[User], task: Task, before: Mapping[str, str]) -> Mapping[str, str]:
        # One mapping per task and not per iteration: prepared requests are found by it.
        found = self._task_tags.get((cls, task))
        if found is None:
            found = self._task_tags[cls, task] = {**before, **dict(task.tags)}
        return found


class StepsBehaviour:
    """Steps as a plan file writes them, compiled once."""

    TASK = "steps"  # name of an iteration that does all of them

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = [compiled(step) for step in steps]
        self._draw = Draw(self._steps, [step.weight for step in steps if step.weight]) if steps[0].weight is not None else None

    @property
    def lone_request(self) -> HttpStep | None:
        """The only step, when it is a request that is always the same and of whose reply only the status matters."""
        step = self._steps[0]
        return step if len(self._steps) == 1 and isinstance(step, HttpStep) and step.is_bare else None

    @property
    def lone_rally(self) -> WebSocketStep | None:
        """The only step, when it is one message over a WebSocket and its answer."""
        step = self._steps[0]
        return cast("WebSocketStep", step) if len(self._steps) == 1 and step.is_rally else None

    async def start(self, session: Session) -> None:
        """See Behaviour."""

    def begin(self, session: Session) -> Iteration:
        """See Behaviour."""
        if self._draw is not None:
            step = self._draw.one(session.rng)
            return step.name, step.run(session)
        return self.TASK, self._run_all(session)

    async def _run_all(self, session: Session) -> None:
        for step in self._steps:
            if not await step.run(session):
                break  # what follows needs what this one did not give

    async def stop(self, session: Session) -> None:
        """See Behaviour."""
