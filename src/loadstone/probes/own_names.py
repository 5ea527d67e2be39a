"""Metrics of an endpoint under names of the user's own: `{instances: 'kube_deployment_status_replicas_ready{deployment="web"}'}`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadstone.errors import UsageError
from loadstone.measure.catalogue import Metric
from loadstone.probes.exposition import Point
from loadstone.probes.json_values import metric_of

HINT = """instances: 'kube_deployment_status_replicas_ready{deployment="web"}'"""
_EXPOSED = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*(?:"([^"]*)"|([^",\s]+))\s*')


@dataclass(frozen=True, slots=True)
class OwnName:
    """The sum of some series of an endpoint, as a level.

    exposed: how the endpoint calls it
    labels:  that a series must have
    """

    metric: Metric
    exposed: str
    labels: Mapping[str, str]

    @classmethod
    def of(cls, name: str, text: object, where: str) -> OwnName:
        """Raises UsageError for a name that has a meaning already, or a text that names nothing."""
        found = _EXPOSED.fullmatch(text.strip()) if isinstance(text, str) else None
        labels = [_LABEL.fullmatch(part) for part in (found[2] or "").split(",") if part.strip()] if found else [None]
        if found is None or None in labels:
            raise UsageError(f"{text!r} names nothing that an endpoint has", where=f"{where} metrics.{name}", hint=HINT)
        wanted = {each[1]: each[2] if each[2] is not None else each[3] for each in labels if each is not None}
        return cls(metric_of(name, where), found[1], wanted)

    def value(self, points: Iterable[Point]) -> float | None:
        """Of those with its labels; None where there is none."""
        fitting = [point.value for point in points if self.labels.items() <= dict(point.labels).items() and math.isfinite(point.value)]
        return sum(fitting) if fitting else None
