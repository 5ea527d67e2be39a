"""Lists for github-action-benchmark: the tool `customSmallerIsBetter` takes one, `customBiggerIsBetter` the other."""

from __future__ import annotations

import json

from loadstone.report.told import Told
from loadstone.report.tracked import Tracked, tracked


def render_smaller(told: Told) -> bytes:
    """The figures that are better when they are smaller: times, failures, memory, CPU."""
    return _list(told, smaller=True)


def render_bigger(told: Told) -> bytes:
    """The figures that are better when they are greater: throughputs."""
    return _list(told, smaller=False)


def _list(told: Told, *, smaller: bool) -> bytes:
    entries = [_entry(each, told) for each in tracked(told.document, told.catalogue) if each.smaller_is_better is smaller]
    return (json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _entry(figure: Tracked, told: Told) -> dict[str, object]:
    run = told.document
    entry: dict[str, object] = {"name": f"{run.provenance.plan}: {figure.name}", "unit": figure.unit, "value": figure.value}
    if figure.low is not None and figure.high is not None:
        entry["range"] = f"{figure.low:g} … {figure.high:g}"  # not "±": quantiles' intervals are not symmetric
    entry["extra"] = f"verdict: {run.verdict}\ngenerator: {run.generator.trust}\nseed: {run.provenance.seed}"
    return entry
