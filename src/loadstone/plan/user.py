"""What one user does, written as a class with tasks; the engine binds each instance to a session."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, overload

from pydantic import ValidationError

from loadstone.errors import UsageError
from loadstone.plan.think import Pacing, ThinkTime
from loadstone.units import parse_duration

TaskFunction = Callable[[Any], Awaitable[None]]
Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "__loadstone_task__"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a user does; `weight` is its share among the tasks of the class."""

    name: str
    run: TaskFunction
    weight: float
    tags: tuple[tuple[str, str], ...] = ()


class Session(Protocol):
    """What the engine gives to a user: the part of it that `User` passes on."""

    data: Mapping[str, Any]

    @property
    def rng(self) -> random.Random:
        """Random numbers of this user alone."""

    @property
    def seed(self) -> int:
        """The plan's seed."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the plan says to this scenario's users."""

    def speak(self, kind: str) -> Any:
        """This user's client of a kind."""

    def check(self, holds: bool, name: str) -> bool:
        """Count whether something held."""

    def group(self, name: str) -> AbstractAsyncContextManager[None]:
        """Steps inside carry the group's name."""

    def tagged(self, tags: Mapping[str, str], /) -> AbstractContextManager[None]:
        """What is recorded inside carries the tags."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait without keeping others waiting."""

    def record(self, metric: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Add a value to a metric of the suite's own."""


class User:
    """Subclass this; each `@task` method is one iteration.

    The engine sets, before on_start: `http` (client with keep-alive of its own), `index` (0 …), `vars` (a dict that lives
    as long as the user).
    """

    weight: ClassVar[float] = 1
    think: ClassVar[ThinkTime | str | float | None] = None
    pacing: ClassVar[Pacing | str | float | None] = None
    tags: ClassVar[Mapping[str, str]] = {}
    tasks: ClassVar[tuple[Task, ...]] = ()

    http: Any
    index: int
    vars: dict[str, Any]
    _session: Session

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.weight > 0:
            raise UsageError(f"weight = {cls.weight}: must be more than 0", where=cls.__qualname__, hint="weight = 1")
        cls.tasks = tuple(_tasks_of(cls))
        for name, model in (("think", ThinkTime), ("pacing", Pacing)):
            if (value := getattr(cls, name)) is not None:
                try:
                    setattr(cls, name, model.model_validate(value))
                except ValidationError as error:
                    what = error.errors()[0]["msg"].removeprefix("Value error, ")
                    raise UsageError(f"{name} = {value!r}: {what}", where=cls.__qualname__, hint=f'{name} = "1s"') from None

    @property
    def rng(self) -> random.Random:
        """Random numbers of this user alone, the same for any number of workers; made when first used (2.5 kB)."""
        return self._session.rng

    @property
    def plan_seed(self) -> int:
        """The plan's seed; each level of a sweep has one of its own, so that questions made with it are new there."""
        return self._session.seed

    @property
    def data(self) -> Mapping[str, Any]:
        """The feed's row for this user or this iteration."""
        return self._session.data

    @data.setter
    def data(self, row: Mapping[str, Any]) -> None:
        self._session.data = row

    def client(self, kind: str) -> Any:
        """This user's client of a kind that is installed under that name (`loadstone plugins`), made when first asked for."""
        return self._session.speak(kind)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The scenario's `settings`, as the plan has them."""
        return self._session.settings

    @property
    def websocket(self) -> Any:
        """This user's WebSockets: `async with self.websocket.connect("/ws/chat") as ws:`."""
        return self._session.speak("websocket")

    @property
    def llm(self) -> Any:
        """This user's language-model client: `answer = await self.llm.chat("…")`."""
        return self._session.speak("llm")

    @property
    def sse(self) -> Any:
        """This user's client of event streams: `stream = await self.sse.get("/events", limit=10)`."""
        return self._session.speak("sse")

    @property
    def speech(self) -> Any:
        """This user's speech services: `heard = await self.speech.transcribe(wav)`, `said = await self.speech.synthesize("…")`."""
        return self._session.speak("speech")

    @property
    def call(self) -> Any:
        """This user's calls of Python callables: `reply = await self.call("module:function", audio, name="vad")`."""
        return self._session.speak("call")

    async def on_start(self) -> None:
        """Runs once before the user's first task."""

    async def on_stop(self) -> None:
        """Runs once after the user's last task, also when the run is stopped."""

    def check(self, holds: object, name: str) -> bool:
        """Count a check by name; gives the truth back and never raises."""
        return self._session.check(bool(holds), name)

    def group(self, name: str) -> AbstractAsyncContextManager[None]:
        """`async with self.group("basket"):` — steps inside are tagged with the group."""
        return self._session.group(name)

    def tagged(self, **tags: str) -> AbstractContextManager[None]:
        """`with self.tagged(agent="search"):` — steps, checks and values inside carry these tags; each pair costs series of its own."""
        return self._session.tagged(tags)

    async def sleep(self, wait: str | float) -> None:
        """Wait: seconds, or text as "500ms"."""
        await self._session.sleep(parse_duration(wait))

    def record(self, metric: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Add a value to a metric of the suite's own."""
        self._session.record(metric, value, tags)


@overload
def task(function: Function) -> Function: ...


@overload
def task(*, weight: float = 1, tags: Mapping[str, str] | None = None, name: str = "") -> Callable[[Function], Function]: ...


def task(function: Function | None = None, *, weight: float = 1, tags: Mapping[str, str] | None = None, name: str = "") -> Any:
    """Mark a method as a task: `@task`, or `@task(weight=3, tags={"kind": "read"})`."""

    def mark(method: Function) -> Function:
        where = getattr(method, "__qualname__", str(method))
        called = getattr(method, "__name__", "task")
        if not inspect.iscoroutinefunction(method):
            raise UsageError("a task must be an async function", where=where, hint=f"async def {called}(self): ...")
        if not weight > 0:
            raise UsageError(f"weight = {weight}: must be more than 0", where=where, hint="@task(weight=1)")
        pairs = tuple(sorted((str(key), str(value)) for key, value in (tags or {}).items()))
        setattr(method, _MARK, Task(name or called, method, weight, pairs))
        return method

    return mark if function is None else mark(function)


def _tasks_of(cls: type) -> list[Task]:
    """Tasks in the order they are written, parents first; a method that overrides a task takes its place."""
    found: dict[str, Task | None] = {}
    for owner in reversed(cls.__mro__):
        for attribute, value in vars(owner).items():
            marked = getattr(value, _MARK, None)
            if marked is not None or attribute in found:
                found[attribute] = marked
    return [each for each in found.values() if each is not None]
