"""Which figures runs are compared by, and what they were."""

import pytest

from loadstone.errors import UsageError
from loadstone.judge.figures import asked_for, figures_of, main_figures, sections_of, usual_figures
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot
from loadstone.testing.past_runs import make_seconds

CATALOGUE = Catalogue()


def names(found: list[object]) -> list[str]:
    return [each.figure.name for each in found]  # type: ignore[attr-defined]


def two_steps() -> list[Snapshot]:
    return make_seconds(20, 1) + make_seconds(40, 2, step="ask")


def test_the_main_figures_are_times_failures_and_what_the_target_took() -> None:
    view = Aggregate(make_seconds(20, 1, memory=3e8))
    assert names(list(main_figures(view, CATALOGUE))) == [
        "p50(http.response_time)",
        "p95(http.response_time)",
        "rate(http.errors)",
        "max(target.memory)",
    ]


def test_the_usual_figures_are_told_apart_by_step_where_there_are_several() -> None:
    found = names(list(usual_figures(Aggregate(two_steps()), CATALOGUE)))
    assert "p95(http.response_time)" in found
    assert "p95(http.response_time{step=ask})" in found
    assert "p95(http.response_time{step=home})" in found
    assert not [name for name in names(list(usual_figures(Aggregate(make_seconds(20, 1)), CATALOGUE))) if "step=" in name]


def test_figures_are_in_the_unit_that_is_shown_and_shares_know_their_samples() -> None:
    view = Aggregate(make_seconds(20, 1, errors=3))
    asked = [asked_for(text, CATALOGUE) for text in ("p50(http.response_time)", "rate(http.errors)", "throughput(http.requests)")]
    figures, shares, samples = figures_of(view, asked)
    assert figures["p50(http.response_time)"] == pytest.approx(20, rel=0.02)
    assert figures["throughput(http.requests)"] == pytest.approx(100)
    assert (shares["rate(http.errors)"].hits, shares["rate(http.errors)"].samples) == (60, 2000)
    assert samples["p50(http.response_time)"] == 2000


def test_a_figure_that_a_run_does_not_have_is_missing_and_not_zero() -> None:
    figures, shares, _ = figures_of(
        Aggregate(), [asked_for("p50(http.response_time)", CATALOGUE), asked_for("rate(http.errors)", CATALOGUE)]
    )
    assert figures == {}
    assert shares == {}


def test_sections_carry_times_shares_or_levels() -> None:
    parts = [Aggregate([second]) for second in make_seconds(20, 1, errors=1, memory=1e8)]
    assert len(sections_of(parts, asked_for("p95(http.response_time)", CATALOGUE)).times) == 20
    assert [share.hits for share in sections_of(parts, asked_for("rate(http.errors)", CATALOGUE)).shares] == [1] * 20
    assert len(sections_of(parts, asked_for("mean(target.memory)", CATALOGUE)).levels) == 20


@pytest.mark.parametrize("text", ["p95(http.nothing)", "rate(http.response_time)", "p95(http.requests)", "throughput(ws.pings)"])
def test_what_cannot_be_compared_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        asked_for(text, CATALOGUE)
