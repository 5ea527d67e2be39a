"""Percentiles that too few samples carry are not shown for streams."""

from __future__ import annotations

import numpy as np
import pytest

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.report.document import Distribution
from loadstone.report.telling import distribution
from loadstone.report.text_latency import quantile_cells
from loadstone.stats.histogram import Histogram

METRIC = Metric("llm.first", "ms", Kind.DISTRIBUTION, "lower", "a time of a stream", scale=1e6)


def told(count: int) -> Distribution:
    histogram = Histogram()
    histogram.record_many(np.full(count, 250_000_000, dtype=np.int64))
    return distribution(Aggregate([Snapshot(0, 0.0, 1.0, True, distributions={Series("llm.first"): histogram})]), METRIC)


@pytest.mark.parametrize(
    ("count", "few"),
    [
        (10, {"p50": 11, "p90": 64, "p95": 130, "p99": 662, "p99_9": 6636}),
        (64, {"p95": 130, "p99": 662, "p99_9": 6636}),
        (662, {"p99_9": 6636}),
        (6636, {}),
    ],
)
def test_the_document_names_percentiles_with_too_few_samples_and_what_they_need(count: int, few: dict[str, int]) -> None:
    assert told(count).too_few == few


def test_without_any_sample_nothing_is_too_few() -> None:
    assert distribution(Aggregate([]), METRIC).too_few == {}


def test_a_table_of_streams_says_too_few_where_others_mark_the_value() -> None:
    values = told(200)
    assert [cell.text for cell in quantile_cells(values, floors=True)] == ["250", "250", "250", "too few", "too few", "250"]
    assert [cell.text for cell in quantile_cells(values)][3:5] == ["~250", "~250"]
