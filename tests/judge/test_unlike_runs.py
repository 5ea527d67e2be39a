"""Runs that cannot be compared say so, figure by figure: another unit of the same metric, nothing but failures, a run by itself."""

from __future__ import annotations

import json
from dataclasses import replace

from loadstone.errors import ExitCode
from loadstone.judge.beside import Beside, compare
from loadstone.judge.difference import Answer
from loadstone.judge.figures import Asked, asked_for
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.plan.own_metrics import MetricLine
from loadstone.testing.past_runs import make_past

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
