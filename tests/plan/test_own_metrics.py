"""Metrics that a suite declares: read from files and from Python, refused when nobody could judge them."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import loadstone as ls
from loadstone.errors import PlanError
from loadstone.judge.gates import GateWatch
from loadstone.judge.verdict import Status
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.declared import catalogue_of
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.testing.simulation import simulate

SCENARIOS: dict[str, Any] = {"main": {"profile": {"rate": "10/s", "duration": "2s"}, "steps": [{"get": "/"}]}}
METRICS = {
    "bot.score": {"unit": "1", "better": "higher"},
    "bot.delay": {"unit": "ms", "better": "lower"},
    "bot.asked": {"kind": "count"},
    "bot.wrong": {"kind": "count", "share_of": "bot.asked"},
    "bot.mood": {"kind": "gauge", "unit": "%"},
}
GATES = ["p95(bot.score) >= 0.5", "mean(bot.delay) < 1s", "rate(bot.wrong) <= 50%", "throughput(bot.asked) > 5/s", "last(bot.mood) > 10%"]


TURNS = count()


class Talker(ls.User):
    @ls.task
    async def ask(self) -> None:
        self.record("bot.score", 0.75)
        self.record("bot.delay", 20.5)
        self.record("bot.asked", 1)
        self.record("bot.mood", 40)
        if next(TURNS) % 2:
            self.record("bot.wrong", 1)


def plan(metrics: Any = None, **settings: Any) -> Plan:
    return Plan.model_validate({"target": "http://h", "scenarios": SCENARIOS, "metrics": metrics or METRICS, **settings})


def mistakes(metrics: Any, **settings: Any) -> str:
    tree = {"target": "http://h", "scenarios": SCENARIOS, "metrics": metrics, **settings}
    Path("suite.json").write_text(json.dumps(tree))
    with pytest.raises(PlanError) as error:
        catalogue_of(load(["suite.json"], Overrides())[0])
    return str(error.value)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_gates_on_metrics_that_a_suite_records_itself_are_judged() -> None:
    asked = plan()
    run = simulate(asked, users={"main": [Talker]})
    watch = GateWatch([each.spec() for each in plan(gates=GATES).gates], catalogue_of(asked))
    verdicts = watch.verdicts(run.judged)
    assert [(str(verdict.gate), verdict.status) for verdict in verdicts] == [(gate, Status.PASS) for gate in GATES]
    score, delay, _, rate, mood = (verdict.value for verdict in verdicts)
    assert (score, mood) == (0.75, 40)
    assert rate == pytest.approx(10)
    assert delay == pytest.approx(20.5)


def test_the_plan_that_a_worker_gets_declares_the_same() -> None:
    there = Plan.from_wire(plan().wire())
    assert there.metrics == plan().metrics


def test_without_a_declaration_a_value_is_a_distribution_with_six_decimals_and_with_one_it_is_what_was_declared() -> None:
    catalogue = catalogue_of(plan({"a.b": {}, "c.d": {"scale": 1, "unit": "tokens"}, "e.f": {"kind": "count", "unit": "kB"}}))
    assert catalogue["a.b"] == Metric("a.b", "1", Kind.DISTRIBUTION, "neither", "recorded by the suite", scale=1e6)
    assert (catalogue["c.d"].scale, catalogue["c.d"].unit) == (1, "tokens")
    assert (catalogue["e.f"].kind, catalogue["e.f"].scale) == (Kind.COUNT, 1)


def test_a_list_of_metrics_is_as_good_as_a_mapping() -> None:
    listed = plan([Metric("bot.score", "1", Kind.DISTRIBUTION, "higher", "how good", scale=1e6), {"name": "bot.mood", "kind": "gauge"}])
    assert list(listed.metrics) == ["bot.score", "bot.mood"]
    assert catalogue_of(listed)["bot.score"].meaning == "how good"


def test_a_python_suite_declares_metrics_with_its_suite_or_beside_its_classes() -> None:
    users = "import loadstone as ls\nclass A(ls.User):\n    @ls.task\n    async def a(self): ...\n"
    declared = "{'bot.score': {'unit': 'ms'}}"
    Path("one.py").write_text(
        f"{users}suite = ls.Suite(target='http://h', metrics={declared}, scenarios=[ls.Scenario('s', A, ls.constant_users(1, 1))])\n"
    )
    Path("two.py").write_text(f"{users}metrics = [ls.Metric('bot.score', 'ms', 'distribution', 'lower', 'how long')]\n")
    for name in ("one.py", "two.py"):
        found, _ = load([name], Overrides({"target": "http://h"}))
        assert found.metrics["bot.score"].unit == "ms"


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"bot.score": {"unit": "msec"}}, "metrics.bot.score.unit = 'msec': unknown unit 'msec'. Try: unit: ms"),
        ({"bot.score": {"unit": "MS"}}, "unknown unit 'MS'. Try: unit: ms"),
        ({"bot.score": {"unit": "seconds/s"}}, "Try: unit: s/s"),
        ({"bot.score": {"unit": "two words"}}, "'two words' is not a unit"),
        ({"bot.score": {"kind": "histogram"}}, "must be 'distribution', 'count' or 'gauge'"),
        ({"bot.score": {"better": "up"}}, "must be 'lower', 'higher' or 'neither'"),
        ({"bot.score": {"scale": 1e9}}, "must be 1000000.0 or less"),
        ({"bot.score": {"kind": "gauge", "scale": 10}}, "scale is for distributions, and this is a gauge"),
        ({"bot.score": {"share_of": "http.requests"}}, "share_of is for counts, and this is a distribution"),
        (
            {"bot.wrong": {"kind": "count", "share_of": "http.request"}},
            "share_of names 'http.request', which is no other count; did you mean",
        ),
        ({"bot.wrong": {"kind": "count", "share_of": "bot.wrong"}}, "which is no other count"),
        ({"http.requests": {}}, "the name 'http.requests' is taken by a metric that is known already"),
        ({"bot score": {}}, "'bot score' is not a name of a metric"),
        ([{"unit": "ms"}], "each metric of a list needs a name"),
        ([{"name": "a.b"}, {"name": "a.b"}], "declares 'a.b' twice"),
        ({"bot.score": {"units": "ms"}}, "units"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(metrics: Any, said: str) -> None:
    assert said in mistakes(metrics)


def test_files_that_run_together_may_declare_the_same_metric_but_not_two_of_one_name() -> None:
    for number, unit in enumerate(("ms", "ms", "s")):
        Path(f"{number}.yaml").write_text(
            f"target: http://h\nmetrics: {{bot.delay: {{unit: {unit}}}, own{number}.x: {{}}}}\n"
            f"scenarios: {{s{number}: {{profile: {{rate: 1/s, duration: 1s}}, steps: [{{get: /}}]}}}}\n"
        )
    together, _ = load(["0.yaml", "1.yaml"], Overrides())
    assert set(together.metrics) == {"bot.delay", "own0.x", "own1.x"}
    with pytest.raises(PlanError, match=r"2.yaml:2 metrics.bot.delay: another file declares a metric of that name in another way"):
        load(["0.yaml", "2.yaml"], Overrides())


def test_the_built_in_catalogue_knows_nothing_of_a_suite() -> None:
    catalogue_of(plan())
    assert Catalogue().get("bot.score") is None
