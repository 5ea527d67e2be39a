"""What a page of an inference server becomes."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadstone.clock import SECOND
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.snapshot import Series
from loadstone.plan.probe import ProbePlan
from loadstone.probes import known_servers
from loadstone.probes import prometheus as module
from loadstone.probes.probe import MOST_SERIES, NoReading, Readings
from loadstone.probes.prometheus import PrometheusProbe

URL = "http://127.0.0.1:8000/metrics"
VLLM = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
# TYPE vllm:prompt_tokens counter
vllm:prompt_tokens_total{engine="0",model_name="m"} %(prompt)d
# TYPE vllm:generation_tokens counter
vllm:generation_tokens_total{engine="0",model_name="m"} %(tokens)d
vllm:generation_tokens_total{engine="1",model_name="m"} %(tokens)d
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="m"} %(fast)d
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.5",model_name="m"} %(requests)d
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} %(requests)d
vllm:time_to_first_token_seconds_sum{engine="0",model_name="m"} %(seconds)s
vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} %(requests)d
"""
LLAMA = """\
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 2
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 5
# TYPE llamacpp:kv_cache_usage_ratio gauge
llamacpp:kv_cache_usage_ratio 0.5
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total %(tokens)d
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total %(prompt)d
"""
BEFORE = {"prompt": 100, "tokens": 1000, "requests": 10, "fast": 5, "seconds": "2.0"}
AFTER = {"prompt": 300, "tokens": 1500, "requests": 20, "fast": 10, "seconds": "4.0"}


def read_all(monkeypatch: pytest.MonkeyPatch, pages: list[str], **settings: Any) -> list[dict[Series, float]]:
    """What a probe reads of these pages, which it gets two seconds apart."""
    now = iter(range(0, 1000 * SECOND, SECOND))
    texts: Iterator[str] = iter(pages)

    class Pages:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def get(self) -> str:
            return next(texts)

        def give_up(self) -> None: ...

    monkeypatch.setattr(module, "Page", Pages)
    probe = PrometheusProbe(ProbePlan(kind="prometheus", watches=URL, settings={"name": "it", **settings}), "")
    probe.open(lambda: next(now))
    found = []
    for _ in pages:
        readings = Readings()
        probe.sample(readings)
        found.append(readings.gauges)
    return found


def values(gauges: dict[Series, float]) -> dict[str, float]:
    return {series.metric: value for series, value in gauges.items()}


def test_vllm_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = read_all(monkeypatch, [VLLM % BEFORE, VLLM % AFTER])
    levels = {"target.requests_running": 7.0, "target.requests_waiting": 2.0, "target.kv_cache_usage": 75.0}
    assert values(first) == levels
    assert values(second) == {
        **levels,
        "target.prompt_tokens": 100.0,
        "target.generation_tokens": 500.0,
        "target.ttft": pytest.approx(200.0),
    }


def test_llama_cpp_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    _, second = read_all(monkeypatch, [LLAMA % BEFORE, LLAMA % AFTER])
    assert values(second) == {
        "target.requests_running": 2.0,
        "target.requests_waiting": 5.0,
        "target.kv_cache_usage": 50.0,
        "target.prompt_tokens": 100.0,
        "target.generation_tokens": 250.0,
    }


def test_nothing_that_ended_between_two_readings_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    _, second = read_all(monkeypatch, [VLLM % AFTER, VLLM % AFTER])
    assert "target.ttft" not in values(second)
    assert values(second)["target.generation_tokens"] == 0.0


def test_an_old_and_a_new_name_of_one_thing_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = read_all(monkeypatch, ["vllm:kv_cache_usage_perc 0.5\nvllm:gpu_cache_usage_perc 0.4\n"])
    assert values(found) == {"target.kv_cache_usage": 50.0}


def test_a_name_of_the_users_keeps_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    page = '# TYPE up gauge\nup{job="a"} 1\nup{job="b"} 0\nother 5\n'
    (found,) = read_all(monkeypatch, [page], metrics=["up"])
    assert found == {
        Series("target.up", (("job", "a"), ("probe", "it"))): 1.0,
        Series("target.up", (("job", "b"), ("probe", "it"))): 0.0,
    }


@pytest.mark.parametrize("name", ["work", "work_total"])
def test_a_counter_of_the_users_becomes_a_rate_however_it_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _, second = read_all(monkeypatch, [f"# TYPE work counter\nwork_total {n}\n" for n in (10, 40)], metrics=[name])
    assert values(second) == {"target.work_total": 15.0}


def test_a_histogram_of_the_users_has_mean_rate_and_quantiles_of_what_came_between(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "vllm:time_to_first_token_seconds"
    _, second = read_all(monkeypatch, [VLLM % BEFORE, VLLM % AFTER], metrics=[name])
    own = {metric: value for metric, value in values(second).items() if name in metric}
    assert own == {
        f"target.{name}_per_s": 5.0,
        f"target.{name}_mean": pytest.approx(0.2),
        f"target.{name}_p50": pytest.approx(0.1),
        f"target.{name}_p95": pytest.approx(0.46),
        f"target.{name}_p99": pytest.approx(0.492),
    }


def test_a_summary_keeps_its_own_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [f'# TYPE t summary\nt{{quantile="0.99"}} 0.7\nt_sum {n * 2}\nt_count {n}\n' for n in (1, 3)]
    _, second = read_all(monkeypatch, pages, metrics=["t"])
    assert second[Series("target.t", (("probe", "it"), ("quantile", "0.99")))] == 0.7
    assert values(second)["target.t_mean"] == 2.0
    assert values(second)["target.t_per_s"] == 1.0


def test_more_series_than_a_run_can_hold_are_left_out_and_counted() -> None:
    readings = Readings()
    for number in range(MOST_SERIES + 7):
        readings.gauge("target.x", 1.0, id=str(number))
    assert (len(readings.gauges), readings.left_out) == (MOST_SERIES, 7)


def test_a_page_of_something_else_is_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoReading, match="not a page of metrics"):
        read_all(monkeypatch, ["<html>hello</html>"])


def test_a_page_of_metrics_without_any_that_is_wanted_is_a_reading_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_all(monkeypatch, ["# TYPE a gauge\na 1\n"]) == [{}]


@pytest.mark.parametrize(
    ("watches", "target", "url"),
    [
        ("http://h:1/metrics", "http://t", "http://h:1/metrics"),
        ("http://h:1", "http://t", "http://h:1/metrics"),
        ("h:1/stats?x=1", "http://t", "http://h:1/stats?x=1"),
        ("/metrics", "http://t:2/", "http://t:2/metrics"),
    ],
)
def test_an_address_may_be_short(watches: str, target: str, url: str) -> None:
    assert PrometheusProbe(ProbePlan(kind="prometheus", watches=watches), target).url == url


@pytest.mark.parametrize(
    ("watches", "settings", "text"),
    [
        ("ftp://h/metrics", {}, "not an http or https URL"),
        ("http://a:b@h/metrics", {}, "holds a password"),
        ("http://h:0/metrics", {}, "not an http or https URL"),
        (URL, {"metrics": 5}, "must be a list of names"),
        (URL, {"metrics": [f"m{number}" for number in range(101)]}, "at most 100 names"),
        (URL, {"metric": ["x"]}, "unknown setting 'metric'"),
        (URL, {"timeout": "soon"}, "not a duration"),
        (URL, {"timeout": 0}, "more than 0 s"),
        (URL, {"headers": {"A": "b\r\nC: d"}}, "must be a mapping"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(watches: str, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        PrometheusProbe(ProbePlan(kind="prometheus", watches=watches, settings=settings), "http://t")


def test_every_common_name_is_in_the_catalogue() -> None:
    names = {metric.name for metric in BUILT_IN}
    assert {*known_servers.LEVELS, *known_servers.RATES, *known_servers.MEANS} <= names


@pytest.mark.parametrize(
    ("name", "unit"),
    [("x_bytes", "B"), ("x_seconds", "s"), ("x", "1"), ("x_total", "1/s"), ("x_bytes_total", "B/s"), ("c_seconds_total", "1")],
)
def test_a_unit_is_read_from_the_ending_of_a_name(name: str, unit: str) -> None:
    (metric, *_) = module.own_metrics(name)
    assert (metric.name, metric.unit) == (f"target.{name}", unit)
