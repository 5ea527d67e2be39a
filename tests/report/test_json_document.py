"""The report for programs."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from loadstone.judge.story import Story
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import BUILT_IN, Kind
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.report.document import Document, schema_json
from loadstone.report.json import render_json
from loadstone.report.telling import distribution, document_of
from loadstone.report.told import Told
from loadstone.testing.samples import PROVENANCE, make_histogram, make_series, make_snapshot, make_story, spread_ms

SHIPPED = files("loadstone.report") / "schema" / "result-1.json"
TIMEOUT = Failure("timeout_total", "ask", "no complete answer within 60 s")


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def document(story: Story) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render_json(Told.of(story)), parse_constant=no_constant)
    jsonschema.validate(found, json.loads(SHIPPED.read_text(encoding="utf-8")))
    return found


STORIES = {
    "plain": make_story(),
    "nothing": make_story([]),
    "unreachable": make_story([], unreachable=True, gates=()),
    "late": make_story([make_snapshot(steps={"ask": (4, 1.0)}, failures={TIMEOUT: 4}, dropped=3, target_rate=7)], asked_arrivals=7),
    "hostile": make_story([make_snapshot(steps={"\x1b[31m\udc80\n": (1, 1.0)})], plan_name="\udcff", target="<script>"),
}


def test_the_shipped_schema_is_what_the_types_say() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_json(), (
        "run: python -m loadstone.report.document > src/loadstone/report/schema/result-1.json"
    )


@pytest.mark.parametrize("name", STORIES)
def test_every_document_follows_the_schema_and_reads_back_as_the_same_types(name: str) -> None:
    raw = render_json(Told.of(STORIES[name]))
    assert document(STORIES[name])["schema"] == "loadstone.result/1"
    again = Document.model_validate_json(raw)
    assert again.model_dump(mode="json") == json.loads(raw)


def test_the_document_has_exactly_the_promised_keys() -> None:
    found = document(make_story())
    top = "schema verdict exit_code load metrics steps errors checks gates requirements score decision bands"
    top += " recovery causes recommendations failure_patterns connection_memory"
    top += " voice_targets token_counting events generator notices provenance"
    assert list(found) == top.split()
    assert {"target_rate", "achieved_rate", "requests", "errors", "dropped"} <= set(found["load"])
    times = "unit count beyond mean min p50 p90 p95 p99 p99_9 max too_few"
    assert list(found["metrics"]["http.response_time"]) == times.split()
    assert list(found["metrics"]["http.requests"]) == ["unit", "count", "rate"]
    assert list(found["metrics"]["load.users"]) == ["unit", "last", "mean", "min", "max"]
    generator = "trust reasons cpu_percent send_lag_p99_ms share_p99_ms loop_lag_p99_ms coalesced_share kernel_clock workers"
    assert list(found["generator"]) == generator.split()


def test_every_metric_of_the_catalogue_is_there_recorded_or_not() -> None:
    metrics = document(make_story([]))["metrics"]
    assert set(metrics) == {metric.name for metric in BUILT_IN}
    for metric in BUILT_IN:
        values = {key: value for key, value in metrics[metric.name].items() if value is not None}
        nothing = (
            {"unit": metric.unit, "count": 0, "beyond": 0, "too_few": {}} if metric.kind is Kind.DISTRIBUTION else {"unit": metric.unit}
        )
        assert values == nothing


def test_times_are_in_milliseconds_and_exact_at_their_ends() -> None:
    values = make_histogram(spread_ms(1000, 20.0))
    total = Aggregate([Snapshot(0, 0.0, 1.0, distributions={make_series("http.response_time"): values})])
    found = distribution(total, BUILT_IN[0])
    assert (found.min, found.max) == (values.min / 1e6, values.max / 1e6)
    assert found.p95 == pytest.approx(sorted(spread_ms(1000, 20.0))[949], rel=2**-8)


def test_a_quantile_beyond_everything_recorded_is_null_with_its_count_beside_it() -> None:
    times = document(STORIES["late"])["metrics"]["http.response_time"]
    assert times["beyond"] == 7
    assert times["count"] == 0
    assert times["p50"] is None


def test_a_gate_beyond_everything_recorded_fails_and_says_so() -> None:
    gate = document(STORIES["late"])["gates"][0]
    assert (gate["status"], gate["value"], gate["beyond"]) == ("fail", None, True)


def test_errors_that_never_happened_are_a_true_zero_once_requests_were_counted() -> None:
    assert document(make_story())["metrics"]["http.errors"]["count"] == 0
    assert document(make_story([]))["metrics"]["http.errors"]["count"] is None


def test_steps_carry_their_own_metrics_and_errors_their_reasons() -> None:
    failure = Failure("status", "ask", "503")
    steps = {"ask": (40, 10.0), "home": (60, 5.0)}
    found = document(make_story([make_snapshot(steps=steps, failures={failure: 4})]))
    ask, home = found["steps"]
    assert (ask["step"], ask["metrics"]["http.requests"]["count"], ask["metrics"]["http.errors"]["count"]) == ("ask", 40, 4)
    assert (home["step"], home["metrics"]["http.errors"]["count"]) == ("home", 0)
    assert found["errors"] == [{"kind": "status", "step": "ask", "text": "503", "count": 4}]


def test_verdict_requirements_score_and_origin_are_told() -> None:
    gate = "p95(http.response_time) < 2s"
    found = document(make_story(requirement_of={gate: "response_time_under_5s"}))
    assert (found["verdict"], found["exit_code"], found["score"]) == ("pass", 0, 100.0)
    assert found["requirements"]["response_time_under_5s"]["status"] == "pass"
    assert found["provenance"]["git_commit"] == PROVENANCE.git_commit
    assert found["provenance"]["started_at"] == "2026-01-02T03:04:05Z"


def test_infinite_readings_of_a_gauge_become_null() -> None:
    snapshot = Snapshot(0, 0.0, 1.0, gauges={make_series("load.users"): Gauge.of(float("nan"))})
    users = document_without_users(snapshot)["metrics"]["load.users"]
    assert users["last"] is None


def document_without_users(snapshot: Snapshot) -> dict[str, Any]:
    story = make_story([])
    story.result.total.add(snapshot)
    return document(story)


def test_ten_times_the_steps_take_about_ten_times_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    carries = Series.carries

    def counted(series: Series, wanted: Mapping[str, str]) -> bool:
        nonlocal looks
        looks += 1
        return carries(series, wanted)

    monkeypatch.setattr(Series, "carries", counted)

    def looks_of(steps: int) -> int:
        story = make_story([make_snapshot(steps={f"s{number}": (1, 10.0) for number in range(steps)})])
        before = looks
        assert len(document_of(story).steps) == steps
        return looks - before

    assert looks_of(200) < 20 * looks_of(20)
