"""The distributions of a run as a log of HdrHistogram's (format 1.3), which its public tools read, merge and draw.

A line is one stretch of the judged part and one metric, or one of its series: `Tag=http.response_time;step=ask,start,length,greatest,
histogram`. Values are in the unit that they were recorded in: nanoseconds, where they are times; the column of the greatest is in ms then,
as those tools have it. Source: HistogramLogWriter and HistogramLogProcessor of the HdrHistogram project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loadstone.measure.plain_text import plain
from loadstone.measure.timeline import Stretch
from loadstone.report.csv import tag_text
from loadstone.report.document import Distribution
from loadstone.report.told import Told
from loadstone.stats.hdr import to_hdr
from loadstone.stats.histogram import Histogram

COLUMNS = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
PER_COLUMN = 1e6  # of the greatest value: the tools' default, ns in a ms
LONGEST_TAG = 200
_ENDS_TAG = re.compile(r"[\s,]+")


def render_hdr_log(told: Told) -> bytes:
    """UTF-8; a run without a distribution is a log without lines."""
    began = told.document.provenance.started_at
    epoch_s = f"{began.timestamp():.3f} (seconds since epoch)"
    head = (f"#[Loadstone: {plain(told.document.provenance.plan, LONGEST_TAG)}]", "#[Histogram log format version 1.3]")
    times = (f"#[StartTime: {epoch_s}, {began:%a %b %d %H:%M:%S UTC %Y}]", f"#[BaseTime: {epoch_s}]")
    lines = (line for stretch in told.timeline if stretch.judged for line in _lines(told, stretch))
    return ("\n".join((*head, *times, COLUMNS, *lines)) + "\n").encode()


def _lines(told: Told, stretch: Stretch) -> Iterator[str]:
    """Each metric as a whole, and each of its series that has tags."""
    length_s = stretch.end_s - stretch.start_s
    found: dict[str, list[tuple[str, Histogram]]] = {}
    for series, histogram in sorted(stretch.snapshot().distributions.items()):
        found.setdefault(series.metric, []).append((tag_text(series.tags), histogram))
    for metric, several in found.items():
        whole = Histogram()
        for _, histogram in several:
            whole.merge(histogram)
        alone = [(f"{metric};{tags}", histogram) for tags, histogram in several if tags]
        beyond_at = max(_greatest(told, metric), round(length_s * 1e9))
        for tag, histogram in ((metric, whole), *alone):
            if histogram.count or histogram.beyond:
                greatest = (beyond_at if histogram.beyond else histogram.max) / PER_COLUMN
                name = _ENDS_TAG.sub("_", plain(tag, LONGEST_TAG))
                yield f"Tag={name},{stretch.start_s:.3f},{length_s:.3f},{greatest:.3f},{to_hdr(histogram, beyond_at=beyond_at)}"


def _greatest(told: Told, metric: str) -> int:
    """Of the whole run, in stored units: what is only known to be longer than anything recorded is put where nothing lies above it."""
    known, found = told.catalogue.get(metric), told.document.metrics.get(metric)
    if known is None or not isinstance(found, Distribution) or found.max is None:
        return 0
    return round(found.max * known.scale)
