"""What the bot suite asks of a bot: its options, its parts, and the gates that come of them."""

from typing import Any

import loadstone as ls
from loadstone.suites.bot.scenarios import SyntheticScenario
from loadstone.synth.message_queries import AGENTS

PATHS = tuple(dict.fromkeys(AGENTS.values()))  # the critical ones
STRESS = ("memory", "cpu", "mixed", "users")
DEFAULT_BASELINE = "production_baseline"
THRESHOLD = 0.15  # of times; memory and CPU have 20 % by the rules of bots
MONITORED = "resource_monitoring"
SHAPES = ("gradual", "spike", "sustained", "burst")

OPTIONS = (
    ls.Option("url", None, "The bot; without it the reference backend's.", bare="http://localhost:8000"),
    ls.Option("call", None, "A Python callable as the bot, module:function; it takes the question, and `agent` where it has that."),
    ls.Option("database", None, "SQLite file of messages; without it one is made.", place="database_path"),
    ls.Option("messages", 15_000, "Messages of the database that is made.", least=100),
    ls.Option("query-count", 50, "Queries that are made of its content.", least=1, place="query_count"),
    ls.Option("max-queries", None, "At most so many of them.", kind="whole", least=1),
    ls.Option("critical-count", 20, "Queries on each critical path.", least=1),
    ls.Option("parallel", None, "Part: one after another against side by side.", kind="flag", place="parallel_execution.enabled"),
    ls.Option("synthetic", None, "Part: hard cases.", kind="flag", place="synthetic_testing.enabled"),
    ls.Option("stress", None, "Part: stress. Without any choice of parts, these three.", kind="flag", place="synthetic_testing.stress"),
    ls.Option("scenarios", None, "Part: your own SyntheticScenario, from a .py, .json, .yaml file.", place="synthetic_testing.scenarios"),
    ls.Option("shapes", None, "Part: shapes of load.", kind="parts", choices=SHAPES),
    ls.Option("baselines", False, f"Gate on a baseline, {DEFAULT_BASELINE} without --baseline.", place="performance_baselines.enabled"),
    ls.Option("regression", False, "Gate each critical path on a baseline, too.", place="regression_testing.enabled"),
    ls.Option("baseline", None, "The baseline to be no worse than.", place="performance_baselines.baseline_name"),
    ls.Option(
        "baseline-threshold",
        THRESHOLD,
        "How much worse times may be.",
        kind="share",
        least=0.001,
        place="performance_baselines.baseline_threshold",
    ),
    ls.Option(
        "auto-update-baselines",
        False,
        "A run that passed enters the baseline by itself.",
        place="performance_baselines.auto_update_baselines",
    ),
    ls.Option("max-concurrent", 5, "Queries at one time.", least=1, place="parallel_execution.max_concurrent"),
    ls.Option("rate-limit", 10, "Requests per second, at most.", kind="rate", least=0.01, place="parallel_execution.rate_limit_per_second"),
    ls.Option("batch-size", 5, "Queries of one batch, where there is --batch-path.", least=1, place="parallel_execution.batch_size"),
    ls.Option("retries", 0, "More attempts at a query that failed; counted apart.", least=0),
    ls.Option("retry-wait", "200ms", "Wait before the first of them; twice as long before each further one.", kind="millis", least=0),
    ls.Option("fallback", None, "Path or module:function that is asked when all attempts failed; counted apart."),
    ls.Option("cleanup", None, "Path or module:function that each user calls at its end, also when the run is stopped."),
    ls.Option("stress-rate", 20, "Queries per second under stress and shapes of load.", kind="rate", least=0.1),
    ls.Option("stress-duration", "60s", "How long each kind of stress, and each shape, lasts.", kind="duration", least=1),
    ls.Option("timeout", "15m", "The whole run; a plain number is seconds.", kind="duration", least=20),
    ls.Option("response-target", "5s", "The longest that a critical path may take.", kind="millis"),
    ls.Option("max-memory", None, "Memory that the bot may use; 1 GB for the reference backend's.", kind="size"),
    ls.Option("query-path", "/bot/query", "Where a query is sent."),
    ls.Option("batch-path", None, "Where a batch of them is sent; the reference backend's is known."),
    ls.Option("question-field", "text", "The field of the request that gets the question; dots go deeper."),
    ls.Option("agent-field", "agent", "The field that gets the agent's name; empty for none."),
    ls.Option("answer-field", "answer", "The field of the answer with its text."),
    ls.Option("data", ".loadstone/bot", "Folder for databases that are made."),
    ls.Option(
        "save-intermediate-results",
        False,
        "With --out: its folder data/ has what came of the run so far, anew every 10 s.",
        place="save_intermediate_results",
    ),
    ls.Option(
        "resource-monitoring",
        False,
        "Watch the process at --url when it runs here; with --out: data/resource_usage_TIME.csv.",
        place="resource_monitoring.enabled",
    ),
    ls.Option("monitoring-interval", "1s", "How often it is read.", kind="duration", least=0.1, place="resource_monitoring.interval"),
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
    "bot.parallel_efficiency": {
        "unit": "%",
        "better": "higher",
        "meaning": "of the time side by side, what the limits of queries at one time and per second would have allowed",
    },
    "bot.hard_cases": {"kind": "count", "meaning": "hard cases that were sent; tag outcome: answered, refused, failed, leaked"},
    "bot.hard_failed": {
        "kind": "count",
        "better": "lower",
        "share_of": "bot.hard_cases",
        "meaning": "those that broke the bot, 5xx or no answer",
    },
    "bot.questions": {"kind": "count", "meaning": "queries that had another attempt, or a fallback, to hope for"},
    "bot.unanswered": {
        "kind": "count",
        "better": "lower",
        "share_of": "bot.questions",
        "meaning": "of these, those without an answer in the end, after all attempts and the fallback",
    },
    "bot.retries": {"kind": "count", "meaning": "further attempts at queries whose first attempt failed"},
    "bot.retries_failed": {"kind": "count", "better": "lower", "share_of": "bot.retries", "meaning": "of these, those that failed, too"},
    "bot.fallbacks": {"kind": "count", "meaning": "queries that the fallback was asked"},
    "bot.fallbacks_failed": {"kind": "count", "better": "lower", "share_of": "bot.fallbacks", "meaning": "of these, those that failed"},
    "bot.cleanups": {"kind": "count", "meaning": "users that cleaned up at their end"},
    "bot.cleanups_failed": {"kind": "count", "better": "lower", "share_of": "bot.cleanups", "meaning": "of these, those that could not"},
    "bot.hard_leaked": {"kind": "count", "better": "lower", "share_of": "bot.hard_cases", "meaning": "those whose answer shows its inside"},
}


def chosen_parts(options: ls.Options) -> frozenset[str]:
    """The parts beside the critical paths and the queries, which are always there."""
    flags = {name: getattr(options, name) for name in ("parallel", "synthetic", "stress")}
    chosen = {name for name in (*flags, "scenarios", "shapes") if getattr(options, name)}
    return frozenset(chosen or (name for name, flag in flags.items() if flag is not False))


def gates(
    options: ls.Options, parts: frozenset[str], asked: dict[str, int], scenarios: tuple[SyntheticScenario, ...] = (), *, knows_content: bool
) -> list[dict[str, Any]]:
    """What must hold; `asked` says how many iterations each scenario makes."""
    found = on_critical_paths(options)
    for name, count in asked.items():
        found.append(gate(f"{name} in time", f"count(iteration.count{{scenario={quoted(name)}}}) >= {count}", "complete"))
    found.append(gate("queries are answered", f"rate({means(options)}.errors{{scenario=queries{first(options)}}}) < 5%", "query_success"))
    found.append(gate("answers are answers", "rate(check.failures) < 1%", "query_success"))
    if knows_content:
        found.append(gate("answers are right", "rate(bot.facts_missing) < 5%", "answer_quality"))
    if "parallel" in parts:  # without batches the rate limit is in the way of 80 %
        batches = options.batch_path or not (options.url or options.call)
        found.append(gate("", f"max(bot.{'time_saved) >= 80%' if batches else 'parallel_efficiency) >= 50%'}", "parallel_execution"))
    if "synthetic" in parts:
        found += on_hard_cases("hard cases break nothing", "hard cases show nothing of the inside", "synthetic", "edge_cases")
    for each in scenarios:
        found += on_hard_cases(f"{each.name} breaks nothing", f"{each.name} shows nothing of the inside", each.name, "scenarios")
    return [*found, *under_load(options, parts), *on_resources(options), *against_baseline(options)]


def means(options: ls.Options) -> str:
    """How the bot is asked, as metrics begin."""
    return "call" if options.call else "http"


def first(options: ls.Options) -> str:
    """What only a further attempt saved has failed all the same."""
    return ",attempt=first" if options.retries or options.fallback else ""


def quoted(name: str) -> str:
    """A tag's value as a gate has it."""
    return name if name.replace("_", "").isalnum() else f'"{name}"'


def on_critical_paths(options: ls.Options) -> list[dict[str, Any]]:
    """Quick, and answered: at first, or after all where there are further attempts."""
    again, kind = first(options), means(options)
    found = [gate("", f"max({kind}.response_time{{path={path}}}) < {options.response_target:g}s", path) for path in PATHS]
    found += [gate("", f"rate({kind}.errors{{path={path}{again}}}) < {'5' if again else '1'}%", path) for path in PATHS]
    return found + [gate("", f"rate(bot.unanswered{{path={path}}}) < 1%", path) for path in PATHS if again]


def on_hard_cases(breaks: str, shows: str, scenario: str, requirement: str) -> list[dict[str, Any]]:
    """What is hard may be answered or refused."""
    where = f"{{scenario={quoted(scenario)}}}"
    return [
        gate(breaks, f"rate(bot.hard_failed{where}) < 1%", requirement),
        gate(shows, f"rate(bot.hard_leaked{where}) < 1%", requirement),
    ]


def under_load(options: ls.Options, parts: frozenset[str]) -> list[dict[str, Any]]:
    """Stress and shapes of load."""
    found, kind = [], means(options)
    for name, requirement in loads(options, parts):
        found.append(gate("", f"rate({kind}.errors{{scenario={name}{first(options)}}}) < 5%", requirement))
        found.append(gate("", f"p90({kind}.response_time{{scenario={name}}}) < {2 * options.response_target:g}s", requirement))
        if kind == "call" and name != "stress users":  # a dropped arrival has no response time of a call
            found.append(gate("", f"rate(load.dropped{{scenario={name}}}) < 5%", requirement))
    return found


def on_resources(options: ls.Options) -> list[dict[str, Any]]:
    """What is left behind, and what is taken."""
    found = [gate("all is cleaned up", "rate(bot.cleanups_failed) < 0.1%", "clean_up")] if options.cleanup else []
    if options.resource_monitoring:
        found.append(gate("resources are read", "max(target.memory) > 0MB", MONITORED))
    if options.max_memory is not None or not (options.url or options.call):
        limit = 1_000_000_000 if options.max_memory is None else options.max_memory
        found.append(gate("memory", f"max(target.memory) < {limit / 1e6:.12g}MB", "resources"))
    return found


def loads(options: ls.Options, parts: frozenset[str]) -> list[tuple[str, str]]:
    """Scenarios under a rate that does not wait, with the requirement of each."""
    stress = [(f"stress {kind}", "stress") for kind in STRESS] if "stress" in parts else []
    return stress + [(f"shape {shape}", "load_shapes") for shape in options.shapes or ()]


def baseline_of(options: ls.Options) -> str:
    """What is compared with, and kept where that is asked for; empty for nothing."""
    wanted = options.baseline or options.baselines or options.regression or options.auto_update_baselines
    return (options.baseline or DEFAULT_BASELINE) if wanted else ""


def against_baseline(options: ls.Options) -> list[dict[str, Any]]:
    """Gates that compare with a baseline; by the limits of the catalogue, and only where the difference is certain."""
    name = baseline_of(options)
    if not name:
        return []
    limit = options.baseline_threshold
    settings = {"baseline": name, "rules": "bot"} | ({"limit": limit} if limit != THRESHOLD else {})
    whole = {
        "gate": f"not worse than {name}",
        "kind": "baseline",
        "settings": settings,
        "name": "regression_check",
        "requirement": "baseline",
    }
    time = f"{means(options)}.response_time"
    paths = [gate("", f"regression(p50({time}{{path={path}}})) < {limit * 100:.12g}% against {name}", path) for path in PATHS]
    return [whole, *(paths if options.regression else [])]


def gate(name: str, text: str, requirement: str) -> dict[str, Any]:
    """A statement; without a name of its own its text is shown alone."""
    return {"gate": text, "requirement": requirement} | ({"name": name} if name else {})
