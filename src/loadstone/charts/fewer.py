"""Half as many stretches in a page: as `measure.timeline.at_most`, on what is packed already, because unpacking all again takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Json = dict[str, Any]
Row = list[Any]


def halved(stretches: Sequence[Json]) -> list[Json]:
    """Each two neighbours of one phase as one stretch, of the form that `page_data` says."""
    found: list[Json] = []
    alone = False  # may the last one found take in another?
    for stretch in stretches:
        if alone and (found[-1]["phase"], found[-1]["judged"]) == (stretch["phase"], stretch["judged"]):
            found[-1] = _joined(found[-1], stretch)
            alone = False
        else:
            found.append(stretch)
            alone = True
    return found


def _joined(one: Json, other: Json) -> Json:
    return {
        **one,
        "end_s": other["end_s"],
        "d": _folded(one["d"], other["d"], _histograms),
        "c": _folded(one["c"], other["c"], lambda mine, more: [mine[0], mine[1] + more[1]]),
        "g": _folded(one["g"], other["g"], _levels),
        "f": _failures(one["f"], other["f"]),
    }


def _folded(rows: list[Row], more: list[Row], together: Callable[[Row, Row], Row]) -> list[Row]:
    found = {row[0]: row for row in rows}
    for row in more:
        mine = found.get(row[0])
        found[row[0]] = row if mine is None else together(mine, row)
    return list(found.values())


def _histograms(mine: Row, more: Row) -> Row:
    filled = [row for row in (mine, more) if row[1]]
    least, greatest = min((row[3] for row in filled), default=0), max((row[4] for row in filled), default=0)
    counts: dict[int, int] = {}
    for row in filled:
        bucket = 0
        for place in range(6, len(row), 2):
            bucket += row[place]
            counts[bucket] = counts.get(bucket, 0) + row[place + 1]
    found = [mine[0], mine[1] + more[1], mine[2] + more[2], least, greatest, mine[5] + more[5]]
    before = 0
    for bucket in sorted(counts):
        found += (bucket - before, counts[bucket])
        before = bucket
    return found


def _levels(mine: Row, more: Row) -> Row:
    readings = mine[5] + more[5]
    mean = float(f"{(mine[4] * mine[5] + more[4] * more[5]) / readings:.7g}")
    return [mine[0], more[1], min(mine[2], more[2]), max(mine[3], more[3]), mean, readings]


def _failures(mine: list[Row], more: list[Row]) -> list[Row]:
    counts: dict[tuple[str, str, str], int] = {}
    for kind, step, text, count in (*mine, *more):
        counts[kind, step, text] = counts.get((kind, step, text), 0) + count
    return [[*failure, count] for failure, count in counts.items()]
