"""The time that rates are divided by."""

from __future__ import annotations

from loadstone.judge.limits import resolve
from loadstone.judge.readings import read
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.measure.under_load import seconds_under_load
from loadstone.plan.gate_text import parse_gate


def series(metric: str, scenario: str, **tags: str) -> Series:
    return Series(metric, tuple(sorted({"scenario": scenario, **tags}.items())))


# Ten seconds: `first` has the load for the first four of them, `second` for the rest.
ONE_AFTER_ANOTHER = Aggregate(
    [
        Snapshot(
            0,
            0.0,
            10.0,
            counts={
                series("http.requests", "first", step="a"): 400,
                series("http.requests", "second", step="b"): 60,
                series("load.time", "first"): 4_000_000_000,
                series("load.time", "second"): 6_000_000_000,
            },
        )
    ]
)


def test_series_of_one_scenario_have_its_time() -> None:
    assert seconds_under_load(ONE_AFTER_ANOTHER, "http.requests", {"step": "a"}) == 4
    assert seconds_under_load(ONE_AFTER_ANOTHER, "http.requests", {"scenario": "second"}) == 6


def test_series_of_several_scenarios_or_of_none_have_the_whole_stretch() -> None:
    assert seconds_under_load(ONE_AFTER_ANOTHER, "http.requests") == 10
    assert seconds_under_load(ONE_AFTER_ANOTHER, "no.such_metric", {"step": "a"}) == 10


def test_a_scenario_whose_time_nobody_counted_has_the_whole_stretch() -> None:
    view = Aggregate([Snapshot(0, 0.0, 2.0, counts={series("http.requests", "only", step="a"): 10})])
    assert seconds_under_load(view, "http.requests", {"step": "a"}) == 2


def test_the_throughput_of_a_scenario_is_not_thinned_out_by_its_wait_for_another() -> None:
    for text, value in (("throughput(http.requests{step=a}) > 90/s", 100), ("throughput(http.requests) > 40/s", 46)):
        assert read(resolve(parse_gate(text), Catalogue()), ONE_AFTER_ANOTHER).low == value
