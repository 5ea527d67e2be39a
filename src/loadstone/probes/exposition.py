"""The text that Prometheus endpoints answer: version 0.0.4 and OpenMetrics 1.0, read line by line.

source: prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0, section 4 (text format)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[A-Za-z_:][\w:.]*", re.ASCII)
# `name{a="b",c="d"} value [time] [# exemplar]`; a name may be quoted as the first thing inside the braces.
_LABEL = re.compile(r'\s*(?:([A-Za-z_][\w.]*)|"((?:[^"\\]|\\.)*)")\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|\})', re.ASCII)
_QUOTED_NAME = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(,|\})')
_END = re.compile(r"\s*\}")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n"}


class Point(NamedTuple):
    """One sample: its full name (`…_bucket`, `…_sum` and so on), its labels sorted by name, its value."""

    name: str
    labels: Labels
    value: float


@dataclass(slots=True)
class Exposition:
    """What a page says.

    types:    family -> counter, gauge, histogram, summary, … as declared
    damaged:  lines that could not be read; a page is worth reading without them
    """

    points: list[Point] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    damaged: int = 0


def parse(text: str, wanted: Callable[[str], bool] = lambda _: True) -> Exposition:
    """The samples whose names are wanted; labels and values of others are not looked at.

    Times of samples and exemplars are left out: what is read now is what the target says now.
    """
    page = Exposition()
    for line in text.split("\n"):
        line = line.strip()
        if not line or line.startswith("#"):
            _comment(page, line)
            continue
        name = _NAME.match(line)
        if name is not None and not wanted(name[0]):
            continue
        point = _sample(line, name)
        if point is None:
            page.damaged += 1
        elif name is not None or wanted(point.name):
            page.points.append(point)
    return page


def _comment(page: Exposition, line: str) -> None:
    if line.startswith("# TYPE "):
        words = line.split()
        if len(words) == 4:
            page.types[words[2].strip('"')] = words[3]


def _sample(line: str, name: re.Match[str] | None) -> Point | None:
    """The line as a sample; None when it is none."""
    found, at = (name[0], name.end()) if name is not None else ("", 0)
    labels: list[tuple[str, str]] = []
    rest = line[at:].lstrip()
    if rest.startswith("{"):
        position = line.index("{", at) + 1
        for piece in _labels(line, position):
            if piece is None:
                return None
            key, value, position = piece
            if key:
                labels.append((key, value))
            elif value:
                found = value
        rest = line[position:]
    words = rest.split(None, 2)
    if not found or not words:
        return None
    try:
        if "_" in words[0]:  # Python would read 1_000, which no endpoint means
            return None
        return Point(found, tuple(sorted(labels)), float(words[0]))
    except ValueError:
        return None


def _labels(line: str, position: int) -> Iterator[tuple[str, str, int] | None]:
    """Label, value and where to read on; no label but a value is the quoted name; None for what is neither."""
    while True:
        if end := _END.match(line, position):
            yield "", "", end.end()
            return
        label = _LABEL.match(line, position)
        quoted = None if label else _QUOTED_NAME.match(line, position)
        match = label or quoted
        if match is None:
            yield None
            return
        position = match.end()
        yield (_plain(label[1] or label[2]), _plain(label[3]), position) if label else ("", _plain(match[1]), position)
        if match[match.re.groups] == "}":
            return


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text) if "\\" in text else text
