"""An analytics bot over a database of messages: critical paths, queries made of the content, side by side, hard cases, stress.

`loadstone run bot`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.suites.bot.bot_client import Callee
from loadstone.suites.bot.hard_cases import HARD_CASES
from loadstone.suites.bot.part_times import times
from loadstone.suites.bot.scenarios import BETWEEN, SyntheticScenario, read_scenarios
from loadstone.suites.bot.targets import METRICS, OPTIONS, PATHS, PRESETS, STRESS, baseline_of, chosen_parts, gates, loads
from loadstone.suites.bot.users import Adventurer, Comparer, Critical, Prober, Questioner
from loadstone.synth.message_content import PHASES, Content, analyse
from loadstone.synth.message_queries import Query, make_queries
from loadstone.synth.message_tables import adopt
from loadstone.synth.messages import VERSION, Size, make_messages

__all__ = ["OPTIONS", "PRESETS", "build"]

ROUNDS = 3  # of the comparison; the least disturbed counts
INTERMEDIATE = "10s"  # so often what came of the run so far is written
PEAK = 5  # times the rate before a spike
BURSTS = 5  # in the time of a shape
CROWD = 100  # users at one time under the stress of many users
CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
HEAVY = {"memory": "digest", "cpu": "user"}  # kind of stress -> kind of query


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    if options.url and options.call:
        raise ls.UsageError("a bot is at a URL, or a callable", where="--url and --call", hint="one of them")
    parts, own, embedded = chosen_parts(options), read_scenarios(options.scenarios), not (options.url or options.call)
    limits, plan = times(options, parts, len(PATHS), len(loads(options, parts)), own), Plan(options, [])
    database, content = prepared(options)
    try:
        asks = Queries.of(database, content, options, knows_content=embedded or options.database is not None)
    finally:
        if options.database and not embedded:
            database.unlink(missing_ok=True)  # a copy of somebody's messages, which the reference backend alone would need
    if embedded:
        steps = [{"name": "open database", "put": "/bot/database", "json": {"path": str(database)}}]
        plan.add("prepare", profile=ls.shared_iterations(1, 1, "30s"), steps=steps, warm_up="29s")
    asked = {"critical": plan.once("critical", Critical, asks.critical, limits.critical)}
    asked["queries"] = plan.once("queries", Questioner, asks.made, limits.queries)
    if "parallel" in parts:
        plan.parallel(asks.made, limits.parallel)
    if "synthetic" in parts:
        asked["synthetic"] = plan.once("synthetic", Prober, [{}] * len(HARD_CASES), limits.synthetic)
    for each in own:
        asked[each.name] = plan.own(each, limits.own[each.name])
    if "stress" in parts:
        plan.stress(asks.many, limits.stress)
    for shape in options.shapes or ():
        plan.shape(shape, asks.many, limits.stress)
    name = baseline_of(options)
    return ls.Suite(
        "bot",
        target=options.url,
        embedded=embedded,
        scenarios=plan.scenarios,
        gates=gates(options, parts, asked, own, knows_content=asks.knows_content),
        metrics=METRICS,
        probes=probes(options),
        baselines={"name": name, "rules": "bot", "auto_update": True} if options.auto_update_baselines else {},
        results={"files": "bot"} | ({"every": INTERMEDIATE} if options.save_intermediate_results else {}),
        graceful_stop="10s",
    )


@dataclasses.dataclass(frozen=True)
class Queries:
    """What is asked: on critical paths, as it was made, and enough for load."""

    critical: list[dict[str, Any]]
    made: list[dict[str, Any]]
    many: list[dict[str, Any]]
    knows_content: bool

    @classmethod
    def of(cls, database: Path, content: Content, options: ls.Options, *, knows_content: bool) -> "Queries":
        """Made of the content; facts are expected only of a bot that knows it."""
        count = min(options.query_count, options.max_queries or options.query_count)
        made = plain(make_queries(database, content, count), knows_content=knows_content)
        more = make_queries(database, content, max(200, 5 * options.critical_count), seed=2)
        many = plain(more, knows_content=knows_content)
        critical = [query for path in PATHS for query in [each for each in many if each["agent"] == path][: options.critical_count]]
        return cls(critical, made, many, knows_content)


def probes(options: ls.Options) -> list[dict[str, str]]:
    """The process that listens at the URL, when it is this machine's."""
    address = urlsplit(options.url or "")
    if not options.resource_monitoring or address.hostname not in {"localhost", "127.0.0.1", "::1"} or not address.port:
        return []
    return [{"process": f"port:{address.port}", "every": f"{options.monitoring_interval:g}s"}]


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
        names = ("query_path", "question_field", "agent_field", "answer_field", "rate_limit", "retries", "retry_wait")
        self.every = {name: getattr(options, name) for name in names} | {
            "call": Callee.of(options.call, "agent") if options.call else None,
            "fallback": place_of(options.fallback, "agent"),
            "cleanup": place_of(options.cleanup, "part", "user"),
        }

    def add(self, name: str, users: Any = (), profile: Any = None, more: dict[str, Any] | None = None, **settings: Any) -> None:
        """One more scenario, which begins when the one before has ended; `more` is what its users have to know beside the options."""
        if more is not None:
            settings["settings"] = self.every | {"users": self.options.max_concurrent, "part": name} | more
        self.scenarios.append(ls.Scenario(name, users, profile, after=self.scenarios[-1].name if self.scenarios else None, **settings))

    def once(
        self,
        name: str,
        users: type[ls.User],
        queries: list[dict[str, Any]],
        most_s: float,
        at_once: int = 0,
        rate: float = 0.0,
        also: dict[str, Any] | None = None,
    ) -> int:
        """Each query once: so many at a time, so many a second, as the options have it. Gives the number of iterations."""
        at_once = at_once or min(self.options.max_concurrent, len(queries))
        each = -(-len(queries) // at_once)
        gap = f"{at_once / (rate or self.options.rate_limit):.6f}s"
        more = {"queries": queries, "once": True, "users": at_once} | (also or {})
        self.add(name, users, ls.per_user_iterations(each, at_once, most_s), more, pacing=gap)
        return each * at_once

    def own(self, scenario: SyntheticScenario, most_s: float) -> int:
        """A scenario of the user's."""
        options, rows = self.options, [{"value": query} for query in scenario.queries]
        users = scenario.users(options.max_concurrent)
        about = {"stress_level": str(scenario.stress_level)} | (
            {"challenges": BETWEEN.join(scenario.expected_challenges)} if scenario.expected_challenges else {}
        )
        return self.once(scenario.name, Adventurer, rows, most_s, users, scenario.rate(options.rate_limit), {"about": about})

    def parallel(self, queries: list[dict[str, Any]], most_s: float) -> None:
        """One after another against side by side."""
        options = self.options
        batch_path = options.batch_path or ("" if options.url or options.call else "/bot/batch")
        size = options.batch_size if batch_path else 1
        least = max(len(queries), options.max_concurrent * size if batch_path else 1)  # fewer would not keep all of them at work
        more = {"queries": (queries * -(-least // len(queries)))[:least], "batch_path": batch_path, "batch_size": size}
        self.add("parallel", Comparer, ls.shared_iterations(ROUNDS, 1, most_s), more)

    def stress(self, queries: list[dict[str, Any]], duration_s: float) -> None:
        """The four kinds, each at the same rate."""
        rate = self.options.stress_rate
        for kind in STRESS[:3]:
            chosen = [query for query in queries if kind == "mixed" or query["kind"] == HEAVY[kind]]
            self.crowded(f"stress {kind}", chosen, ls.constant_rate(rate, duration_s))
        crowd = min(CROWD, max(1, round(rate * duration_s)))
        pace_s = crowd / rate
        ramp_s = min(pace_s, duration_s / 2)  # one after another, or all would ask at once for ever
        come = ls.ramping_users(1, crowd, ramp_s, hold=duration_s - ramp_s)
        self.add("stress users", Questioner, come, {"queries": queries, "users": crowd}, pacing=f"{pace_s:.6f}s")

    def shape(self, shape: str, queries: list[dict[str, Any]], length_s: float) -> None:
        """One course of the rate, which is at most that of stress, except for the instants of bursts."""
        rate = self.options.stress_rate
        courses = {
            "gradual": ls.ramping_rate(0, rate, 0.8 * length_s, hold=0.2 * length_s),
            "spike": ls.spike(rate=rate / PEAK, peak=PEAK, at=0.4 * length_s, hold=0.2 * length_s),
            "sustained": ls.constant_rate(rate, length_s),
            "burst": ls.burst(max(1, round(rate * length_s / BURSTS)), length_s / BURSTS, length_s),
        }
        self.crowded(f"shape {shape}", queries, courses[shape])

    def crowded(self, name: str, queries: list[dict[str, Any]], course: Any) -> None:
        """Arrivals that do not wait for each other."""
        self.add(name, Questioner, course, {"queries": queries, "users": CROWD}, max_sessions=CROWD)


def place_of(text: str | None, *keywords: str) -> str | Callee | None:
    """A path, or a callable where `module:function` is named."""
    return Callee.of(text, *keywords) if text and CALLABLE.fullmatch(text) else text
