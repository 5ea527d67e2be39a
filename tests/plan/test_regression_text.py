"""Gates on regressions as people write them."""

import pytest

from loadstone.errors import UsageError
from loadstone.plan.model import GateLine
from loadstone.plan.regression_text import regression_settings


@pytest.mark.parametrize(
    ("text", "figure", "limit", "baseline"),
    [
        ("regression(p95(http.response_time)) < 10%", "p95(http.response_time)", 0.1, ""),
        ("regression( p50( http.response_time{step=ask} ) ) < 2.5 % against main", "p50(http.response_time{step=ask})", 0.025, "main"),
        ("regression(rate(http.errors)) < 5 points", "rate(http.errors)", 0.05, ""),
        ("regression(rate(http.errors)) <= 1pp against release-2", "rate(http.errors)", 0.01, "release-2"),
        ("regression(goodput(llm.ttft < 1s)) < 5 points", "goodput(ttft < 1s)", 0.05, ""),
        ("regression(throughput(iteration.count)) < 15%", "throughput(iteration.count)", 0.15, ""),
    ],
)
def test_a_regression_names_a_figure_a_share_and_perhaps_a_baseline(text: str, figure: str, limit: float, baseline: str) -> None:
    settings = regression_settings(text)
    assert settings is not None
    assert (settings["figure"], settings["baseline"]) == (figure, baseline)
    assert settings["limit"] == pytest.approx(limit)


def test_another_gate_is_left_alone() -> None:
    assert regression_settings("p95(http.response_time) < 2s") is None


@pytest.mark.parametrize(
    "text",
    [
        "regression(http.response_time) < 10%",
        "regression(p95(http.response_time)) < 10",
        "regression(p95(http.response_time)) < 0%",
        "regression(p95(http.response_time)) > 10%",
        "regression(p95(http.response_time)) < 2000%",
        "regression(leak(target.memory)) < 10%",
        "regression()",
        "regression(p95(http.response_time) < 10%",
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        regression_settings(text)
    assert refused.value.hint or refused.value.what


def test_a_plan_takes_a_regression_as_a_gate_in_code() -> None:
    line = GateLine.model_validate("regression(p95(http.response_time)) < 10% against main")
    assert (line.kind, line.settings["baseline"]) == ("regression", "main")
    assert str(line.spec()) == "regression(p95(http.response_time)) < 10% against main"
