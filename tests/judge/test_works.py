"""What a run was about, and so what decides whether it is worse."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.judge.beside import Beside, PastRun, compare
from loadstone.judge.difference import Answer
from loadstone.judge.figures import asked_for, figures_by, main_figures
from loadstone.judge.regression_rules import PRESETS
from loadstone.judge.works import all_failed
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.stats.histogram import Histogram
from loadstone.testing.past_runs import MACHINE, make_past

CATALOGUE = Catalogue((Metric("bot.compute_time", "ms", Kind.DISTRIBUTION, "lower", "its own work", scale=1e6),))
Tags = tuple[tuple[str, str], ...]


def second(times: Mapping[tuple[str, Tags], float], counts: Mapping[tuple[str, Tags], int], at: int = 0) -> Snapshot:
    """A hundred values of each time around its median in ms, and counts."""
    found = {}
    for number, ((name, tags), level) in enumerate(times.items()):
        found[Series(name, tags)] = histogram = Histogram()
        values = level * 1e6 * np.exp(np.random.default_rng([number, at]).normal(0, 0.25, 100))
        histogram.record_many(values.astype(np.int64))
    return Snapshot(at, float(at), at + 1.0, True, "load", found, {Series(*key): count for key, count in counts.items()}, {}, {})


def of(scenario: str, **more: str) -> Tags:
    return tuple(sorted({"scenario": scenario, **more}.items()))


def names(view: Aggregate, tag: str = "") -> set[str]:
    asked = figures_by(view, CATALOGUE, tag) if tag else main_figures(view, CATALOGUE)
    return {each.figure.name for each in asked}


def test_calls_sessions_and_tools_of_a_voice_agent_are_all_compared() -> None:
    times = {
        ("voice.response_gap", of("calls")): 400.0,
        ("http.response_time", of("sessions")): 3.0,
        ("call.response_time", of("tools")): 0.1,
    }
    counts = {("voice.turns", of("calls")): 100, ("http.requests", of("sessions")): 100, ("call.requests", of("tools")): 100}
    assert names(Aggregate([second(times, counts), second(times, counts, 1)])) == {
        f"{stat}({time})" for stat in ("p50", "p95") for time in ("voice.response_gap", "http.response_time", "call.response_time")
    } | {"rate(voice.dead_turn)", "rate(http.errors)", "rate(call.errors)"}


def test_a_request_that_carries_a_models_answer_is_not_compared_beside_it_but_one_of_another_scenario_is() -> None:
    answer = {("llm.e2e", of("chat")): 900.0, ("llm.ttft", of("chat")): 90.0, ("http.response_time", of("chat")): 900.0}
    asked = {("llm.requests", of("chat")): 100, ("http.requests", of("chat")): 100}
    alone = names(Aggregate([second(answer, asked), second(answer, asked, 1)]))
    assert alone == {"p50(llm.e2e)", "p95(llm.e2e)", "p50(llm.ttft)", "rate(llm.errors)"}
    both = names(Aggregate([second({**answer, ("http.response_time", of("api")): 9.0}, asked, at) for at in range(2)]))
    assert both - alone == {"p50(http.response_time)", "p95(http.response_time)", "rate(http.errors)"}


def test_failures_of_an_agent_are_compared_when_there_are_enough_to_tell() -> None:
    counts = {("http.requests", of("a", agent="often")): 60, ("http.requests", of("a", agent="rare")): 59}
    times = {("http.response_time", of("a", agent=agent)): 20.0 for agent in ("often", "rare")}
    found = names(Aggregate([second(times, counts)]))
    assert 'rate(http.errors{agent="often"})' in {name.replace("agent=often", 'agent="often"') for name in found}
    assert not [name for name in found if name.startswith("rate(http.errors{") and "rare" in name]
    assert [name for name in found if name.startswith("p50(http.response_time{") and "rare" in name]


def run_of(name: str, failed: int) -> PastRun:
    """Ninety-five of a hundred requests go to one agent, the rest to another one, of which some fail."""
    usual, rare = of("a", agent="usual"), of("a", agent="rare")
    times = {("http.response_time", usual): 20.0, ("http.response_time", rare): 20.0}
    counts = {("http.requests", usual): 950, ("http.requests", rare): 50, ("http.errors", rare): failed}
    seconds = [second(times, counts, at) for at in range(10)]
    return PastRun(name, Aggregate(seconds), [Aggregate([each]) for each in seconds], MACHINE)


def test_an_agent_that_fails_more_often_is_worse_though_the_whole_hardly_moved() -> None:
    before, after = Beside("main", [run_of(f"r{at}", 0) for at in range(10)]), run_of("new", 10)
    found = compare(before, Beside("new", [after]), main_figures(after.total, CATALOGUE), PRESETS["bot"]).found.differences
    answers = {each.figure: each.answer for each in found if each.figure.startswith("rate(")}
    assert answers == {
        "rate(http.errors)": Answer.NOT_WORSE,
        "rate(http.errors{agent=usual})": Answer.NOT_WORSE,
        "rate(http.errors{agent=rare})": Answer.WORSE,
    }


def test_the_own_work_of_agents_and_components_is_compared_by_name() -> None:
    times = {("iteration.duration", of("a")): 50.0, ("bot.compute_time", (("agent", 'say "hi"'), *of("a"))): 5.0}
    found = names(Aggregate([second(times, {})]))
    assert len(found) == 1
    assert next(iter(found)).startswith("p50(bot.compute_time{agent=")


def test_scripts_are_compared_by_their_passes_where_they_did_nothing_that_is_known() -> None:
    times = {("iteration.duration", of("a")): 50.0}
    found = names(Aggregate([second(times, {("iteration.count", of("a")): 100}, at) for at in range(2)]))
    assert found == {"p50(iteration.duration)", "p95(iteration.duration)", "rate(iteration.errors)"}


def test_times_and_failures_are_told_for_each_value_of_any_tag() -> None:
    times = {("http.response_time", of("a", model=model)): 20.0 for model in ("small", "large")}
    counts = {("http.requests", of("a", model=model)): 200 for model in ("small", "large")}
    view = Aggregate([second(times, counts), second(times, counts, 1)])
    assert names(view, "model") == {
        f"{figure}{{model={model}}})"
        for figure in ("p50(http.response_time", "p95(http.response_time", "rate(http.errors")
        for model in ("small", "large")
    }
    with pytest.raises(UsageError, match="model"):
        figures_by(view, CATALOGUE, "modle")


def test_two_runs_in_which_everything_failed_cannot_be_told_apart() -> None:
    side = make_past([20.0], errors=100)
    assert all_failed(side.runs[0].total)
    same = compare(side, replace(side, runs=make_past([40.0], errors=100).runs), main_figures(side.runs[0].total, CATALOGUE))
    assert same.answer is Answer.CANNOT_TELL
    assert "everything" in same.found.refused
    worse = compare(make_past([20.0]), side, main_figures(side.runs[0].total, CATALOGUE))
    assert worse.answer is Answer.WORSE


def measured(name: str, plan: Mapping[str, object], level: float) -> PastRun:
    seconds = [second({("my.score", of("a")): level}, {}, at) for at in range(10)]
    return PastRun(name, Aggregate(seconds), [Aggregate([each]) for each in seconds], MACHINE, plan=json.dumps(plan))


@pytest.mark.parametrize("earlier", [1, 6])
def test_a_metric_that_had_another_unit_is_not_compared(earlier: int) -> None:
    now, then = ({"metrics": {"my.score": {"unit": unit, "better": "lower"}}} for unit in ("ms", "s"))
    catalogue = Catalogue((Metric("my.score", "ms", Kind.DISTRIBUTION, "lower", "own", scale=1e6),))
    asked = [asked_for("p50(my.score)", catalogue)]
    after = Beside("after", [measured("after", now, 5.0)])
    changed = compare(Beside("before", [measured(f"r{at}", then, 5.0) for at in range(earlier)]), after, asked)
    assert changed.answer is Answer.CANNOT_TELL
    assert "unit s, and not ms" in changed.found.differences[0].reason
    same = compare(Beside("before", [measured(f"r{at}", now, 2.0) for at in range(earlier)]), after, asked)
    assert same.answer is Answer.WORSE
