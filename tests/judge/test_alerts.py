"""Alert rules: what they say, when they are told, and when they are not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.failure import Kind as FailureKind
from loadstone.errors import PlanError, UsageError
from loadstone.judge.alert_rules import DEFAULT_RULES, Level, parse_rule, ready, rules_of_gates
from loadstone.judge.alerts import Alert, AlertWatch, Kind
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Metric
from loadstone.measure.catalogue import Kind as MetricKind
from loadstone.measure.snapshot import Failure
from loadstone.plan.gate_text import parse_gate
from loadstone.testing.samples import make_snapshot

RESPONSE = "p95(http.response_time) warning > 1s critical > 5s"
ERRORS = "rate(http.errors) warning > 5% critical > 20%"


def watch_of(*texts: str, expected: tuple[str, ...] = ()) -> AlertWatch:
    found, absent = ready([parse_rule(text) for text in texts], Catalogue())
    assert not absent
    return AlertWatch(found, expected)


def window(median_ms: float) -> Aggregate:
    """A minute in which nearly everything took that long."""
    return Aggregate([make_snapshot(steps={"home": (1, median_ms)})])


def told(watch: AlertWatch, medians_ms: list[float | None], *, first: int = 0, length_s: float = 60.0) -> list[tuple[int, Alert]]:
    """What is told, with the number of the window."""
    found = []
    for number, median_ms in enumerate(medians_ms, first):
        view = Aggregate() if median_ms is None else window(median_ms)
        found += [(number, alert) for alert in watch.see(view, number * length_s, (number + 1) * length_s)]
    return found


def kinds(found: list[tuple[int, Alert]]) -> list[tuple[int, str, Level]]:
    return [(number, str(alert.kind), alert.level) for number, alert in found]


def test_a_level_is_told_once_when_it_is_reached_and_once_when_it_is_left() -> None:
    found = told(watch_of(RESPONSE), [100, 2000, 2000, 2000, 100, 100])
    assert kinds(found) == [(1, "raised", Level.WARNING), (4, "recovered", Level.OK)]
    assert "limit 1 s" in str(found[0][1])
    assert found[1][1].held_s == 180.0


def test_levels_go_up_and_down_in_steps() -> None:
    found = told(watch_of(RESPONSE), [2000, 8000, 2000, 100])
    assert kinds(found) == [
        (0, "raised", Level.WARNING),
        (1, "raised", Level.CRITICAL),
        (2, "lowered", Level.WARNING),
        (3, "recovered", Level.OK),
    ]


def test_what_does_not_last_is_not_told() -> None:
    assert told(watch_of(RESPONSE + " for 3m"), [2000, 2000, 100, 2000, 2000, 100]) == []
    assert kinds(told(watch_of(RESPONSE + " for 3m"), [100, 2000, 2000, 2000])) == [(3, "raised", Level.WARNING)]


def test_a_value_that_wavers_around_its_limit_is_told_once() -> None:
    wavering: list[float | None] = [1010, 990, 1010, 960, 1020, 980] * 5
    assert kinds(told(watch_of(RESPONSE), wavering)) == [(0, "raised", Level.WARNING)]


def test_a_recovery_must_last_as_long_as_it_is_asked_to() -> None:
    found = told(watch_of(RESPONSE + " recover 3m"), [2000, 100, 100, 2000, 100, 100, 100])
    assert kinds(found) == [(0, "raised", Level.WARNING), (6, "recovered", Level.OK)]


def test_a_level_that_stays_is_told_again_when_that_is_asked_for() -> None:
    found = told(watch_of(RESPONSE + " again 2m"), [2000] * 6)
    assert kinds(found) == [(0, "raised", Level.WARNING), (2, "reminder", Level.WARNING), (4, "reminder", Level.WARNING)]


def test_a_window_without_a_value_neither_raises_nor_recovers() -> None:
    assert kinds(told(watch_of(RESPONSE), [2000, None, None, 2000])) == [(0, "raised", Level.WARNING)]


def test_silence_after_values_is_told_once_and_so_is_its_end() -> None:
    watch = watch_of(RESPONSE)
    assert kinds(told(watch, [100, None, None, None, None])) == [(3, "silent", Level.WARNING)]
    assert watch.levels()[parse_rule(RESPONSE).name] == (Level.WARNING, None)
    assert kinds(told(watch, [100], first=5)) == [(5, "back", Level.OK)]


def test_silence_from_the_start_is_told_only_for_what_must_come() -> None:
    assert told(watch_of(RESPONSE), [None] * 9) == []
    assert kinds(told(watch_of(RESPONSE, expected=("http.response_time",)), [None] * 9)) == [(2, "silent", Level.WARNING)]


def test_requests_that_never_came_back_are_longer_than_any_limit() -> None:
    lost = {Failure(FailureKind.TIMEOUT_TOTAL, "home", "no answer"): 10}
    view = Aggregate([make_snapshot(steps={"home": (10, 5.0)}, failures=lost)])
    alerts = watch_of(RESPONSE, ERRORS).see(view, 0, 60)
    assert [alert.level for alert in alerts] == [Level.CRITICAL, Level.CRITICAL]


def test_a_monitor_that_starts_again_goes_on_where_it_stopped() -> None:
    text = RESPONSE + " for 3m"
    whole, first = watch_of(text), watch_of(text)
    course: list[float | None] = [2000, 2000, 2000, 2000, 100, 100, 100, 100]
    at_once = told(whole, course)
    before = told(first, course[:2])
    second = watch_of(text)
    second.restore(json.loads(json.dumps(first.state())))
    assert kinds(before + told(second, course[2:], first=2)) == kinds(at_once) != []


def test_a_state_that_is_damaged_or_of_another_rule_is_left_out() -> None:
    watch = watch_of("response: " + RESPONSE)
    watch.restore({"response": {"subject": "p95(http.response_time)", "on": ["x"]}})
    watch.restore({"response": {"subject": "max(http.response_time)", "on": [2]}})
    assert watch.levels()["response"] == (Level.OK, None)


@given(st.lists(st.sampled_from([100.0, 950.0, 2000.0, 8000.0, None]), max_size=30))
def test_every_rise_is_followed_by_its_end_and_no_level_is_told_twice(course: list[float | None]) -> None:
    level = Level.OK
    for _, alert in told(watch_of(RESPONSE), course):
        if alert.kind in (Kind.RAISED, Kind.LOWERED, Kind.RECOVERED):
            assert alert.before == level != alert.level
            assert (alert.level > alert.before) == (alert.kind is Kind.RAISED)
            level = alert.level


def test_the_default_rules_fit_their_metrics() -> None:
    catalogue = Catalogue()
    for metric in (Metric("target.memory", "B", MetricKind.GAUGE, "lower", "m"), Metric("target.cpu", "%", MetricKind.GAUGE, "lower", "c")):
        if catalogue.get(metric.name) is None:
            catalogue.add(metric)
    found, absent = ready([parse_rule(text, name) for name, text in DEFAULT_RULES.items()], catalogue)
    assert [each.rule.name for each in found] == ["response", "errors", "memory", "cpu"]
    assert not absent
    assert found[2].reach[Level.CRITICAL].limit == 2e9


def test_a_rule_on_what_nothing_records_is_told_apart_and_not_guessed() -> None:
    found, absent = ready([parse_rule("max(no.such) warning > 1")], Catalogue())
    assert not found
    assert [rule.subject for rule in absent] == ["max(no.such)"]


def test_gates_turned_round_are_critical_when_they_break() -> None:
    specs = [parse_gate("p95(http.response_time) < 2s"), parse_gate("p95(http.response_time) < 2s over 10s")]
    rules = rules_of_gates(specs)
    assert [(rule.subject, rule.limits[Level.CRITICAL].op) for rule in rules] == [("p95(http.response_time)", ">=")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p95(http.response_time)", "no level"),
        ("p95(http.response_time) warning > 5s critical > 1s", "good side"),
        ("p95(http.response_time) warning > 1s critical < 5s", "different ways"),
        ("p95(http.response_time) warning > 1s warning > 2s", "twice"),
        ("p95(http.response_time) warning == 1s", "no limit of an alert"),
        ("p95(http.response_time) warning > 1s for long", "for:"),
        ("p95(http.response_time) warning > 1s clear 150%", "clear:"),
        ("frequency(http.response_time) warning > 1s", "unknown statistic"),
    ],
)
def test_a_rule_that_cannot_be_meant_says_why(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_rule(text)


def test_a_limit_in_another_unit_is_a_mistake_of_the_plan() -> None:
    with pytest.raises(PlanError, match="measured in ms"):
        ready([parse_rule("p95(http.response_time) warning > 5MB")], Catalogue())


@pytest.mark.parametrize(
    "text", ["growth(target.memory) warning > 5MB", "leak(target.memory) critical = none", "p95(x) warning > 1s over 10s"]
)
def test_what_is_about_a_whole_run_is_no_alert_and_a_gate_on_it_makes_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rule(text)
    assert rules_of_gates([parse_gate("growth(target.memory) < 5MB"), parse_gate("leak(target.memory) = none")]) == []


@pytest.mark.parametrize(
    "subject", ["p99.9(http.response_time{step=ask})", "rate(http.errors{kind=reset})", 'max(target.memory{probe="a, b"})']
)
def test_an_alert_reads_its_statement_as_a_gate_does(subject: str) -> None:
    limit = "5MB" if "memory" in subject else "5%" if "rate" in subject else "5s"
    (spec,) = parse_rule(f"{subject} critical > {limit} for 1m").limits.values()
    assert spec == parse_gate(f"{subject} > {limit}")
