"""The simulated model as a running thing: who is being served, who waits, what is cached, what was done."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from loadstone.reference.answer_cache import AnswerCache
from loadstone.reference.bodies import Refusal
from loadstone.reference.prefix_cache import PrefixCache
from loadstone.reference.reply import Ask, Ending, Reply, reply_to
from loadstone.reference.shares import ExactShare
from loadstone.reference.switches import Switches
from loadstone.reference.timer import Timer

BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)


class ClientLeft(Exception):
    """The client closed its connection while it waited for its turn."""


class Spread:
    """Counts of durations by upper bound, as Prometheus keeps them."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        index = next((index for index, bound in enumerate(BUCKETS_S) if seconds <= bound), len(BUCKETS_S))
        self.counts[index] += 1
        self.sum_s += seconds


@dataclass(slots=True)
class Done:
    """What the model has done since the start of the backend.

    late_s: sum over all chunks of the time from due to sent, the backend's own error; late_max_s its greatest
    """

    requests: int = 0
    streams: int = 0
    completed: int = 0
    cancelled: int = 0
    errors: int = 0
    ended_early: int = 0
    closed: int = 0
    reset: int = 0
    rate_limited: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    tokens: int = 0
    reasoning_tokens: int = 0
    stalls: int = 0
    chunks: int = 0
    late_s: float = 0.0
    late_max_s: float = 0.0


class SimulatedModel:
    """One model with its switches in force; replacing them starts the exact shares anew and empties the caches."""

    def __init__(self, switches: Switches, seed: int, timer: Timer) -> None:
        self.done = Done()
        self.seed = seed
        self.ttft, self.e2e = Spread(), Spread()
        self.finished: Counter[str] = Counter()
        self.cache = AnswerCache(None, seed)
        self.prefixes = PrefixCache(0)
        self._timer = timer
        self._running: dict[int, tuple[float, Reply]] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.replace(switches)

    def replace(self, switches: Switches) -> None:
        """Put these switches in force, from now; answers that have begun go on as they began."""
        self.switches = switches
        self._limit = ExactShare(*switches.rate_limit.as_integer_ratio(), rng=Random(f"429 {self.seed}"))
        self.cache.replace(switches.cache, self.seed, switches.cache_entry)
        self.prefixes.resize(switches.prefix_blocks)
        self._let_in()

    def check_rate(self) -> None:
        """Raises Refusal 429, with Retry-After in whole seconds, for the exact share that the switches ask for."""
        if self._limit.pick():
            self.done.rate_limited += 1
            after = str(math.ceil(self.switches.retry_after))
            raise Refusal(429, "rate limit reached, as was asked for", code="rate_limit_exceeded", headers={"retry-after": after})

    def reply(self, ask: Ask, switches: Switches, *, hit: bool) -> Reply:
        """The answer to a request, counted as asked. A hit of the answer cache is due at once, all of it."""
        cached = self.prefixes.match(ask.prompt)
        reply = reply_to(ask, switches, self.seed, cached)
        done = self.done
        done.requests += 1
        done.streams += ask.stream
        done.prompt_tokens += reply.prompt_tokens
        done.cached_tokens += reply.cached_tokens
        if hit:
            return replace(reply, dues_s=(switches.cache_latency,) * reply.tokens)
        done.stalls += sum(freeze.at <= reply.tokens for freeze in switches.stall)
        return reply

    @asynccontextmanager
    async def generating(self, reply: Reply, arrival: float, gone: asyncio.Future[None], *, hit: bool) -> AsyncIterator[float]:
        """Hold a slot; gives the instant that the schedule counts from: the arrival, or when a slot was had.

        gone:   done when the client has left
        raises: ClientLeft when that is before its turn
        """
        if hit:
            yield arrival
            return
        start = self._timer.now() if await self._slot(gone) else arrival
        key = id(reply)
        self._running[key] = (start, reply)
        try:
            yield start
        finally:
            del self._running[key]
            self._let_in()

    @property
    def running(self) -> int:
        """Answers that are being generated."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return sum(not woken.done() for woken in self._waiting)

    @property
    def kv_usage(self) -> float:
        """Share of `kv_tokens` that prompts and answers in the making hold by their schedule, at most 1."""
        now = self._timer.now()
        held = sum(reply.prompt_tokens + bisect_right(reply.dues_s, now - start + 1e-9) for start, reply in self._running.values())
        return min(1.0, held / self.switches.kv_tokens)

    def sent(self, tokens: int, reasoning: bool, late_s: float) -> None:
        """A chunk has left so late."""
        done = self.done
        done.chunks += 1
        done.tokens += tokens
        done.late_s += late_s
        if reasoning:
            done.reasoning_tokens += tokens
        if late_s > done.late_max_s:
            done.late_max_s = late_s

    def finish(self, reply: Reply, seconds: float) -> None:
        """A whole answer was given so long after its arrival."""
        self.finished["length" if reply.cut else "stop"] += 1
        self.e2e.add(seconds)

    def ended(self, ending: Ending) -> None:
        """An answer is over in that way; a client that left is counted by `cancelled` instead."""
        name = {
            Ending.COMPLETE: "completed",
            Ending.ERROR: "errors",
            Ending.END: "ended_early",
            Ending.CLOSE: "closed",
            Ending.RESET: "reset",
        }
        setattr(self.done, name[ending], getattr(self.done, name[ending]) + 1)

    def as_json(self) -> Mapping[str, Any]:
        """The truth for /stats."""
        return {**asdict(self.done), "running": self.running, "waiting": self.waiting, "kv_usage": self.kv_usage}

    async def _slot(self, gone: asyncio.Future[None]) -> bool:
        """True when it had to be waited for."""
        slots = self.switches.slots
        if slots is None or (len(self._running) + self._granted < slots and not self.waiting):
            return False
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def leave(_: asyncio.Future[None]) -> None:
            if not woken.done():
                woken.set_exception(ClientLeft())

        self._waiting.append(woken)
        gone.add_done_callback(leave)
        try:
            await woken
        except BaseException:
            self._waiting.remove(woken)
            self._let_in()  # it may have been granted in the same moment
            raise
        self._waiting.remove(woken)
        return True

    @property
    def _granted(self) -> int:
        """Slots given to requests that have not run on yet."""
        return sum(woken.done() and not woken.cancelled() and woken.exception() is None for woken in self._waiting)

    def _let_in(self) -> None:
        free = math.inf if self.switches.slots is None else self.switches.slots - len(self._running) - self._granted
        for woken in self._waiting:
            if free <= 0:
                return
            if not woken.done():
                woken.set_result(None)
                free -= 1
