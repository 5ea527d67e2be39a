"""A run packed for a page: nothing is lost but the resolution that is stated, and it stays small."""

import base64
import json
import math
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.charts import assets, plotly
from loadstone.charts.coarse import QUANTILE_ERROR, packed
from loadstone.charts.page_data import page_metrics, page_run, page_stretch, packed_run
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.stats.histogram import Histogram
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, spread_ms

BITS = 6


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def middle_of(bucket: int) -> float:
    """The middle of a coarse bucket, by its definition and not by our table."""
    shift = max(0, (bucket >> BITS) - 1)
    return (2 * (bucket - (shift << BITS)) + 1) * 2**shift / 2 - 0.5


@given(st.integers(0, 2**62))
def test_the_middle_of_a_values_bucket_is_within_the_stated_error(value: int) -> None:
    histogram = Histogram()
    histogram.record(value)
    _, _, least, greatest, total, bucket, count = packed(histogram)
    assert (least, greatest, total, count) == (value, value, float(value), 1)
    assert abs(middle_of(int(bucket)) - value) <= value * QUANTILE_ERROR


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_every_value_is_in_some_bucket_and_buckets_go_upwards(values: list[int]) -> None:
    histogram = Histogram()
    histogram.record_many(np.asarray(values, dtype=np.int64))
    count, beyond, _, _, _, *pairs = packed(histogram)
    assert (count, beyond) == (len(values), 0)
    assert sum(pairs[1::2]) == len(values)
    assert all(step > 0 for step in pairs[2::2])


def test_a_histogram_of_time_outs_alone_has_no_least_value_but_keeps_them() -> None:
    assert packed(make_histogram([], beyond=3)) == [0, 3, 0, 0, 0]


def test_a_run_names_each_series_once_and_its_metrics_with_their_units() -> None:
    timeline = [Stretch.of(make_snapshot(at)) for at in range(3)]
    run = page_run({"events": [{"at_s": 1.0, "kind": "alert", "text": "late"}]}, Catalogue(), timeline, run_id="r1", name="shop")
    assert len(run["series"]) == len({json.dumps(each) for each in run["series"]})
    assert run["metrics"]["http.response_time"]["scale"] == 1e6
    assert run["metrics"]["http.response_time"]["unit"] == "ms"
    assert run["metrics"]["http.errors" if "http.errors" in run["metrics"] else "http.requests"]["kind"] == "count"
    assert [one["start_s"] for one in run["stretches"]] == [0.0, 1.0, 2.0]
    assert run["events"][0]["text"] == "late"


def test_a_second_that_is_sent_alone_names_its_own_series() -> None:
    stretch = page_stretch(Snapshot(0, 0.0, 1.0, gauges={make_series("load.users", scenario="a,b=c"): Gauge.of(4.0)}))
    assert stretch["series"] == [["load.users", {"scenario": "a,b=c"}]]
    assert stretch["g"] == [[0, 4.0, 4.0, 4.0, 4.0, 1]]


def test_a_reading_that_is_no_number_is_no_reading() -> None:
    stretch = page_stretch(Snapshot(0, 0.0, 1.0, gauges={Series("own.level"): Gauge.of(math.nan), Series("own.other"): Gauge.of(math.inf)}))
    assert stretch["g"] == []


def test_a_metric_that_nobody_declared_is_left_out() -> None:
    assert page_metrics(Catalogue(), {"nobody.knows"}) == {}


def test_packed_text_cannot_end_a_script_whatever_names_hold() -> None:
    snapshot = make_snapshot(steps={"</script><script>alert(1)</script>": (10, 3.0)})
    text = packed_run(None, Catalogue(), [Stretch.of(snapshot)])
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert "</script>" in json.dumps(unpacked(text))


def test_a_run_without_a_timeline_is_a_run_without_stretches() -> None:
    assert unpacked(packed_run(None, Catalogue(), []))["stretches"] == []


def test_a_long_run_is_told_in_longer_stretches_until_it_fits() -> None:
    timeline = [Stretch.of(make_snapshot(at, steps={"home": (50, 5.0 + at % 7)}, phase="load")) for at in range(120)]
    whole, small = packed_run(None, Catalogue(), timeline), packed_run(None, Catalogue(), timeline, most_bytes=3_000)
    assert len(small) < len(whole)
    before, after = unpacked(whole), unpacked(small)
    assert len(after["stretches"]) < 120
    assert after["seconds_each"] > before["seconds_each"]
    assert counted(after) == counted(before) == 120 * 50


def counted(run: dict[str, Any]) -> int:
    numbers = {number for number, (metric, _) in enumerate(run["series"]) if metric == "http.requests"}
    return sum(count for stretch in run["stretches"] for number, count in stretch["c"] if number in numbers)


def test_two_hundred_series_over_ten_hours_stay_within_a_megabyte_and_a_half() -> None:
    series = [make_series("http.response_time", scenario="long", step=f"step {n}", outcome="ok") for n in range(200)]
    rng = np.random.default_rng(7)
    timeline = []
    for at in range(40):  # as many stretches as were left of 240; the test is of the bytes, and those before are halved alike
        histograms = {}
        for one in series:
            histograms[one] = make_histogram(spread_ms(300, 5.0 * float(rng.lognormal(0, 0.2))))
        timeline.append(Stretch.of(Snapshot(at, at * 900.0, (at + 1) * 900.0, True, "load", histograms)))
    text = packed_run(None, Catalogue(), timeline)
    assert len(text) <= 1_500_000


@pytest.mark.parametrize("name", [*assets.SCRIPTS, "charts.css"])
def test_every_part_is_there_and_names_no_address(name: str) -> None:
    text = assets.text(name)
    assert "://" not in text
    assert "innerHTML" not in text


def test_all_scripts_together_are_one_text() -> None:
    assert assets.text("charts.js").count('"use strict"') == len(assets.SCRIPTS)


def test_plotlys_script_may_stand_in_a_page_and_unpacks_to_itself() -> None:
    assert "</script" not in plotly.script()
    assert zlib.decompress(base64.b64decode(plotly.packed_script())).decode() == plotly.script()
