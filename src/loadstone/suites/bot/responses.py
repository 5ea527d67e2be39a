"""Queries run from Python, side by side within limits: what `loadstone run bot --parallel` does, with the answers given back."""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

import loadstone as ls
from loadstone.clients.wire import Wire
from loadstone.load.session import Session
from loadstone.load.stage import stage
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.recorder import Recorder
from loadstone.plan.model import Plan
from loadstone.plan.resolve import plan_of
from loadstone.suites.bot.bot_client import BotClient, BotReply, Callee
from loadstone.suites.bot.users import Questioner
from loadstone.synth.message_content import analyse
from loadstone.synth.message_queries import Query, make_queries
from loadstone.synth.message_tables import adopt

READ_EVERY_S = 0.25
FIELDS = {"query_path": "", "question_field": "text", "agent_field": "agent", "answer_field": "answer"}
WAIT_S = 0.2  # before the first retry; twice as long before each further one
FIRST, RETRY, FALLBACK = "first", "retry", "fallback"
Target = str | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What became of one query.

    ok:          was it answered in the end?
    first_ok:    was its first attempt?
    response_ms: of the first attempt, due to answered: from when the rate allowed it
    answer:      the text; empty without one
    by:          whose answer it is: first, retry, fallback; empty for none
    attempts:    the fallback's among them
    at_s:        when it ended, from the start of the queries
    """

    query: str
    response_ms: float
    ok: bool = True
    agent: str = ""
    answer: str = ""
    by: str = FIRST
    attempts: int = 1
    first_ok: bool = True
    at_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process took: resident bytes, and percent of one core since the reading before."""

    at_s: float
    memory_bytes: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class Responses(Sequence[Response]):
    """All of them, in the order of the queries.

    work:     tells queries and limits apart: only what did the same work is compared
    readings: of the process that was watched; empty where none was
    """

    each: tuple[Response, ...]
    seconds: float
    began: datetime
    means: str = "call"
    work: str = ""
    readings: tuple[Reading, ...] = field(default=())

    def __getitem__(self, at: Any) -> Any:
        return self.each[at]

    def __len__(self) -> int:
        return len(self.each)

    def __iter__(self) -> Iterator[Response]:
        return iter(self.each)

    @property
    def success_rate(self) -> float:
        """Share of first attempts that were answered; what a retry or a fallback saved has failed at first."""
        return sum(each.first_ok for each in self.each) / len(self.each)

    @property
    def attempts(self) -> dict[str, int]:
        """First attempts, retries and fallbacks, and queries that stayed without an answer."""
        fallbacks = sum(each.by == FALLBACK or each.reason.startswith(FALLBACK) for each in self.each)
        more = sum(each.attempts - 1 for each in self.each)
        return {FIRST: len(self.each), RETRY: more - fallbacks, FALLBACK: fallbacks, "unanswered": sum(not each.ok for each in self.each)}


def queries_of(database: str | Path, count: int = 50, seed: int = 1) -> list[Query]:
    """Queries about the messages of somebody's SQLite file, which is only read; raises UsageError for one without messages."""
    with tempfile.TemporaryDirectory(prefix="loadstone-") as folder:
        own = adopt(Path(database), Path(folder) / "adopted.db")
        return make_queries(own, analyse(own), count, seed)


def run_queries(target: Target, queries: Iterable[Any], **limits: Any) -> Responses:
    """Ask a bot all queries and wait for the answers; see `gather_responses`, for use where an event loop runs already."""
    return asyncio.run(gather_responses(target, queries, **limits))


async def gather_responses(
    target: Target,
    queries: Iterable[Any],
    *,
    max_concurrent: int = 5,
    rate_limit: float = 10.0,
    retries: int = 0,
    fallback: Target | None = None,
    pid: int | None = None,
    **fields: str,
) -> Responses:
    """The answers to all queries, so many at a time and so many a second.

    target:   a callable, plain or async, that takes the question (and `agent` where it has that); `module:function`; or a URL
    queries:  texts, (agent, text) pairs, or what `queries_of` made
    fallback: a callable that is asked when all attempts failed
    pid:      the process whose memory and CPU are read; None: this one for a callable, nobody's for a URL
    fields:   question_field, agent_field, answer_field of a bot at a URL
    raises:   UsageError for what cannot be meant; a query that fails is data
    """
    asked = [_query(each) for each in queries]
    if not asked or max_concurrent < 1 or not rate_limit > 0 or retries < 0:
        what = "there are no queries" if not asked else "max_concurrent and rate_limit must be more than 0, retries 0 or more"
        raise ls.UsageError(what, where="run_queries", hint='run_queries(ask, ["What is new?"], max_concurrent=5, rate_limit=10)')
    if wrong := set(fields) - set(FIELDS):
        raise ls.UsageError(f"there is no setting {wrong.pop()!r}", where="run_queries", hint=", ".join(FIELDS))
    url = target if isinstance(target, str) and "://" in target else None
    how = FIELDS | {"query_path": url or ""} | fields | {"call": None if url else Callee.of(target, "agent")}
    line = _Line(how, retries, Callee.of(fallback, "agent") if fallback else None, 1 / rate_limit)
    work = hashlib.sha256(repr((asked, max_concurrent, rate_limit, bool(url))).encode()).hexdigest()[:16]
    began, mark = datetime.now(UTC), time.perf_counter()
    watched = pid if pid is not None else None if url else os.getpid()
    readings: list[Reading] = []
    watch = asyncio.create_task(_read(watched, readings)) if watched is not None else None
    try:
        found = await _ask_all(_plan(url), line, asked, max_concurrent)
    finally:
        if watch is not None:
            watch.cancel()
            await asyncio.wait([watch])
    return Responses(tuple(found), time.perf_counter() - mark, began, "http" if url else "call", work, tuple(readings))


@dataclass(frozen=True, slots=True)
class _Line:
    """How one query after another is asked; `gap_s` lies between their due times."""

    how: dict[str, Any]
    retries: int
    fallback: Callee | None
    gap_s: float

    async def ask(self, session: Session, query: tuple[str, str], due_ns: int, began_ns: int) -> Response:
        """All attempts at one."""
        agent, text = query
        bot, timers = BotClient(self.how, session.speak), session.scene.timers
        await timers.wait_until(due_ns)
        session.set_due(max(due_ns, began_ns))
        reply = first = await bot.ask(text, agent, name=agent or "query")
        by, attempts = FIRST, 1
        while not reply.ok and reply.worth_another_try and attempts <= self.retries:
            await session.sleep(WAIT_S * 2 ** (attempts - 1))
            reply = await bot.ask(text, agent, name=agent or "query")
            by, attempts = RETRY, attempts + 1
        reason = reply.reason
        if not reply.ok and self.fallback is not None:
            reply = await bot.ask(text, agent, name="fallback", at=self.fallback)
            by, attempts = FALLBACK, attempts + 1
            reason = f"{FALLBACK}: {reply.reason}"
        return Response(
            text,
            first.seconds * 1e3,
            ok=reply.ok,
            agent=agent,
            answer=_words(bot, reply),
            by=by if reply.ok else "",
            attempts=attempts,
            first_ok=first.ok,
            at_s=(timers.now_ns() - began_ns) / 1e9,
            reason="" if reply.ok else reason,
        )


async def _ask_all(plan: Plan, line: _Line, asked: list[tuple[str, str]], max_concurrent: int) -> list[Response]:
    wire = Wire(asyncio.get_running_loop())
    found: dict[int, Response] = {}
    try:
        scene = stage(plan, plan.scenarios[0], wire, Recorder(), Catalogue())
        sessions = [scene.enter(index) for index in range(min(max_concurrent, len(asked)))]
        began_ns, numbers = wire.timers.now_ns(), iter(range(len(asked)))

        async def serve(session: Session) -> None:
            for number in numbers:
                due_ns = began_ns + round(number * line.gap_s * 1e9)
                found[number] = await line.ask(session, asked[number], due_ns, began_ns)

        try:
            async with asyncio.TaskGroup() as group:
                for session in sessions:
                    group.create_task(serve(session))
        finally:
            for session in sessions:
                session.close()
    finally:
        wire.close()
    return [found[number] for number in range(len(asked))]


async def _read(pid: int, readings: list[Reading]) -> None:
    """Read a process until cancelled; one that is gone is read no more."""
    try:
        process, began = psutil.Process(pid), time.perf_counter()
        process.cpu_percent()
        wait_s = READ_EVERY_S / 10  # a short run has a reading, too
        while True:
            await asyncio.sleep(wait_s)
            wait_s = READ_EVERY_S
            readings.append(Reading(time.perf_counter() - began, float(process.memory_info().rss), process.cpu_percent()))
    except psutil.Error:
        return


def _plan(url: str | None) -> Plan:
    scenario = ls.Scenario("queries", Questioner, ls.constant_users(1, "1s"))
    return plan_of(ls.Suite("bot", target=url, scenarios=[scenario]))[0]


def _query(given: Any) -> tuple[str, str]:
    """Agent and text."""
    if isinstance(given, str):
        return "", given
    if isinstance(given, Query):
        return given.agent, given.text
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(part, str) for part in given):
        return given
    raise ls.UsageError(f"{given!r} is no query", where="run_queries", hint='a text, ("agent", "text"), or queries_of(database)')


def _words(bot: BotClient, reply: BotReply) -> str:
    words = bot.words_of(reply) if reply.ok else ""
    return words if isinstance(words, str) else reply.text if reply.ok else ""
