"""How good a value is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadstone.errors import PlanError, UsageError
from loadstone.judge.bands import Grade, Graded, Grown, grade_all
from loadstone.judge.gates import undecided
from loadstone.judge.load_growth import MOST_LOADS, LoadGrowth
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.model import BandLine
from loadstone.stats.histogram import Histogram

ERRORS = BandLine(value="rate(http.errors)", good="2%", concern="5%", issue="10%", name="error rate")
TIMES = BandLine(value="max(http.response_time)", good="3s", issue="5s")
RATE = BandLine(value="throughput(http.requests)", good="95/s", concern="90/s", issue="80/s")
ORDER = [Grade.GOOD, Grade.FAIR, Grade.CONCERN, Grade.ISSUE]


def seen(*, requests: int = 0, errors: int = 0, seconds: float = 1.0, ms: tuple[float, ...] = (), beyond: int = 0) -> Aggregate:
    histogram = Histogram()
    for value in ms:
        histogram.record(round(value * 1e6))
    histogram.record_beyond(beyond)
    counts = {Series("http.requests"): requests, Series("http.errors"): errors}
    times = {Series("http.response_time"): histogram} if ms or beyond else {}
    return Aggregate([Snapshot(0, 0.0, seconds, distributions=times, counts={key: n for key, n in counts.items() if n})])


def grade(band: BandLine, view: Aggregate) -> Grade:
    return grade_all([band], view, Catalogue())[0].grade


@pytest.mark.parametrize(
    ("errors", "expected"), [(0, "good"), (19, "good"), (20, "fair"), (50, "concern"), (99, "concern"), (100, "issue")]
)
def test_an_error_rate_is_graded_by_its_three_edges(errors: int, expected: str) -> None:
    assert grade(ERRORS, seen(requests=1000, errors=errors)) == expected


@pytest.mark.parametrize(("ms", "expected"), [(10, "good"), (2999, "good"), (3001, "concern"), (4999, "concern"), (5000, "issue")])
def test_without_an_edge_of_concern_it_begins_where_good_ends(ms: int, expected: str) -> None:
    assert grade(TIMES, seen(ms=(ms,))) == expected


@pytest.mark.parametrize(("requests", "expected"), [(100, "good"), (93, "fair"), (85, "concern"), (80, "issue")])
def test_falling_edges_mean_that_higher_is_better(requests: int, expected: str) -> None:
    assert grade(RATE, seen(requests=requests)) == expected


def test_a_time_that_never_came_back_is_an_issue_and_no_number() -> None:
    (graded,) = grade_all([TIMES], seen(ms=(10,), beyond=1), Catalogue())
    assert graded.grade == Grade.ISSUE


def test_without_data_there_is_no_grade_but_a_reason() -> None:
    (graded,) = grade_all([ERRORS], Aggregate(), Catalogue())
    assert (graded.grade, graded.value) == (Grade.NO_DATA, None)
    assert graded.reason


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_more_errors_never_get_a_better_grade(counts: tuple[int, int, int]) -> None:
    requests, one, other = counts
    few, many = sorted((one, other))
    assert ORDER.index(grade(ERRORS, seen(requests=requests, errors=few))) <= ORDER.index(
        grade(ERRORS, seen(requests=requests, errors=many))
    )


@pytest.mark.parametrize(
    "edges", [{"good": "5s", "concern": "3s", "issue": "6s"}, {"good": "3s", "issue": "3s"}, {"good": "x", "issue": "3s"}]
)
def test_edges_out_of_order_are_a_mistake_of_the_plan(edges: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BandLine(value="p95(http.response_time)", **edges)


def test_a_band_of_an_unknown_metric_is_refused_before_any_load() -> None:
    with pytest.raises((UsageError, PlanError), match="unknown metric"):
        grade_all([BandLine(value="p95(http.respond_time)", good="3s", issue="5s")], Aggregate(), Catalogue())


@pytest.mark.parametrize(
    ("text", "limit", "unit"),
    [
        ("max(target.memory_growth) < 500MB", 500e6, "B"),
        ("rate(websocket.connected) > 90%", 90.0, "%"),
        ("p95(x.time) < 2s", 2.0, "s"),
        ("throughput(x.calls) > 5/s", 5.0, "/s"),
        ("count(x.calls) > 5", 5.0, "1"),
    ],
)
def test_a_gate_that_needs_what_is_missing_has_no_data_and_says_what(text: str, limit: float, unit: str) -> None:
    verdict = undecided(parse_gate(text), "a probe")
    assert (verdict.status, verdict.value, verdict.limit, verdict.unit) == (Status.NO_DATA, None, limit, unit)
    assert verdict.reason == "needs a probe"


SUCCESS = BandLine(value="1 - rate(http.errors)", good="95%", concern="90%", issue="80%", name="success")
BY_LOAD = BandLine(value="by_load(target.memory)", good="1.5", issue="leak", name="memory")
LEAKS = parse_gate("leak(target.memory) = none")


@pytest.mark.parametrize(
    ("errors", "expected"), [(0, "good"), (49, "good"), (50, "fair"), (100, "concern"), (199, "concern"), (200, "issue")]
)
def test_successes_are_graded_by_edges_of_their_own(errors: int, expected: str) -> None:
    (graded,) = grade_all([SUCCESS], seen(requests=1000, errors=errors), Catalogue())
    assert graded.grade == expected
    assert graded.value == pytest.approx(100 - errors / 10)
    assert graded.subject == "1 - rate(http.errors)"
    assert graded.edges == ("95%", "90%", "80%")


def ramp(memory: Callable[[int], float], users: int = 40) -> LoadGrowth:
    growth = LoadGrowth("target.memory")
    for at in range(1, users + 30):
        there = min(at, users)
        gauges = {Series("load.users"): Gauge.of(there), Series("target.memory"): Gauge.of(memory(there) + at % 3 * 1e5)}
        growth.see(Snapshot(at, float(at), at + 1.0, gauges=gauges, judged=at > users))
    return growth


def graded_growth(growth: LoadGrowth | None, leak: Status | None) -> Graded:
    verdicts = [] if leak is None else [Verdict(LEAKS, leak, None, 0.0, "1", 40, "said so")]
    (graded,) = grade_all([BY_LOAD], Aggregate(), Catalogue(), grown=Grown({"target.memory": growth} if growth else {}, verdicts))
    return graded


def test_memory_that_grows_with_each_user_alike_is_linear() -> None:
    found = graded_growth(ramp(lambda users: 5e7 + 1e6 * users), Status.PASS)
    assert (found.grade, found.edges) == (Grade.GOOD, ("linear", "faster than linear", "leak"))
    assert found.value == pytest.approx(1.0, abs=0.2)


def test_memory_that_grows_faster_than_the_load_is_a_concern() -> None:
    found = graded_growth(ramp(lambda users: 5e7 + 5e4 * users**2), Status.PASS)
    assert found.grade == Grade.CONCERN
    assert found.value is not None
    assert found.value > 2


def test_memory_that_hardly_moves_with_the_load_is_linear_however_its_noise_falls() -> None:
    assert graded_growth(ramp(lambda _: 5e7), Status.PASS).grade == Grade.GOOD


def test_a_leak_is_an_issue_whatever_the_load_says() -> None:
    assert graded_growth(ramp(lambda users: 5e7 + 1e6 * users), Status.FAIL).grade == Grade.ISSUE
    assert graded_growth(None, Status.FAIL).grade == Grade.ISSUE


@pytest.mark.parametrize("leak", [None, Status.NO_DATA, Status.PASS])
def test_without_a_judged_leak_or_a_load_that_rose_growth_has_no_grade(leak: Status | None) -> None:
    growth = ramp(lambda users: 5e7 + 1e6 * users, users=1 if leak is Status.PASS else 40)
    found = graded_growth(growth, leak)
    assert found.grade == Grade.NO_DATA
    assert found.reason


def test_the_loads_that_are_kept_are_bounded() -> None:
    growth = ramp(lambda users: 5e7 + 1e6 * users, users=3000)
    assert len(growth._seen) <= MOST_LOADS
    ratio = growth.ratio()
    assert ratio is not None
    assert ratio.value == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("edges", [{"good": "0.5", "issue": "leak"}, {"good": "1.5", "issue": "3"}, {"good": "50MB", "issue": "leak"}])
def test_growth_with_the_load_has_a_ratio_and_a_leak_for_edges(edges: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BandLine(value="by_load(target.memory)", **edges)


def test_successes_have_shares_for_edges() -> None:
    with pytest.raises(ValidationError):
        BandLine(value="1 - rate(http.errors)", good="2s", issue="1s")
