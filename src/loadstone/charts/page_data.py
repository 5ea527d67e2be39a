"""A run as a page is given it: JSON that `static/model.js` reads, and the same packed into text for one file.

    run     = {id, name, started_at, document, error, seconds_each, metrics: {name: metric}, series: [series…], events: [event…],
               stretches: [stretch…]}
    metric  = {unit, kind, better, text, scale, share_of}          shown value = value ÷ scale
    series  = [name of the metric, {tag: value}]
    stretch = {start_s, end_s, judged, phase, d: [[series, histogram…]…], c: [[series, count]…],
               g: [[series, last, least, greatest, mean, readings]…], f: [[kind, step, text, count]…]}

A series is a number in `series`: that of the stretch where it has one (a stretch that is sent alone), else the run's.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from loadstone.charts.coarse import QUANTILE_ERROR, packed
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.measure.timeline import Stretch, halved

# What the packed data of one run may take: with Plotly's script, a page of one run stays below 5 MB, of five runs below 10.
MOST_BYTES = 1_500_000
LEAST_STRETCHES = 30

Json = dict[str, Any]


class _Numbers:
    """Series by number, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._known: dict[Series, int] = {}

    def of(self, series: Series) -> int:
        return self._known.setdefault(series, len(self._known))

    def table(self) -> list[list[Any]]:
        return [[series.metric, dict(series.tags)] for series in self._known]

    def metrics(self) -> set[str]:
        return {series.metric for series in self._known}


def page_run(
    document: Mapping[str, Any] | None,
    catalogue: Catalogue,
    timeline: Sequence[Stretch],
    *,
    run_id: str = "",
    name: str = "",
    started_at: str = "",
    events: Sequence[Mapping[str, Any]] = (),
) -> Json:
    """One run; events come from the document where there is one."""
    numbers = _Numbers()
    stretches = [_stretch(stretch.snapshot(), numbers) for stretch in timeline]
    return {
        "id": run_id,
        "name": name,
        "started_at": started_at,
        "document": document,
        "error": QUANTILE_ERROR,
        "seconds_each": max((stretch.end_s - stretch.start_s for stretch in timeline), default=0.0),
        "metrics": page_metrics(catalogue, numbers.metrics()),
        "series": numbers.table(),
        "events": list((document or {}).get("events") or events),
        "stretches": stretches,
    }


def page_stretch(snapshot: Snapshot) -> Json:
    """One second of a run that goes on, with a table of its own series."""
    numbers = _Numbers()
    return {**_stretch(snapshot, numbers), "series": numbers.table()}


def page_metrics(catalogue: Catalogue, names: set[str]) -> Json:
    """What a page must know of these metrics; one that the catalogue does not know is left out, and shown without a unit."""
    found: Json = {}
    for name in sorted(names):
        metric = catalogue.get(name)
        if metric is not None:
            found[name] = {
                "unit": "" if metric.unit == "1" else metric.unit,
                "kind": str(metric.kind),
                "better": "" if metric.better == "neither" else metric.better,
                "text": metric.meaning,
                "scale": metric.scale,
                "share_of": metric.share_of,
            }
    return found


def packed_run(
    document: Mapping[str, Any] | None,
    catalogue: Catalogue,
    timeline: Sequence[Stretch],
    *,
    most_bytes: int = MOST_BYTES,
    **about: Any,
) -> str:
    """`page_run` as text for a file: JSON, deflated, in base64; read by `Loadstone.unpack`.

    Too many bytes: neighbours of one phase become one stretch until it fits, or until there are few; `seconds_each` says how long they are.
    """
    text = in_text(page_run(document, catalogue, timeline, **about))
    while len(text) > most_bytes and len(timeline) > LEAST_STRETCHES:
        fewer = halved(timeline)
        if len(fewer) == len(timeline):
            break
        timeline = fewer
        text = in_text(page_run(document, catalogue, timeline, **about))
    return text


def in_text(data: Any) -> str:
    """Anything that is JSON, deflated and in base64: letters, digits, `+`, `/` and `=` alone, so that nothing in it can end a script."""
    plain = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return base64.b64encode(zlib.compress(plain, 6)).decode("ascii")


def _stretch(snapshot: Snapshot, numbers: _Numbers) -> Json:
    return {
        "start_s": round(snapshot.start_s, 3),
        "end_s": round(snapshot.end_s, 3),
        "judged": snapshot.judged,
        "phase": snapshot.phase,
        "d": [[numbers.of(series), *packed(histogram)] for series, histogram in snapshot.distributions.items()],
        "c": [[numbers.of(series), count] for series, count in snapshot.counts.items()],
        "g": [
            [numbers.of(series), *map(_short, (gauge.last, gauge.least, gauge.greatest, gauge.mean)), gauge.count]
            for series, gauge in snapshot.gauges.items()
            if gauge.count and math.isfinite(gauge.total)
        ],
        "f": [[failure.kind, failure.step, failure.text, count] for failure, count in snapshot.failures.items()],
    }


def _short(value: float) -> float:
    """Seven digits, more than any chart shows."""
    return float(f"{value:.7g}")
