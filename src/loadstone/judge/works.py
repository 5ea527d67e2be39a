"""What a run was about: each kind of work that it did has times and failures of its own, and each may become worse by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from loadstone.measure.catalogue import BUILT_IN, Catalogue, Kind
from loadstone.measure.snapshot import Series, View
from loadstone.stats.quantiles import enough
from loadstone.units import SECONDS

PERCENTILES = {"p50": 0.50, "p95": 0.95}
# Fewer trials than these leave five points more failures open even where none failed, so such a share decides nothing.
LEAST_TRIALS = 60
MOST_PARTS = 50  # agents, components, values of a tag: of more than these nobody reads a table
PARTS = ("agent", "part")  # tags that say who did the work
RESOURCES = ("max(target.memory)", "mean(target.cpu)")


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work.

    time:   the metric of how long it took
    failed: counts of what went wrong, each a share of another count
    more:   times beside it, of which the median is compared
    """

    time: str
    failed: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


# A later one counts only in scenarios that no earlier one covers: the answer of a model goes before the request that carries it.
WORKS = (
    Work("llm.e2e", ("llm.errors",), ("llm.ttft",)),
    Work("voice.response_gap", ("voice.dead_turn", "voice.call_errors"), ("voice.call_setup",)),
    Work("voice.stt_time", ("voice.stt_errors",)),
    Work("voice.tts_time", ("voice.tts_errors",), ("voice.tts_first_byte",)),
    Work("ws.round_trip_time", ("ws.messages_lost", "ws.connect_failures")),
    Work("http.response_time", ("http.errors",)),
    Work("call.response_time", ("call.errors",)),
)
ONLY_SCRIPTS = Work("iteration.duration", ("iteration.errors",))


def works_of(view: View) -> list[Work]:
    """The kinds of work that a run did; where it did none that is known, the passes of its scripts."""
    found, covered = [], set[str]()
    for work in WORKS:
        scenarios = {dict(series.tags).get("scenario", "") for series in view.series(work.time)}
        if scenarios - covered:
            found.append(work)
            covered |= scenarios
    return found or ([ONLY_SCRIPTS] if view.series(ONLY_SCRIPTS.time) else [])


def main_texts(view: View, catalogue: Catalogue) -> list[str]:
    """Figures that decide whether a run is worse: p50 and p95 of each kind of work, failures, resources, and who did it.

    A percentile that this run has too few samples for is left out, and so are shares of fewer than LEAST_TRIALS, unless there is
    no other share.
    """
    works = works_of(view)
    own = list(_own_times(view, catalogue))
    if own and works == [ONLY_SCRIPTS]:
        works = []
    texts = [text for work in works for text in _times(view, work)]
    texts += _shares(view, [name for work in (*works, ONLY_SCRIPTS) for name in work.failed])
    texts += [text for text in RESOURCES if view.series(text.partition("(")[2].rstrip(")"))]
    for work in works:
        texts += _parted(view, work, "agent", _values(view.series(work.time), "agent"))
    return [*texts, *own]


def texts_by(view: View, tag: str) -> list[str]:
    """The times and failures of each kind of work once more, for each value of a tag."""
    return [text for work in works_of(view) for text in _parted(view, work, tag, _values(view.series(work.time), tag), tuple(PERCENTILES))]


def tags_of(view: View) -> list[str]:
    """The tags of which a run's times have values."""
    return sorted({key for work in works_of(view) for series in view.series(work.time) for key, _ in series.tags})


def all_failed(view: View) -> bool:
    """Did a run ask for something, and nothing of it come well? Its times are those of failures."""
    failures = [name for work in works_of(view) for name in work.failed if _trials(view, name)]
    return bool(failures) and all(view.count(name) == _trials(view, name) for name in failures)


def _trials(view: View, name: str, tags: dict[str, str] | None = None) -> int:
    return view.count(str(_KNOWN[name].share_of), tags) or 0


def _times(view: View, work: Work) -> Iterator[str]:
    yield from (f"{stat}({work.time})" for stat in PERCENTILES if _carried(view, work.time, stat))
    yield from (f"p50({name})" for name in work.more if _carried(view, name, "p50"))


def _carried(view: View, metric: str, stat: str, tags: dict[str, str] | None = None) -> bool:
    times = view.distribution(metric, tags)
    return times is not None and enough(PERCENTILES[stat], times.count + times.beyond)


def _shares(view: View, names: Iterable[str]) -> list[str]:
    """Those with enough trials; where none has, the first that has any."""
    trials = {name: _trials(view, name) for name in dict.fromkeys(names)}
    some = [name for name in trials if trials[name] > 0 and not name.startswith("iteration.")] or [
        name for name in trials if trials[name] > 0
    ]
    return [f"rate({name})" for name in [name for name in some if trials[name] >= LEAST_TRIALS] or some[:1]]


def _parted(view: View, work: Work, tag: str, values: Sequence[str], stats: Sequence[str] = ("p50",)) -> Iterator[str]:
    for value in values[:MOST_PARTS]:
        only, where = {tag: value}, _where(tag, value)
        yield from (f"{stat}({work.time}{where})" for stat in stats if stat == "p50" or _carried(view, work.time, stat, only))
        for name in work.failed:
            if _trials(view, name, only) >= LEAST_TRIALS:
                yield f"rate({name}{where})"


def _own_times(view: View, catalogue: Catalogue) -> Iterator[str]:
    """Times that the plan itself declares and records by agent or by component: their own work."""
    for name in catalogue.names():
        metric = catalogue[name]
        if name in _KNOWN or metric.kind is not Kind.DISTRIBUTION or metric.better != "lower" or metric.unit not in SECONDS:
            continue
        for tag in PARTS:
            for value in _values(view.series(name), tag)[:MOST_PARTS]:
                if _carried(view, name, "p50", {tag: value}):
                    yield f"p50({name}{_where(tag, value)})"


def _where(tag: str, value: str) -> str:
    """A tag as gates spell it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{tag}="{escaped}"}}'


def _values(series: Iterable[Series], key: str) -> list[str]:
    return sorted({value for one in series for own, value in one.tags if own == key})


_KNOWN = {metric.name: metric for metric in BUILT_IN}
