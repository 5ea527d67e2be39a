"""The two ways to say what a user does, in the form that sessions run: classes with tasks, and written steps."""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic, TypeVar

from loadstone.errors import UsageError
from loadstone.load.session import Session
from loadstone.plan.check_text import parse_check
from loadstone.plan.extract import compile_extract
from loadstone.plan.http import status_set
from loadstone.plan.reply import MISSING
from loadstone.plan.steps import Step
from loadstone.plan.template import MissingValue, compile_template, compile_value, templates_in
from loadstone.plan.user import Task, User

Item = TypeVar("Item")


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

    async def iterate(self, session: Session) -> str:
        """See Behaviour."""
        user = session.user
        cls = type(user)
        draw = self._tasks[cls]
        task = draw.one(session.rng) if len(cls.tasks) > 1 else cls.tasks[0]
        if not task.tags:
            await task.run(user)
            return task.name
        before = session.tags
        session.tags = self._tagged(cls, task, before)
        try:
            await task.run(user)
        finally:
            session.tags = before
        return task.name

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
        compiled = [CompiledStep(step) for step in steps]
        self._steps = compiled
        self._draw = Draw(compiled, [step.weight for step in steps if step.weight]) if steps[0].weight is not None else None

    @property
    def lone_request(self) -> CompiledStep | None:
        """The only step, when it is a request that is always the same and of whose reply only the status matters."""
        step = self._steps[0]
        return step if len(self._steps) == 1 and step.is_bare else None

    async def start(self, session: Session) -> None:
        """See Behaviour."""

    async def iterate(self, session: Session) -> str:
        """See Behaviour."""
        if self._draw is not None:
            step = self._draw.one(session.rng)
            await step.run(session)
            return step.name
        for step in self._steps:
            if not await step.run(session):
                break  # what follows needs what this one did not give
        return self.TASK

    async def stop(self, session: Session) -> None:
        """See Behaviour."""


class CompiledStep:
    """One written exchange: its request filled in, its checks and extracts applied."""

    def __init__(self, step: Step) -> None:
        self.name = step.name
        self._method = step.method
        self._path = compile_template(step.path)
        self._options = self._compile_options(step)
        self._checks = [parse_check(text) for text in step.checks]
        self._extracts = [(name, compile_extract(text)) for name, text in step.extract.items()]
        self._think = step.think
        self._tags: Mapping[str, str] = {**step.tags, **({"group": step.group} if step.group else {})}
        self._tagged: dict[int, Mapping[str, str]] = {}
        # Nothing in it changes from one time to the next: then the request is made once.
        varying = (step.path, step.params, step.headers, step.json_body, step.form, step.multipart, step.body)
        self._constant = all(template.is_constant for part in varying if part is not None for template in templates_in(part))
        self._prepared: Any = None
        self._needs_body = bool(self._checks or self._extracts)
        self.is_bare = self._constant and not (self._checks or self._extracts or self._think or self._tags)

    def _compile_options(self, step: Step) -> list[tuple[str, Callable[[Session], Any]]]:
        options: list[tuple[str, Callable[[Session], Any]]] = []
        for name, value in (
            ("params", step.params),
            ("headers", step.headers),
            ("json", step.json_body),
            ("form", step.form),
            ("body", step.body),
        ):
            if value not in (None, {}):
                options.append((name, compile_value(value)))
        if step.multipart is not None:
            plain, files = _split_files(step.multipart)
            options.append(("form", compile_value(plain)))
            options.append(("files", lambda _session: files))
        if step.file is not None:
            content = _read(step.file)
            options.append(("body", lambda _session: content))
        if step.expect is not None:
            expect = status_set(step.expect)
            options.append(("expect", lambda _session: expect))
        return options

    async def run(self, session: Session) -> bool:
        """One exchange; False when the steps after it make no sense."""
        before = session.tags
        if self._tags:
            session.tags = self._with_tags(before)
        try:
            prepared = self._prepared
            if prepared is None:
                prepared = self.prepare(session)
            reply = await session.client.exchange(prepared)
            good = bool(reply.ok)
            for check in self._checks:
                session.check(check.evaluate(reply), check.text)
            for name, extract in self._extracts:
                value = extract(reply)
                if value is MISSING:
                    session.check(False, f"extract {name}")
                    session.vars.pop(name, None)
                    good = False
                else:
                    session.vars[name] = value
        except MissingValue as missing:
            session.check(False, f"{self.name}: {missing}")
            return False
        finally:
            session.tags = before
        if self._think is not None:
            await session.sleep(session.draw_s(self._think))
        return good

    def prepare(self, session: Session) -> Any:
        """The request as bytes, filled in for this session."""
        if self._prepared is not None:
            return self._prepared
        options = {name: fill(session) for name, fill in self._options}
        prepared = session.client.prepare(self._method, self._path.render(session), name=self.name, keep_body=self._needs_body, **options)
        if self._constant:
            self._prepared = prepared
        return prepared

    def _with_tags(self, before: Mapping[str, str]) -> Mapping[str, str]:
        found = self._tagged.get(id(before))
        if found is None:
            found = self._tagged[id(before)] = {**before, **self._tags}
        return found


def _split_files(parts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    plain, files = {}, {}
    for name, value in parts.items():
        if isinstance(value, Mapping) and "file" in value:
            files[name] = (Path(value["file"]).name, _read(value["file"]))
        else:
            plain[name] = value
    return plain, files


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=file) from None
