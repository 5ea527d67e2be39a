"""An analytics bot over a database of messages: critical paths, queries made of the content, side by side, hard cases, stress.

`loadstone run bot`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import asyncio
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import loadstone as ls
from loadstone.suites.bot.hard_cases import HARD_CASES, outcome
from loadstone.suites.bot.targets import METRICS, OPTIONS, PATHS, PRESETS, STRESS, chosen_parts, gates, times
from loadstone.synth.message_content import PHASES, Content, analyse
from loadstone.synth.message_queries import Query, make_queries
from loadstone.synth.message_tables import adopt
from loadstone.synth.messages import VERSION, Size, make_messages

__all__ = ["OPTIONS", "PRESETS", "build"]

ROUNDS = 3  # of the comparison; the least disturbed counts
INTERMEDIATE = "10s"  # so often what came of the run so far is written
CROWD = 100  # users at one time under the stress of many users
ANY_STATUS = range(200, 600)
HEAVY = {"memory": "digest", "cpu": "user"}  # kind of stress -> kind of query


class Questioner(ls.User):
    """Asks the queries of its scenario, shared out among its users."""

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
            reply = await self.http.post(self.settings["query_path"], json=self.body_of(query), name=query["agent"])
            if reply.ok:
                self.read(answer_of(reply), query)

    def tags_of(self, query: dict[str, Any]) -> dict[str, str]:
        return {"agent": query["agent"], "kind": query["kind"]}

    def body_of(self, query: dict[str, Any]) -> dict[str, Any]:
        """The request as this bot wants it."""
        body = placed(self.settings["question_field"], query["text"])
        return body | placed(self.settings["agent_field"], query["agent"]) if self.settings["agent_field"] else body

    def read(self, answer: Any, query: dict[str, Any]) -> None:
        """Check an answer, and write down which agents it took."""
        text = found_at(answer, self.settings["answer_field"])
        if not self.check(isinstance(text, str) and text.strip(), "there is an answer"):
            return
        if expected := query["expect"]:
            said = text.lower().replace(",", "")
            self.record("bot.facts", len(expected))
            self.record("bot.facts_missing", sum(fact.lower().replace(",", "") not in said for fact in expected))
        for call in agents_in(answer):
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
        well = [await self.single(query, "one after another") for query in queries]
        sequential = time.perf_counter() - began
        parts = [queries[at : at + size] for at in range(0, len(queries), size)]
        began = time.perf_counter()
        well += await self.side_by_side(parts)
        parallel = time.perf_counter() - began
        if self.check(all(well), "every query of the comparison is answered"):
            self.record("bot.sequential_time", sequential)
            self.record("bot.parallel_time", parallel)
            self.record("bot.time_saved", max(0.0, (1 - parallel / sequential) * 100))

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
        reply = await self.http.post(self.settings["query_path"], json=self.body_of(query), name=name)
        return bool(reply.ok)

    async def batch(self, part: list[dict[str, Any]]) -> bool:
        reply = await self.http.post(self.settings["batch_path"], json={"queries": [self.body_of(query) for query in part]}, name="batch")
        answers = answer_of(reply).get("answers") if reply.ok else None
        return isinstance(answers, list) and len(answers) == len(part) and all("error" not in each for each in answers)


class Prober(Questioner):
    """Sends what is hard to take, and writes down what became of it."""

    @ls.task
    async def ask(self) -> None:
        number = self.index + self.settings["users"] * self.vars.get("taken", 0)
        self.vars["taken"] = self.vars.get("taken", 0) + 1
        if number >= len(HARD_CASES):
            return
        case = HARD_CASES[number]
        body = placed(self.settings["question_field"], case.value)
        reply = await self.http.post(self.settings["query_path"], json=body, name=f"{case.kind}: {case.name}", expect=ANY_STATUS)
        became = outcome(reply.status, reply.text)
        self.record("bot.hard_cases", 1, {"kind": case.kind, "outcome": became})
        self.record("bot.hard_failed", int(became == "failed"), {"kind": case.kind})
        self.record("bot.hard_leaked", int(became == "leaked"), {"kind": case.kind})


def answer_of(reply: Any) -> Any:
    """The answer as JSON; an empty object for what is none."""
    try:
        return reply.json()
    except ValueError:
        return {}


def agents_in(answer: Any) -> list[dict[str, Any]]:
    """Which agents an answer says that it took."""
    told = answer.get("agents") if isinstance(answer, dict) else None
    return [each for each in told if isinstance(each, dict) and each.get("agent")] if isinstance(told, list) else []


def placed(field: str, value: object) -> dict[str, Any]:
    """`input.text` and a value as nested objects."""
    for part in reversed(field.split(".")):
        value = {part: value}
    return value if isinstance(value, dict) else {}


def found_at(answer: Any, field: str) -> Any:
    """What stands at `result.text`, or nothing; a number is a place in a list."""
    for part in field.split("."):
        if isinstance(answer, list) and part.isdigit() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    parts = chosen_parts(options)
    database, content = prepared(options)
    knows_content = options.url is None or options.database is not None
    count = min(options.query_count, options.max_queries or options.query_count)
    queries = plain(make_queries(database, content, count), knows_content=knows_content)
    many = plain(make_queries(database, content, max(200, 5 * options.critical_count), seed=2), knows_content=knows_content)
    limits, plan = times(options, parts), Plan(options, [])
    if options.url is None:
        steps = [{"name": "open database", "put": "/bot/database", "json": {"path": str(database)}}]
        plan.add("prepare", profile=ls.shared_iterations(1, 1, "30s"), steps=steps, warm_up="29s")
    critical = [query for path in PATHS for query in [each for each in many if each["agent"] == path][: options.critical_count]]
    asked = {"critical": plan.once("critical", Critical, critical, limits.critical)}
    asked["queries"] = plan.once("queries", Questioner, queries, limits.queries)
    if "parallel" in parts:
        batch_path = options.batch_path or ("/bot/batch" if options.url is None else "")
        least = options.max_concurrent * options.batch_size if batch_path else 1  # fewer would not keep all of them at work
        compared = queries * -(-max(least, len(queries)) // len(queries))
        more = {
            "queries": compared[: max(least, len(queries))],
            "batch_path": batch_path,
            "batch_size": options.batch_size if batch_path else 1,
        }
        plan.add("parallel", Comparer, ls.shared_iterations(ROUNDS, 1, limits.parallel), settings=plan.settings(more))
    if "synthetic" in parts:
        asked["synthetic"] = plan.once("synthetic", Prober, [{}] * len(HARD_CASES), limits.synthetic)
    if "stress" in parts:
        plan.stress(many, limits.stress)
    return ls.Suite(
        "bot",
        target=options.url,
        embedded=options.url is None,
        scenarios=plan.scenarios,
        gates=gates(options, parts, asked, knows_content=knows_content),
        metrics=METRICS,
        results={"files": "bot"} | ({"every": INTERMEDIATE} if options.save_intermediate_results else {}),
        graceful_stop="10s",
    )


def prepared(options: ls.Options) -> tuple[Path, Content]:
    """The database, made or brought into form, and what is in it; each phase is told as it begins."""
    folder = Path(options.data)
    if options.database is None:
        database = folder / f"messages-{options.messages}-v{VERSION}.db"
        if not database.is_file():
            tell(f"making {options.messages:,} messages: {database}")
            make_messages(database, Size(options.messages))
    else:
        tell(f"reading {options.database}")
        database = adopt(Path(options.database), folder / f"adopted-{Path(options.database).stem}.db")
    content = analyse(database, lambda phase: tell(f"analysing, {PHASES.index(phase) + 1} of {len(PHASES)}: {phase}"))
    tell(content.told())
    return database, content


def tell(text: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"bot: {text}\n")


def plain(queries: Sequence[Query], *, knows_content: bool) -> list[dict[str, Any]]:
    """Queries as settings have them; what is expected is left out when the bot knows other messages."""
    return [dataclasses.asdict(query) | {"agent": query.agent, "expect": list(query.expect) if knows_content else []} for query in queries]


class Plan:
    """The scenarios, one after another, so that none disturbs the next."""

    def __init__(self, options: ls.Options, scenarios: list[ls.Scenario]) -> None:
        self.options, self.scenarios = options, scenarios

    def settings(self, more: dict[str, Any], users: int | None = None) -> dict[str, Any]:
        """What the users of a scenario have to know."""
        names = ("query_path", "question_field", "agent_field", "answer_field", "rate_limit")
        return {name: getattr(self.options, name) for name in names} | {"users": users or self.options.max_concurrent} | more

    def add(self, name: str, users: Any = (), profile: Any = None, **settings: Any) -> None:
        """One more scenario, which begins when the one before has ended."""
        self.scenarios.append(ls.Scenario(name, users, profile, after=self.scenarios[-1].name if self.scenarios else None, **settings))

    def once(self, name: str, users: type[ls.User], queries: list[dict[str, Any]], most_s: float) -> int:
        """Each query once: so many at a time, so many a second. Gives the number of iterations."""
        at_once: int = min(self.options.max_concurrent, len(queries))
        each = -(-len(queries) // at_once)
        gap = f"{at_once / self.options.rate_limit:.6f}s"
        settings = self.settings({"queries": queries, "once": True}, at_once)
        self.add(name, users, ls.per_user_iterations(each, at_once, most_s), pacing=gap, settings=settings)
        return each * at_once

    def stress(self, queries: list[dict[str, Any]], duration_s: float) -> None:
        """The four kinds, each at the same rate."""
        rate = self.options.stress_rate
        for kind in STRESS[:3]:
            chosen = [query for query in queries if kind == "mixed" or query["kind"] == HEAVY[kind]]
            settings = self.settings({"queries": chosen}, CROWD)
            self.add(f"stress {kind}", Questioner, ls.constant_rate(rate, duration_s), settings=settings, max_sessions=CROWD)
        crowd = min(CROWD, max(1, round(rate * duration_s)))
        settings = self.settings({"queries": queries}, crowd)
        pace_s = crowd / rate
        ramp_s = min(pace_s, duration_s / 2)  # one after another, or all would ask at once for ever
        come = ls.ramping_users(1, crowd, ramp_s, hold=duration_s - ramp_s)
        self.add("stress users", Questioner, come, pacing=f"{pace_s:.6f}s", settings=settings)
