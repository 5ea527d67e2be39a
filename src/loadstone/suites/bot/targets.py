"""What the bot suite asks of a bot: its options, its parts, and the gates that come of them."""

from dataclasses import dataclass
from typing import Any

import loadstone as ls
from loadstone.suites.bot.hard_cases import HARD_CASES
from loadstone.synth.message_queries import AGENTS

PATHS = tuple(dict.fromkeys(AGENTS.values()))  # the critical ones
STRESS = ("memory", "cpu", "mixed", "users")
DEFAULT_BASELINE = "production_baseline"
SETTLE_S = 10.0  # of a run's time, for what is still under way at its end

OPTIONS = (
    ls.Option("url", None, "The bot; without it the reference backend's.", bare="http://localhost:8000"),
    ls.Option("database", None, "SQLite file of messages; without it one is made."),
    ls.Option("messages", 15_000, "Messages of the database that is made.", least=100),
    ls.Option("query-count", 50, "Queries that are made of its content.", least=1),
    ls.Option("max-queries", None, "At most so many of them.", kind="whole", least=1),
    ls.Option("critical-count", 20, "Queries on each critical path.", least=1),
    ls.Option("parallel", False, "Part: one after another against side by side."),
    ls.Option("synthetic", False, "Part: hard cases."),
    ls.Option("stress", False, "Part: stress. Without any choice of parts, all three."),
    ls.Option("baselines", False, f"Gate on a baseline, {DEFAULT_BASELINE} without --baseline."),
    ls.Option("regression", False, "Gate each critical path on a baseline, too."),
    ls.Option("baseline", None, "The baseline to be no worse than."),
    ls.Option("max-concurrent", 5, "Queries at one time.", least=1),
    ls.Option("rate-limit", 10, "Requests per second, at most.", kind="rate", least=0.01),
    ls.Option("batch-size", 5, "Queries of one batch, where there is --batch-path.", least=1),
    ls.Option("stress-rate", 20, "Queries per second under stress.", kind="rate", least=0.1),
    ls.Option("stress-duration", "60s", "How long each kind of stress lasts.", kind="duration", least=1),
    ls.Option("timeout", "15m", "The whole run; a plain number is seconds.", kind="duration", least=20),
    ls.Option("response-target", "5s", "The longest that a critical path may take.", kind="millis"),
    ls.Option("max-memory", None, "Memory that the bot may use; 1 GB for the reference backend's.", kind="size"),
    ls.Option("query-path", "/bot/query", "Where a query is sent."),
    ls.Option("batch-path", None, "Where a batch of them is sent; the reference backend's is known."),
    ls.Option("question-field", "text", "The field of the request that gets the question; dots go deeper."),
    ls.Option("agent-field", "agent", "The field that gets the agent's name; empty for none."),
    ls.Option("answer-field", "answer", "The field of the answer with its text."),
    ls.Option("data", ".loadstone/bot", "Folder for databases that are made."),
)
PRESETS = {
    "quick": {"query_count": 20, "critical_count": 10, "stress_duration": "4s", "timeout": "90s"},
    "ci": {"stress_duration": "8s", "timeout": "170s"},
    "full": {"critical_count": 35, "stress_duration": "60s", "timeout": "10m"},
}
METRICS = {
    "bot.facts": {"kind": "count", "meaning": "facts that right answers mention"},
    "bot.facts_missing": {
        "kind": "count",
        "better": "lower",
        "share_of": "bot.facts",
        "meaning": "of these, those that were not mentioned",
    },
    "bot.agent_calls": {"kind": "count", "meaning": "calls of an agent, as answers tell them; tag agent"},
    "bot.compute_time": {"unit": "ms", "better": "lower", "meaning": "an agent's own work, as answers tell it"},
    "bot.sequential_time": {"unit": "s", "better": "lower", "meaning": "the queries one after another"},
    "bot.parallel_time": {"unit": "s", "better": "lower", "meaning": "the same queries side by side, in batches where there are some"},
    "bot.time_saved": {"unit": "%", "better": "higher", "meaning": "by side by side, of the time one after another"},
    "bot.hard_cases": {"kind": "count", "meaning": "hard cases that were sent; tag outcome: answered, refused, failed, leaked"},
    "bot.hard_failed": {
        "kind": "count",
        "better": "lower",
        "share_of": "bot.hard_cases",
        "meaning": "those that broke the bot, 5xx or no answer",
    },
    "bot.hard_leaked": {"kind": "count", "better": "lower", "share_of": "bot.hard_cases", "meaning": "those whose answer shows its inside"},
}


@dataclass(frozen=True, slots=True)
class Times:
    """How long each part may take, in seconds; those of one stress are exact."""

    critical: float
    queries: float
    parallel: float
    synthetic: float
    stress: float


SHARES = {"critical": 0.3, "queries": 0.4, "parallel": 0.2, "synthetic": 0.1}  # of the time that nothing is known to need


def times(options: ls.Options, parts: frozenset[str]) -> Times:
    """What each part needs at the allowed rate, and a share of the rest; stress has half of the whole at most.

    raises: UsageError when the parts cannot be done in the time, however fast the bot is
    """
    whole = options.timeout - SETTLE_S
    stress = min(options.stress_duration, whole / 2 / len(STRESS)) if "stress" in parts else 0.0
    rest = whole - stress * len(STRESS)
    asked = {
        "critical": len(PATHS) * options.critical_count,
        "queries": min(options.query_count, options.max_queries or options.query_count),
    }
    asked |= {"synthetic": len(HARD_CASES)} if "synthetic" in parts else {}
    needed = {name: _least_s(count, options) for name, count in asked.items()}
    spare = rest - sum(needed.values())
    if spare < 0:
        parts_told = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in needed.items())
        raise ls.UsageError(
            f"{rest:.3g} s of {options.timeout:g} s are for queries, and at {options.rate_limit:g}/s they take {parts_told}",
            where="--timeout",
            hint="a longer --timeout, a higher --rate-limit, or a lower --critical-count or --query-count",
        )
    return Times(**{name: needed.get(name, 0.0) + share * spare for name, share in SHARES.items()}, stress=stress)


def _least_s(count: int, options: ls.Options) -> float:
    """Seconds in which so many queries can be asked, the time of the last one's answer included."""
    at_once: int = min(options.max_concurrent, count)
    return float(-(-count // at_once) * at_once / options.rate_limit)


def chosen_parts(options: ls.Options) -> frozenset[str]:
    """The parts beside the critical paths and the queries, which are always there."""
    chosen = {name for name in ("parallel", "synthetic", "stress") if getattr(options, name)}
    return frozenset(chosen or ("parallel", "synthetic", "stress"))


def gates(options: ls.Options, parts: frozenset[str], asked: dict[str, int], *, knows_content: bool) -> list[dict[str, Any]]:
    """What must hold; `asked` says how many iterations each scenario makes."""
    found = [gate("", f"max(http.response_time{{path={path}}}) < {options.response_target:g}s", path) for path in PATHS]
    found += [gate("", f"rate(http.errors{{path={path}}}) < 1%", path) for path in PATHS]
    for name, count in asked.items():
        found.append(gate(f"{name} in time", f"count(iteration.count{{scenario={name}}}) >= {count}", "complete"))
    found.append(gate("queries are answered", "rate(http.errors{scenario=queries}) < 5%", "query_success"))
    found.append(gate("answers are answers", "rate(check.failures) < 1%", "query_success"))
    if knows_content:
        found.append(gate("answers are right", "rate(bot.facts_missing) < 5%", "answer_quality"))
    if "parallel" in parts:
        batches = options.url is None or options.batch_path
        found.append(gate("", f"max(bot.time_saved) >= {'80' if batches else '1'}%", "parallel_execution"))
    if "synthetic" in parts:
        found.append(gate("hard cases break nothing", "rate(bot.hard_failed) < 1%", "edge_cases"))
        found.append(gate("hard cases show nothing of the inside", "rate(bot.hard_leaked) < 1%", "edge_cases"))
    if "stress" in parts:
        for kind in STRESS:
            found.append(gate("", f"rate(http.errors{{scenario=stress {kind}}}) < 5%", "stress"))
            found.append(gate("", f"p90(http.response_time{{scenario=stress {kind}}}) < {2 * options.response_target:g}s", "stress"))
    if options.max_memory is not None or options.url is None:
        limit = 1_000_000_000 if options.max_memory is None else options.max_memory
        found.append(gate("memory", f"max(target.memory) < {limit / 1e6:.12g}MB", "resources"))
    return [*found, *against_baseline(options)]


def against_baseline(options: ls.Options) -> list[dict[str, Any]]:
    """Gates that compare with a baseline; by the limits of the catalogue, and only where the difference is certain."""
    if not (options.baseline or options.baselines or options.regression):
        return []
    name = options.baseline or DEFAULT_BASELINE
    settings = {"baseline": name, "rules": "bot"}
    whole = {
        "gate": f"not worse than {name}",
        "kind": "baseline",
        "settings": settings,
        "name": "regression_check",
        "requirement": "baseline",
    }
    paths = [gate("", f"regression(p50(http.response_time{{path={path}}})) < 15% against {name}", path) for path in PATHS]
    return [whole, *(paths if options.regression else [])]


def gate(name: str, text: str, requirement: str) -> dict[str, Any]:
    """A statement; without a name of its own its text is shown alone."""
    return {"gate": text, "requirement": requirement} | ({"name": name} if name else {})
