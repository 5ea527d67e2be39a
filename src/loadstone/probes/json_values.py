"""Numbers in a JSON document, by their paths: `{queue: stats.queue.depth}` makes `target.queue`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN, Kind, Metric
from loadstone.plan.reply import Look, look
from loadstone.plan.wrong import Wrong
from loadstone.probes.probe import NoReading, Readings

MOST_PATHS = 100


class _Document:
    """What a path looks into."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def json(self) -> Any:
        """The document."""
        return self._value


class JsonValues:
    """Paths by the names of their metrics.

    raises: UsageError for what is no mapping, no name, or no path
    """

    def __init__(self, paths: Any, where: str) -> None:
        if not isinstance(paths, Mapping) or not paths or len(paths) > MOST_PATHS:
            raise UsageError(
                f"paths must be 1 to {MOST_PATHS} names with their places", where=where, hint="paths: {queue: stats.queue.depth}"
            )
        self._looks: dict[str, Look] = {}
        for name, path in paths.items():
            metric = metric_of(str(name), where)
            try:
                self._looks[metric.name] = look(f"json{'' if str(path).startswith('[') else '.'}{path}")
            except Wrong as error:
                raise UsageError(str(error), where=f"{where} paths.{name}", hint="stats.workers[0].busy") from None
        self.metrics = tuple(metric_of(str(name), where) for name in paths)

    def read(self, text: str, readings: Readings, probe: str) -> None:
        """Every number that is there; true and false are 1 and 0; raises NoReading when none is."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise NoReading("malformed", "not JSON") from None
        found = 0
        for name, find in self._looks.items():
            number = find(_Document(value))  # type: ignore[arg-type]  # a path asks for json() only
            if isinstance(number, (int, float)) and math.isfinite(number):
                readings.gauge(name, float(number), probe=probe)
                found += 1
        if not found:
            raise NoReading("malformed", "there is no number at any of the paths")


def metric_of(name: str, where: str) -> Metric:
    """The metric `target.NAME`; raises UsageError for what is no name, or one that is built in."""
    word = name.removeprefix("target.")
    full = f"target.{word}"
    if not (word and word.isascii() and word.replace("_", "a").isalnum() and word[0].isalpha() and word.islower()):
        raise UsageError(f"{name!r} is no name of a metric", where=where, hint="small letters, digits and _: queue_depth")
    known = {metric.name for metric in BUILT_IN}
    if full in known:
        raise UsageError(f"the name {full} has a meaning already", where=where, hint=f"own_{word}")
    unit = {"seconds": "s", "bytes": "B"}.get(word.rpartition("_")[2], "1")
    return Metric(full, unit, Kind.GAUGE, "neither", "the level, as the target or a command says it")
