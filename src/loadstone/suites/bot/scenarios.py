"""Scenarios of one's own: hard queries by name, with what is hard about them and how strongly they are sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loadstone as ls
from loadstone.plan.document import read_document
from loadstone.plan.python_suite import imported
from loadstone.plan.wrong import suggest

LEVELS = {"low": 0.5, "medium": 1.0, "high": 2.0, "extreme": 4.0}  # times --max-concurrent and --rate-limit
MOST_LEVEL = 100
BETWEEN = " | "  # expected challenges in one tag
TABLE = "SCENARIOS"
KEYS = ("name", "description", "queries", "expected_challenges", "stress_level")
TAKEN = ("prepare", "critical", "queries", "parallel", "synthetic")
EXAMPLE = 'SyntheticScenario("codes", "numbers of invoices", ["What is INV-0042?"], ["no words to search for"], "high")'


@dataclass(frozen=True)
class SyntheticScenario:
    """Queries that belong together.

    name:                of the scenario, its steps and its results
    description:         one sentence for people
    queries:             what is sent in place of a question: a text, or anything that JSON has
    expected_challenges: what is hard about them; stands beside what became of them
    stress_level:        low, medium, high or extreme: a half, once, twice, four times the usual users and rate; or that factor
    """

    name: str
    description: str = ""
    queries: Sequence[Any] = ()
    expected_challenges: Sequence[str] = ()
    stress_level: str | float = "medium"

    def __post_init__(self) -> None:
        where = f"scenario {self.name!r}"
        if not isinstance(self.name, str) or not self.name.strip() or self.name in TAKEN or self.name.startswith(("stress ", "shape ")):
            what = "is a part of the suite" if isinstance(self.name, str) and self.name.strip() else "needs a name"
            raise ls.UsageError(what, where=where, hint=EXAMPLE)
        for key in ("queries", "expected_challenges"):
            value = getattr(self, key)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ls.UsageError(f"{key} must be a list", where=where, hint=EXAMPLE)
        if not self.queries:
            raise ls.UsageError("has no queries", where=where, hint=EXAMPLE)
        _ = self.factor

    @property
    def factor(self) -> float:
        """The stress level as a number; raises UsageError for one that nobody knows."""
        level = self.stress_level
        if isinstance(level, str) and level in LEVELS:
            return LEVELS[level]
        if isinstance(level, int | float) and not isinstance(level, bool) and 0 < level <= MOST_LEVEL:
            return float(level)
        hint = suggest(level, LEVELS) if isinstance(level, str) else "low, medium, high, extreme"
        raise ls.UsageError(f"unknown stress_level {level!r}", where=f"scenario {self.name!r}", hint=hint)

    def users(self, max_concurrent: int) -> int:
        """Queries at one time."""
        return min(len(self.queries), max(1, round(max_concurrent * self.factor)))

    def rate(self, rate_limit: float) -> float:
        """Queries per second, at most."""
        return rate_limit * self.factor

    def needs_s(self, max_concurrent: int, rate_limit: float) -> float:
        """Seconds in which all of them can be asked."""
        users = self.users(max_concurrent)
        return -(-len(self.queries) // users) * users / self.rate(rate_limit)


def read_scenarios(name: str | None) -> tuple[SyntheticScenario, ...]:
    """Those of a Python file with `SCENARIOS`, or of a JSON, YAML or TOML file with `scenarios`.

    raises: UsageError or PlanError for a file or a scenario that cannot be meant
    """
    if not name:
        return ()
    path = Path(name)
    if not path.is_file():
        raise ls.UsageError("there is no such file", where=f"--scenarios {name}", hint="a .py, .json, .yaml or .toml file")
    rows = getattr(imported(path), TABLE, None) if path.suffix == ".py" else read_document(path).tree.get(TABLE.lower())
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        hint = f"{TABLE} = [{EXAMPLE}]" if path.suffix == ".py" else json.dumps({TABLE.lower(): [{"name": "codes", "queries": ["…"]}]})
        raise ls.UsageError("has no list of scenarios", where=name, hint=hint)
    found = tuple(_scenario(row, name) for row in rows)
    names = [each.name for each in found]
    if twice := {each for each in names if names.count(each) > 1}:
        raise ls.UsageError(f"two scenarios are called {twice.pop()!r}", where=name, hint="give each its own name")
    return found


def _scenario(row: object, where: str) -> SyntheticScenario:
    if isinstance(row, SyntheticScenario):
        return row
    if not isinstance(row, Mapping):
        raise ls.UsageError(f"{row!r} is no scenario", where=where, hint=EXAMPLE)
    for key in row:
        if key not in KEYS:
            raise ls.UsageError(f"a scenario has no key {key!r}", where=where, hint=suggest(str(key), KEYS))
    return SyntheticScenario(**{"name": ""} | dict(row))
