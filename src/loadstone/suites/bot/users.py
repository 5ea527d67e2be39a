"""Users of the bot suite: they ask, walk critical paths, compare, and send what is hard to take; all of them clean up behind themselves."""

import asyncio
import time
from typing import Any

import loadstone as ls
from loadstone.suites.bot.bot_client import BotClient, BotReply, Callee, agents_in
from loadstone.suites.bot.hard_cases import HARD_CASES, outcome

CLEAN_UP_AGAIN = 2


class Questioner(ls.User):
    """Asks the queries of its scenario, shared out among its users."""

    bot: BotClient

    async def on_start(self) -> None:
        self.bot = BotClient(self.settings, lambda kind: self.http if kind == "http" else self.client(kind))

    async def on_stop(self) -> None:
        """Clean up, also when the run was stopped; what fails is tried again, then counted and gated."""
        if self.settings["cleanup"]:
            reply = await self.clean_up()
            for _ in range(CLEAN_UP_AGAIN):
                if not reply.worth_another_try:
                    break
                reply = await self.clean_up()
            self.record("bot.cleanups", 1)
            self.record("bot.cleanups_failed", int(not reply.ok))

    async def clean_up(self) -> BotReply:
        """One try."""
        place, given = self.settings["cleanup"], {"part": self.settings["part"], "user": self.index}
        if isinstance(place, str):
            return await self.bot.post(place, given, name="clean up")
        return await self.bot.call(Callee(*place), (), given, name="clean up")

    def next_query(self) -> dict[str, Any] | None:
        """The queries by turns; none when they have all been asked once and that is enough."""
        queries, users = self.settings["queries"], self.settings["users"]
        number = self.index + users * self.vars.get("taken", 0)
        self.vars["taken"] = self.vars.get("taken", 0) + 1
        if number >= len(queries) and self.settings.get("once"):
            return None
        query: dict[str, Any] = queries[number % len(queries)]
        return query

    @ls.task
    async def ask(self) -> None:
        if (query := self.next_query()) is None:
            return
        with self.tagged(**self.tags_of(query)):
            reply = await self.answered(query)
            if reply.ok:
                self.read(reply, query)

    def tags_of(self, query: dict[str, Any]) -> dict[str, str]:
        return {"agent": query["agent"], "kind": query["kind"]}

    async def answered(self, query: dict[str, Any]) -> BotReply:
        """The first attempt, and where that is allowed further ones, each told apart by the tag `attempt`."""
        retries, fallback = self.settings["retries"], self.settings["fallback"]
        if not (retries or fallback):
            return await self.attempt(query)
        reply = await self.attempt(query, "first")
        self.record("bot.questions", 1)
        for number in range(retries):
            if not reply.worth_another_try:
                break
            await self.sleep(self.settings["retry_wait"] * 2**number)
            reply = await self.attempt(query, "retry")
            self.record("bot.retries", 1)
            self.record("bot.retries_failed", int(not reply.ok))
        if fallback and not reply.ok:
            reply = await self.attempt(query, "fallback", at=fallback)
            self.record("bot.fallbacks", 1)
            self.record("bot.fallbacks_failed", int(not reply.ok))
        self.record("bot.unanswered", int(not reply.ok))
        return reply

    async def attempt(self, query: dict[str, Any], attempt: str = "", at: Any = None) -> BotReply:
        """One try."""
        with self.tagged(**({"attempt": attempt} if attempt else {})):
            return await self.bot.ask(query["text"], query["agent"], name=query["agent"], at=at)

    def read(self, reply: BotReply, query: dict[str, Any]) -> None:
        """Check an answer, and write down which agents it took."""
        text = self.bot.words_of(reply)
        if not self.check(isinstance(text, str) and text.strip(), "there is an answer"):
            return
        if expected := query["expect"]:
            said = text.lower().replace(",", "")
            self.record("bot.facts", len(expected))
            self.record("bot.facts_missing", sum(fact.lower().replace(",", "") not in said for fact in expected))
        for call in agents_in(reply.answer):
            self.record("bot.agent_calls", call.get("calls") or 1, {"agent": str(call["agent"])})
            if isinstance(call.get("milliseconds"), int | float):
                self.record("bot.compute_time", call["milliseconds"], {"agent": str(call["agent"])})


class Critical(Questioner):
    """Walks the paths without which the bot is of no use."""

    def tags_of(self, query: dict[str, Any]) -> dict[str, str]:
        return {"agent": query["agent"], "path": query["agent"], "kind": query["kind"]}


class Comparer(Questioner):
    """Asks the same queries one after another, then side by side."""

    @ls.task
    async def ask(self) -> None:
        queries, size = self.settings["queries"], self.settings["batch_size"]
        began = time.perf_counter()
        well, took = await self.one_after_another(queries)
        sequential = time.perf_counter() - began
        parts = [queries[at : at + size] for at in range(0, len(queries), size)]
        began = time.perf_counter()
        well += await self.side_by_side(parts)
        parallel = time.perf_counter() - began
        if self.check(all(well), "every query of the comparison is answered"):
            least = max(took / self.settings["users"], (len(parts) - 1) / self.settings["rate_limit"] + took / len(queries))
            self.record("bot.sequential_time", sequential)
            self.record("bot.parallel_time", parallel)
            self.record("bot.time_saved", max(0.0, (1 - parallel / sequential) * 100))
            self.record("bot.parallel_efficiency", min(1.0, least / parallel) * 100)

    async def one_after_another(self, queries: list[dict[str, Any]]) -> tuple[list[bool], float]:
        """No more a second than is allowed; gives the seconds of the answers alone, too."""
        well, took, gap = [], 0.0, 1 / self.settings["rate_limit"]
        for query in queries:
            began = time.perf_counter()
            well.append(await self.single(query, "one after another"))
            seconds = time.perf_counter() - began
            took += seconds
            if query is not queries[-1]:
                await asyncio.sleep(max(0.0, gap - seconds))
        return well, took

    async def side_by_side(self, parts: list[list[dict[str, Any]]]) -> list[bool]:
        """So many at once, and so many a second, as the options allow."""
        room, gap = asyncio.Semaphore(self.settings["users"]), 1 / self.settings["rate_limit"]
        began = asyncio.get_running_loop().time()

        async def one(number: int, part: list[dict[str, Any]]) -> bool:
            async with room:
                await asyncio.sleep(max(0.0, began + number * gap - asyncio.get_running_loop().time()))
                return await (self.batch(part) if self.settings["batch_path"] else self.single(part[0], "side by side"))

        return list(await asyncio.gather(*(one(number, part) for number, part in enumerate(parts))))

    async def single(self, query: dict[str, Any], name: str) -> bool:
        reply = await self.bot.ask(query["text"], query["agent"], name=name)
        return reply.ok

    async def batch(self, part: list[dict[str, Any]]) -> bool:
        bodies = [self.bot.body_of(query["text"], query["agent"]) for query in part]
        reply = await self.bot.post(self.settings["batch_path"], {"queries": bodies}, name="batch")
        answers = reply.answer.get("answers") if reply.ok and isinstance(reply.answer, dict) else None
        return isinstance(answers, list) and len(answers) == len(part) and all("error" not in each for each in answers)


class Prober(Questioner):
    """Sends what is hard to take, and writes down what became of it."""

    @ls.task
    async def ask(self) -> None:
        number = self.index + self.settings["users"] * self.vars.get("taken", 0)
        self.vars["taken"] = self.vars.get("taken", 0) + 1
        if number < len(HARD_CASES):
            case = HARD_CASES[number]
            await self.probe(case.kind, case.value, f"{case.kind}: {case.name}")

    async def probe(self, kind: str, value: Any, name: str) -> None:
        """One of them."""
        reply = await self.bot.ask(value, name=name, hard=True)
        became = outcome(reply.status, reply.text)
        self.record("bot.hard_cases", 1, {"kind": kind, "outcome": became} | self.settings.get("about", {}))
        self.record("bot.hard_failed", int(became == "failed"), {"kind": kind})
        self.record("bot.hard_leaked", int(became == "leaked"), {"kind": kind})


class Adventurer(Prober):
    """Asks the queries of a scenario that its user wrote."""

    @ls.task
    async def ask(self) -> None:
        if (query := self.next_query()) is not None:
            await self.probe(self.settings["part"], query["value"], self.settings["part"])
