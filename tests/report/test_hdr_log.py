"""The histogram log, read back by the format's own library."""

import contextlib
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.report.document import Distribution
from loadstone.report.hdr_log import render_hdr_log
from loadstone.report.told import Told
from loadstone.testing.samples import make_snapshot, make_story

RESPONSE = "http.response_time"


def told_of(snapshots: list[Snapshot]) -> Told:
    timeline = Timeline()
    for snapshot in snapshots:
        timeline.snapshot(snapshot)
    return Told.of(make_story(snapshots), timeline.so_far())


def read_back(told: Told, folder: Path) -> dict[str, list[HdrHistogram]]:
    """The log's histograms by tag."""
    file = folder / "run.hlog"
    file.write_bytes(render_hdr_log(told))
    found: dict[str, list[HdrHistogram]] = {}
    with contextlib.closing(HistogramLogReader(str(file), HdrHistogram(1, 2**48, 3))) as reader:
        while (histogram := reader.get_next_interval_histogram()) is not None:
            found.setdefault(histogram.tag, []).append(histogram)
        assert reader.get_start_time_sec() == pytest.approx(told.document.provenance.started_at.timestamp(), abs=0.001)
    return found


def test_its_library_reads_counts_and_percentiles_of_each_metric_and_step(tmp_path: Path) -> None:
    told = told_of([make_snapshot(n, steps={"ask": (100, 5.0), "look": (50, 20.0)}) for n in range(4)])
    found = read_back(told, tmp_path)
    whole = HdrHistogram(1, 2**48, 3)
    for each in found[RESPONSE]:
        whole.add(each)
    measured = told.document.metrics[RESPONSE]
    assert isinstance(measured, Distribution)
    assert whole.get_total_count() == measured.count == 600
    assert whole.get_value_at_percentile(95) / 1e6 == pytest.approx(measured.p95, rel=0.01)
    (ask,) = (tag for tag in found if tag.startswith(RESPONSE) and "ask" in tag)
    assert sum(each.get_total_count() for each in found[ask]) == 400


def test_each_line_is_a_stretch_of_the_judged_part(tmp_path: Path) -> None:
    seconds = [make_snapshot(0, judged=False, phase="warm-up"), make_snapshot(1), make_snapshot(2)]
    histograms = read_back(told_of(seconds), tmp_path)[RESPONSE]
    assert len(histograms) == 2
    assert histograms[1].get_start_time_stamp() - histograms[0].get_start_time_stamp() == 1000
    assert [each.get_end_time_stamp() - each.get_start_time_stamp() for each in histograms] == [1000, 1000]


def test_what_was_never_answered_is_counted_above_everything_recorded(tmp_path: Path) -> None:
    timed_out = Failure("timeout_total", "home", "no complete answer within 60 s")
    (histogram,) = read_back(told_of([make_snapshot(0, failures={timed_out: 7})]), tmp_path)[RESPONSE]
    assert histogram.get_total_count() == 100
    assert histogram.get_value_at_percentile(93.5) == pytest.approx(1e9, rel=0.01)  # the length of its stretch


def test_a_run_without_a_distribution_is_a_log_without_lines(tmp_path: Path) -> None:
    assert read_back(told_of([]), tmp_path) == {}
