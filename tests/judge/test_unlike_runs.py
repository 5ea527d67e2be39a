"""Runs that cannot be compared say so, figure by figure: another unit of the same metric, nothing but failures, a run by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from loadstone.errors import ExitCode
from loadstone.judge.beside import Beside, compare
from loadstone.judge.difference import Answer
from loadstone.judge.figures import Asked, asked_for
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.plan.own_metrics import MetricLine
from loadstone.testing.past_runs import make_past, make_seconds

BASKET = {"kind": "distribution", "better": "lower"}


def with_basket_in(side: Beside, unit: str) -> Beside:
    """The same runs; their plans declare `basket.time` in that unit."""
    plan = json.dumps({"metrics": {"basket.time": {**BASKET, "unit": unit}}})
    return Beside(side.name, [replace(run, plan=plan) for run in side.runs])


def both_times() -> list[Asked]:
    catalogue = Catalogue()
    for metric in declared({"basket.time": MetricLine.model_validate({**BASKET, "unit": "ms"})}):
        catalogue.add(metric)
    return [asked_for(text, catalogue) for text in ("p50(http.response_time)", "p50(basket.time)")]


def test_a_metric_whose_unit_was_changed_is_not_compared_and_the_others_are() -> None:
    before, after = with_basket_in(make_past([20.0] * 12), "s"), with_basket_in(make_past([30.0] * 3), "ms")
    times, basket = compare(before, after, both_times()).found.differences
    assert times.answer is Answer.WORSE
    assert basket.answer is Answer.CANNOT_TELL
    assert "basket.time of run r000 has the unit s, and not ms" in basket.reason
    assert (basket.before, basket.after) == (None, None)


def test_runs_in_which_everything_failed_are_neither_alike_nor_different() -> None:
    found = compare(make_past([20.0] * 12, errors=100), make_past([60.0] * 3, errors=100), both_times()[:1])
    assert found.answer is Answer.CANNOT_TELL
    assert found.exit_code is ExitCode.INCONCLUSIVE
    assert "everything that was asked for failed" in found.found.refused


def test_a_side_without_a_run_is_no_pass() -> None:
    for before, after in (([], [20.0]), ([20.0], []), ([], [])):
        assert compare(make_past(before), make_past(after), both_times()[:1]).exit_code is ExitCode.INCONCLUSIVE


def changed(side: Beside, change: Callable[[Snapshot], Snapshot]) -> Beside:
    """A run of the same machine as those of a side, of seconds that something was done to."""
    seconds = [change(second) for second in make_seconds(20.0, 77)]
    return Beside("changed", [replace(side.runs[0], name="changed", total=Aggregate(seconds), parts=[Aggregate([one]) for one in seconds])])


def unanswered(second: Snapshot) -> Snapshot:
    for times in second.distributions.values():
        times.record_beyond(20)
    return second


def failed_several_times_each(second: Snapshot) -> Snapshot:
    failures = Series("http.errors", (("kind", "status"), ("scenario", "shop"), ("step", "home")))
    return replace(second, counts={**second.counts, failures: 130 + second.seq % 2})


@pytest.mark.parametrize("earlier", [1, 12])
@pytest.mark.parametrize("figure", ["mean(http.response_time)", "max(http.response_time)", "p99(http.response_time)"])
def test_a_run_with_unanswered_requests_is_not_called_as_fast_as_before(earlier: int, figure: str) -> None:
    before = make_past([20.0] * earlier)
    (difference,) = compare(before, changed(before, unanswered), [asked_for(figure, Catalogue())]).found.differences
    assert difference.answer is Answer.CANNOT_TELL
    assert difference.effect is None
    assert "longer than anything recorded" in difference.reason


@pytest.mark.parametrize("earlier", [1, 12])
def test_a_share_of_more_than_all_is_compared_as_well(earlier: int) -> None:
    before, failures = make_past([20.0] * earlier), [asked_for("rate(http.errors)", Catalogue())]
    after = changed(before, failed_several_times_each)
    assert compare(before, after, failures).answer is Answer.WORSE
    assert compare(Beside("changed", [replace(after.runs[0], name="another")]), after, failures).answer is not Answer.WORSE
