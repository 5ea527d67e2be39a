"""`/bot/query` and what belongs to it: a bot that answers questions about a message database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object, text_field
from loadstone.reference.bot.question import AGENTS, Question, read_question
from loadstone.reference.simulator import count_tokens
from loadstone.reference.state import Backend, backend_of

if TYPE_CHECKING:
    from loadstone.reference.bot.message_base import MessageBase

# One, because computing holds the interpreter lock, and more would wait for it once per row of a result.
THREADS = 1
MOST_BATCH = 100
MOST_WORDED_TOKENS = 20  # an answer's first words come from the model, the rest is quoted


class Bot:
    """The bot of one backend; without a database it answers 404 and says how to get one."""

    def __init__(self) -> None:
        self.base: MessageBase | None = None
        self.calls: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="bot")

    def open(self, path: Path) -> None:
        """Read another database; raises UsageError, and keeps the one before."""
        from loadstone.reference.bot.message_base import MessageBase  # numpy takes a tenth of a second, and not everybody asks the bot

        before, self.base = self.base, MessageBase(path)
        if before is not None:
            before.close()

    async def answer(self, backend: Backend, question: Question) -> dict[str, Any]:
        """Compute the answer in a thread, then wait as long as the simulated model takes to word it."""
        if self.base is None:
            raise Refusal(404, "the bot has no messages: loadstone serve --bot-database FILE, or PUT /bot/database", code="no_database")
        from loadstone.reference.bot.agents import AGENTS as WORK

        began = time.perf_counter()
        work = partial(WORK[question.agent], self.base, question)
        found = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        computed_s = time.perf_counter() - began
        tokens = count_tokens(found.answer)
        await backend.timer.until(backend.timer.now() + _wording_s(backend, found.answer, min(tokens, MOST_WORDED_TOKENS)))
        usage = [{"agent": question.agent, "calls": 1, "milliseconds": round(computed_s * 1e3, 3)}]
        usage += [{"agent": name, "calls": 1, "milliseconds": None} for name in found.asked]
        for each in usage:
            self.calls[str(each["agent"])] += 1
        self.seconds[question.agent] += computed_s
        return {
            "agent": question.agent,
            "answer": found.answer,
            "facts": found.facts,
            "sources": found.sources,
            "agents": usage,
            "usage": {"completion_tokens": tokens},
        }

    def close(self) -> None:
        """End the threads and close the database."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self.base is not None:
            self.base.close()


def _wording_s(backend: Backend, text: str, tokens: int) -> float:
    """How long the simulated model takes: the same for the same text."""
    switches, rng = backend.model.switches, Random(f"bot {backend.settings.seed} {text}")
    return switches.ttft.draw(rng) + sum(switches.token_gap.draw(rng) for _ in range(tokens))


async def query(request: Request) -> Response:
    """`{"text": …, "agent": …}`: one question; without an agent, its words decide which one answers."""
    backend = backend_of(request)
    backend.model.check_rate()
    return JSONResponse(await backend.bot.answer(backend, _question(await read_object(request))))


async def batch(request: Request) -> Response:
    """`{"queries": [{"text": …}, …]}`: several at once; each has its answer, or its error, in the same place."""
    backend = backend_of(request)
    given = (await read_object(request)).get("queries")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_BATCH or not all(isinstance(each, dict) for each in given):
        raise Refusal(400, f"'queries' must be a list of 1 to {MOST_BATCH} objects", param="queries")
    backend.model.check_rate()
    return JSONResponse({"answers": await asyncio.gather(*(_answered(backend, each) for each in given))})


async def agents(request: Request) -> Response:
    """How often each agent was asked, and how long it computed."""
    bot = backend_of(request).bot
    total = sum(bot.calls.values())
    shown = [
        {
            "agent": name,
            "calls": bot.calls[name],
            "share": bot.calls[name] / total if total else 0.0,
            "seconds": round(bot.seconds[name], 6),
        }
        for name in AGENTS
    ]
    return JSONResponse({"agents": shown, "calls": total})


async def show_database(request: Request) -> Response:
    """Which messages the bot knows."""
    base = backend_of(request).bot.base
    return JSONResponse({"path": str(base.path) if base else None, "messages": base.messages if base else 0})


async def open_database(request: Request) -> Response:
    """`{"path": …}`: read another database, a file on the backend's own machine."""
    bot = backend_of(request).bot
    path = text_field(await read_object(request), "path")
    try:
        await asyncio.to_thread(bot.open, Path(path))
    except (UsageError, ValueError) as error:
        raise Refusal(400, str(error), param="path") from None
    return await show_database(request)


def _question(body: dict[str, Any]) -> Question:
    return read_question(text_field(body, "text"), text_field(body, "agent") if body.get("agent") is not None else None)


async def _answered(backend: Backend, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return await backend.bot.answer(backend, _question(body))
    except Refusal as error:
        return {"error": {"status": error.status, "message": error.message, "param": error.param}}


ROUTES = [
    Route("/bot/query", query, methods=["POST"]),
    Route("/bot/batch", batch, methods=["POST"]),
    Route("/bot/agents", agents, methods=["GET"]),
    Route("/bot/database", show_database, methods=["GET"]),
    Route("/bot/database", open_database, methods=["PUT"]),
]
