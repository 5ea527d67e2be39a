"""Calls of Python callables inside the worker, timed and counted like exchanges with a server."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json as json_codec
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import Any

from loadstone.clients.failure import Kind, bounded
from loadstone.clients.ground import Ground
from loadstone.clients.http import Place
from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.recorder import Exchanges
from loadstone.units import parse_duration

RAISED = "raised"  # kind of failure: the callable raised an exception
MOST_THREADS = 32
PREFIX = "call"
PLAIN = frozenset({bool, bytes, dict, float, int, list, str, tuple, type(None)})  # answers in one piece, of which it is seen at once


class CallReply:
    """What a call came to; `failure` says why it failed, and `value` is then None.

    value: what the callable returned; of one that gives its answer piece by piece, the list of pieces
    due_ns, sent_ns, first_ns, end_ns: monotonic ns; first is the first piece, and the end for an answer in one piece
    """

    __slots__ = ("due_ns", "end_ns", "failure", "first_ns", "reason", "sent_ns", "value")
    status = 0
    headers: Mapping[str, str] = {}

    def __init__(self, due_ns: int, sent_ns: int) -> None:
        self.due_ns, self.sent_ns, self.first_ns, self.end_ns = due_ns, sent_ns, 0, 0
        self.value: Any = None
        self.failure = self.reason = ""

    @property
    def ok(self) -> bool:
        """Did it return, in time?"""
        return not self.failure

    @property
    def text(self) -> str:
        """The value as text."""
        return self.value if isinstance(self.value, str) else "" if self.value is None else str(self.value)

    @property
    def body(self) -> bytes:
        """The value as bytes."""
        return bytes(self.value) if isinstance(self.value, bytes | bytearray | memoryview) else self.text.encode()

    def json(self) -> Any:
        """The value; a text is read as JSON, which raises ValueError."""
        return json_codec.loads(self.value) if isinstance(self.value, str | bytes) else self.value

    @property
    def response_time_s(self) -> float:
        """Due to end, in seconds."""
        return (self.end_ns - self.due_ns) / SECOND

    @property
    def service_time_s(self) -> float:
        """Sent to end, in seconds: what the callable took."""
        return (self.end_ns - self.sent_ns) / SECOND

    @property
    def first_piece_s(self) -> float:
        """Sent to the first piece, in seconds."""
        return (self.first_ns - self.sent_ns) / SECOND

    def __repr__(self) -> str:
        return f"<CallReply {'ok' if self.ok else self.failure}>"


class CallClients:
    """Callables of a scenario, each looked up once; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self.recorder, self.scenario = ground.http.recorder, ground.scenario
        self._found: dict[str, Callable[..., Any]] = {}
        self._threads: ThreadPoolExecutor | None = None
        scenario = next((each for each in ground.plan.scenarios if each.name == ground.scenario), None)
        for step in scenario.steps if scenario is not None else ():
            if step.call is not None:  # a name that nobody knows ends the run before there is load
                try:
                    self.find(step.call.target)
                except UsageError as error:
                    where = f"{ground.plan.source} scenarios.{ground.scenario} step {step.name!r} call: {error.where}".strip()
                    raise UsageError(error.what, where=where, hint=error.hint) from None

    def client(self, place: Place) -> CallClient:
        """One user's."""
        return CallClient(self, place)

    def find(self, target: str) -> Callable[..., Any]:
        """The callable of `module:function`; raises UsageError."""
        found = self._found.get(target)
        if found is None:
            found = self._found[target] = find_callable(target)
        return found

    @property
    def threads(self) -> ThreadPoolExecutor:
        """Threads for synchronous callables that must not keep others waiting, made when first used."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="call")
        return self._threads


class CallClient:
    """One user's calls: `reply = await self.call("module:function", audio, name="vad")`."""

    def __init__(self, shared: CallClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self._tags: Mapping[str, str] | None = None
        self._steps: dict[str, Exchanges] = {}

    async def __call__(
        self,
        target: str | Callable[..., Any],
        *args: Any,
        name: str = "",
        timeout: str | float | None = None,  # noqa: ASYNC109  of the whole call, and told apart from the callable's own
        thread: bool = False,
        **more: Any,
    ) -> CallReply:
        """Call a callable, or the one that `module:function` names; what it raises is a failure of the reply, never an exception."""
        timeout_s = parse_duration(timeout) if timeout is not None else None
        return await self.invoke(target, args, more, name=name, timeout_s=timeout_s, thread=thread)

    async def invoke(
        self,
        target: str | Callable[..., Any],
        args: Sequence[Any],
        more: Mapping[str, Any],
        *,
        name: str = "",
        timeout_s: float | None = None,
        thread: bool = False,
    ) -> CallReply:
        """The same with the callable's arguments kept apart from ours."""
        function = self._shared.find(target) if isinstance(target, str) else target
        step = self._step(name or (target if isinstance(target, str) else getattr(target, "__qualname__", "call")))
        due, excused = self._place.take_due()
        sent = now_ns()
        reply = CallReply(due or sent, sent)
        guard = asyncio.timeout(timeout_s)
        try:
            async with guard:
                await self._run(reply, function, args, more, thread=thread)
        except TimeoutError as error:  # ours, or one that the callable raised itself
            over = timeout_s is not None and guard.expired()
            self._fail(reply, Kind.TIMEOUT_TOTAL if over else RAISED, f"no answer within {timeout_s:g} s" if over else told(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  the callable is the user's: anything may come
            self._fail(reply, RAISED, told(error))
        reply.end_ns = reply.end_ns or now_ns()
        if timeout_s is not None and reply.ok and reply.end_ns - sent > timeout_s * SECOND:  # a synchronous one cannot be interrupted
            self._fail(reply, Kind.TIMEOUT_TOTAL, f"returned after {timeout_s:g} s")
        reply.due_ns = due or reply.sent_ns
        self._record(step, reply, excused, args)
        if not thread:
            await asyncio.sleep(0)  # a user who only calls what never waits would keep the end of the run waiting, too
        return reply

    async def _run(
        self, reply: CallReply, function: Callable[..., Any], args: Sequence[Any], more: Mapping[str, Any], *, thread: bool
    ) -> None:
        if thread:
            loop = asyncio.get_running_loop()
            value = await loop.run_in_executor(self._shared.threads, lambda: _called(reply, function, args, more))
        else:
            # Nothing of ours lies between the marks: looking at what came takes microseconds, as a short call does.
            reply.sent_ns = now_ns()
            value = function(*args, **more)
            returned_ns = now_ns()
            if type(value) in PLAIN:
                reply.end_ns = returned_ns
        if inspect.isawaitable(value):
            value = await value
        if isinstance(value, AsyncIterator):
            value = await _async_pieces(reply, value)
        elif isinstance(value, Iterator):
            value = _pieces(reply, value)
        if not reply.end_ns:
            reply.end_ns = now_ns()
        reply.value = value

    @staticmethod
    def _fail(reply: CallReply, kind: str, text: str) -> None:
        reply.failure, reply.reason, reply.value = kind, bounded(text), None

    def _record(self, step: Exchanges, reply: CallReply, excused: int, args: Sequence[Any]) -> None:
        end = reply.end_ns
        first = reply.first_ns = reply.first_ns or end
        rows = step.failed if reply.failure else step.rows
        rows.add(reply.due_ns, reply.sent_ns, first, end, end, excused, _size(reply.value), sum(map(_size, args)))
        if reply.failure:
            step.failure(reply.failure, reply.reason)

    def _step(self, name: str) -> Exchanges:
        tags = self._place.tags
        if tags is not self._tags:
            self._tags, self._steps = tags, {}
        found = self._steps.get(name)
        if found is None:
            found = self._steps[name] = self._shared.recorder.exchanges(self._shared.scenario, name, tags, PREFIX)
        return found

    def close(self) -> None:
        """Nothing is held."""


def find_callable(target: str, hint: str = "module:function") -> Callable[..., Any]:
    """What `module:function` names, looked for in the working directory, too; raises UsageError, with what its import raised."""
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise UsageError("names no callable", where=target, hint=hint)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a user's module raises while it is imported
        if isinstance(error, ModuleNotFoundError):
            hint = f"a file {module.partition('.')[0]}.py in {here}, or a package that is installed beside Loadstone"
        raise UsageError(f"cannot be called: {told(error)}", where=target, hint=hint) from None
    if not callable(found):
        raise UsageError(f"is a {type(found).__name__}, which cannot be called", where=target, hint=hint)
    return found  # type: ignore[no-any-return]


def told(error: BaseException) -> str:
    """An exception in one line."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _called(reply: CallReply, function: Callable[..., Any], args: Sequence[Any], more: Mapping[str, Any]) -> Any:
    """In a thread: the marks are made there, so that the way back through the event loop is not the callable's."""
    reply.sent_ns = now_ns()
    value = function(*args, **more)
    if isinstance(value, Iterator):
        value = _pieces(reply, value)
    if not inspect.isawaitable(value) and not isinstance(value, AsyncIterator):
        reply.end_ns = now_ns()
    return value


def _pieces(reply: CallReply, pieces: Iterator[Any]) -> list[Any]:
    found = []
    for piece in pieces:
        reply.first_ns = reply.first_ns or now_ns()
        found.append(piece)
    return found


async def _async_pieces(reply: CallReply, pieces: AsyncIterator[Any]) -> list[Any]:
    found = []
    async for piece in pieces:
        reply.first_ns = reply.first_ns or now_ns()
        found.append(piece)
    return found


def _size(value: object) -> int:
    return len(value) if isinstance(value, bytes | bytearray) else 0
