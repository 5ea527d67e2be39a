"""The time that rates are divided by."""

from __future__ import annotations

from loadstone.judge.gates import GateWatch
from loadstone.judge.limits import resolve
from loadstone.judge.readings import read
from loadstone.judge.verdict import Status
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


def second(at: int, scenario: str, requests: int, *, share: float = 1.0) -> Snapshot:
    """One second of one scenario's load."""
    counts = {series("load.time", scenario): round(share * 1e9)}
    if requests:
        counts[series("http.requests", scenario, step=scenario)] = requests
    return Snapshot(at, float(at), at + 1.0, counts=counts)


def windowed(text: str, snapshots: list[Snapshot]) -> tuple[Status, float | None]:
    watch = GateWatch([parse_gate(text)], Catalogue())
    for snapshot in snapshots:
        watch.see(snapshot)
    (verdict,) = watch.verdicts(Aggregate(snapshots))
    return verdict.status, verdict.value


def test_windows_before_and_after_a_scenario_say_nothing_about_its_throughput() -> None:
    run = [
        *(second(at, "a", 100) for at in range(5)),
        *(second(at, "b", 10) for at in range(5, 10)),
        *(second(at, "c", 1) for at in range(10, 15)),
    ]
    for text in ("throughput(http.requests{step=b}) > 9/s over 3s", "throughput(http.requests{scenario=b}) > 9/s over 3s"):
        assert windowed(text, run) == (Status.PASS, 10)


def test_a_second_that_a_scenario_only_begins_in_is_in_no_window() -> None:
    run = [second(0, "a", 100), second(1, "b", 1, share=0.1), *(second(at, "b", 10) for at in range(2, 6))]
    assert windowed("throughput(http.requests{scenario=b}) > 9/s over 3s", run) == (Status.PASS, 10)


def test_a_stall_while_the_scenario_is_under_load_is_a_throughput_of_nothing() -> None:
    run = [*(second(at, "a", 100) for at in range(3)), *(second(at, "b", 10 if at < 6 else 0) for at in range(3, 12))]
    assert windowed("throughput(http.requests{scenario=b}) > 9/s over 3s", run) == (Status.FAIL, 0)


def test_a_scenario_that_was_never_seen_is_no_data() -> None:
    assert windowed("throughput(http.requests{scenario=b}) > 9/s over 3s", [second(at, "a", 5) for at in range(9)])[0] is Status.NO_DATA
