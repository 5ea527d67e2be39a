"""Named baselines made of responses, and regression tests against them: the statistics of `loadstone compare`, from Python."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import loadstone as ls
from loadstone.errors import StoreError
from loadstone.judge.baseline_rule import FEWEST
from loadstone.judge.beside import Beside, Compared, PastRun, compare
from loadstone.judge.difference import Answer, Difference
from loadstone.judge.figures import Asked, main_figures
from loadstone.judge.regression_rules import PRESETS
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.probes.machine import processor
from loadstone.probes.provenance import own_version
from loadstone.stats.histogram import Histogram
from loadstone.stats.quantiles import least_samples
from loadstone.suites.bot.responses import Reading, Response, Responses

FORMAT = "loadstone.bot-baseline/1"
MOST_RUNS = 30
STRETCHES = 8
FEWEST_READINGS = 8  # two seconds
THRESHOLD = 0.15
STATUSES = {Answer.WORSE: "fail", Answer.CANNOT_TELL: "no data"}


@dataclass(frozen=True)
class ResponseBaseline:
    """Runs of the same queries under one name, oldest first; five or more of them can be judged by, one alone sees little."""

    name: str
    runs: tuple[Responses, ...]
    machines: tuple[Mapping[str, Any], ...]

    def figures(self) -> dict[str, Any]:
        """Of all runs together: times in ms, shares from 0 to 1, peak memory in MB, CPU in percent of a core, use of agents."""
        every = [each for run in self.runs for each in run]
        times = np.array([each.response_ms for each in every if each.first_ok])
        readings = [each for run in self.runs for each in run.readings]
        agents = sorted({each.agent for each in every if each.agent})
        shown = {f"p{q}": round(float(np.percentile(times, q, method="inverted_cdf")), 3) if len(times) else None for q in (50, 95, 99)}
        return {
            "response_ms": shown,
            "success_rate": sum(each.first_ok for each in every) / len(every),
            "peak_memory_mb": max(each.memory_bytes for each in readings) / 1e6 if readings else None,
            "cpu_percent": sum(each.cpu_percent for each in readings) / len(readings) if readings else None,
            "agent_usage": {agent: sum(each.agent == agent for each in every) / len(every) for agent in agents},
        }


@dataclass(frozen=True)
class RegressionTest:
    """What a comparison with a baseline came to.

    status: pass, fail, or no data: what nobody can tell is never a pass
    """

    baseline: str
    status: str
    differences: tuple[Difference, ...]
    notices: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Is nothing that matters worse, for certain?"""
        return self.status == "pass"

    @property
    def regressions(self) -> tuple[Difference, ...]:
        """The figures that are worse."""
        return tuple(each for each in self.differences if each.answer is Answer.WORSE)

    def __str__(self) -> str:
        lines = [
            f"{self.status} beside baseline {self.baseline}",
            *(f"  {each.figure}: {each.answer}: {each.reason}" for each in self.differences),
        ]
        return "\n".join([*lines, *(f"  ! {each}" for each in self.notices)])


def create_baseline(name: str, responses: Sequence[Response], folder: str | Path = "baselines") -> ResponseBaseline:
    """Put responses into the baseline of that name, as one more run of it; `folder/NAME.json` keeps the latest 30.

    raises: UsageError for responses of which none was answered, or a name that is no file name; StoreError for a damaged file
    """
    if not any(each.first_ok for each in responses):
        raise ls.UsageError("no response was answered at first: that is nothing to compare with", where=f"baseline {name}")
    path = _path(name, folder)
    before = read_baseline(name, folder) if path.is_file() else ResponseBaseline(name, (), ())
    runs, machines = (*before.runs, _whole(responses))[-MOST_RUNS:], (*before.machines, _machine())[-MOST_RUNS:]
    found = ResponseBaseline(name, runs, machines)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(_document(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return found


def read_baseline(name: str, folder: str | Path = "baselines") -> ResponseBaseline:
    """The baseline of that name; raises UsageError when there is none, StoreError when its file is damaged."""
    path = _path(name, folder)
    if not path.is_file():
        raise ls.UsageError("there is no such baseline", where=str(path), hint=f'create_baseline("{name}", run_queries(…))')
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r}")
        return ResponseBaseline(name, tuple(_run(run) for run in document["runs"]), tuple(run["machine"] for run in document["runs"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"is no baseline of responses: {error}", where=str(path), hint="remove it, and create it anew") from None


def run_regression_tests(
    baseline: ResponseBaseline | str,
    responses: Sequence[Response],
    *,
    baseline_threshold: float = THRESHOLD,
    auto_update_baselines: bool = False,
    folder: str | Path = "baselines",
) -> RegressionTest:
    """Are responses worse than a baseline's: p50 and p95, success, memory and CPU, each agent's median?

    Worse is what is certainly worse by more than the threshold (times), five points (success) or 20 % (memory, CPU).

    auto_update_baselines: responses that pass, or with which the baseline is still being collected, enter it; never worse ones
    raises: UsageError for a baseline that is not there, or a threshold that cannot be meant
    """
    if not 0 < baseline_threshold < 10:
        raise ls.UsageError(f"{baseline_threshold} is no threshold", where="baseline_threshold", hint="0.15 for 15%")
    kept = read_baseline(baseline, folder) if isinstance(baseline, str) else baseline
    new = _whole(responses)
    rules = replace(PRESETS["bot"], times=baseline_threshold, rates=baseline_threshold)
    before = [_past(run, machine, f"{kept.name} {at}") for at, (run, machine) in enumerate(zip(kept.runs, kept.machines, strict=True), 1)]
    after = _past(new, _machine(), "these responses")
    asked, left_out = _comparable(kept, new, after)
    compared = compare(Beside(kept.name, before), Beside("these responses", [after]), asked, rules)
    refused = (compared.found.refused,) if compared.found.refused else ()
    status = _status(compared) if compared.found.differences else "no data"
    found = RegressionTest(kept.name, status, compared.found.differences, (*refused, *left_out, *compared.found.notices))
    if auto_update_baselines and not refused and (found.passed or (len(kept.runs) < FEWEST and not found.regressions)):
        create_baseline(kept.name, responses, folder)
    return found


def _status(compared: Compared) -> str:
    return STATUSES.get(compared.answer, "pass")


def _comparable(kept: ResponseBaseline, new: Responses, after: PastRun) -> tuple[list[Asked], tuple[str, ...]]:
    """The figures for which there is enough on both sides, and what is left out."""
    least, runs = least_samples(0.5), (*kept.runs, new)
    agents = {each.agent for run in runs for each in run if each.agent}
    rare = sorted(agent for agent in agents if min(sum(each.agent == agent for each in run) for run in runs) < least)
    notices = [f"agent {agent}: a run with fewer than {least} responses tells nothing of its median" for agent in rare]
    watched = all(len(run.readings) >= FEWEST_READINGS for run in runs)
    if not watched and after.total.series("target.memory"):
        notices.append(f"memory and CPU: a run in which they were read fewer than {FEWEST_READINGS} times tells nothing of them")
    idle = not watched or any(sum(each.cpu_percent for each in run.readings) <= 0 for run in runs)
    left_out = ({"target.memory"} if not watched else set()) | ({"target.cpu"} if idle else set())
    asked = main_figures(after.total, Catalogue())
    kept_in = [each for each in asked if each.gate.metric.name not in left_out and dict(each.gate.spec.tags).get("agent") not in rare]
    return kept_in, tuple(notices)


def _past(run: Responses, machine: Mapping[str, Any], name: str) -> PastRun:
    """Responses in the form in which runs are compared: whole, and in stretches of time."""
    parts = [_stretch(run, at) for at in range(STRETCHES)]
    filled = [Aggregate([part]) for part in parts if part.counts]
    facts = {**machine, "plan_hash": run.work}
    return PastRun(name, Aggregate(parts), filled, facts, run.began)


def _stretch(run: Responses, at: int) -> Snapshot:
    length = max(run.seconds, *(each.at_s for each in run), 1e-9) / STRETCHES
    low, high = at * length, (at + 1) * length if at < STRETCHES - 1 else float("inf")
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    for each in run:
        if low <= each.at_s < high:
            tags = (*((("agent", each.agent),) if each.agent else ()), ("outcome", "ok" if each.first_ok else "failed"))
            times = distributions.setdefault(Series(f"{run.means}.response_time", tags), Histogram())
            times.record_many(np.array([round(each.response_ms * 1e6)], np.int64))
            for metric, amount in (("requests", 1), ("errors", int(not each.first_ok))):
                series = Series(f"{run.means}.{metric}", tags[:-1])
                counts[series] = counts.get(series, 0) + amount
    readings = [each for each in run.readings if low <= each.at_s < high]
    gauges: dict[Series, Gauge] = {}
    for reading in readings:
        for metric, value in (("target.memory", reading.memory_bytes), ("target.cpu", reading.cpu_percent)):
            level = gauges.get(Series(metric))
            gauges[Series(metric)] = level.then(Gauge.of(value)) if level else Gauge.of(value)
    return Snapshot(at, low, (at + 1) * length, True, "load", distributions, counts, gauges)


def _whole(responses: Sequence[Response]) -> Responses:
    """Responses that somebody put together by hand have no course: they are taken to have come one after another."""
    if isinstance(responses, Responses):
        return responses
    at_s, each = 0.0, []
    for one in responses:
        at_s += one.response_ms / 1e3
        each.append(replace(one, at_s=one.at_s or at_s))
    return Responses(tuple(each), at_s, datetime.now(UTC), work="by hand")


def _machine() -> dict[str, Any]:
    return {
        "cpu": processor(),
        "cores": os.cpu_count() or 1,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "version": own_version(),
        "memory": psutil.virtual_memory().total,
    }


def _document(baseline: ResponseBaseline) -> dict[str, Any]:
    runs = [
        {
            "began": run.began.isoformat(),
            "seconds": run.seconds,
            "means": run.means,
            "work": run.work,
            "machine": dict(machine),
            "responses": [[each.agent, each.first_ok, round(each.response_ms, 6), round(each.at_s, 6)] for each in run],
            "readings": [[round(each.at_s, 3), each.memory_bytes, each.cpu_percent] for each in run.readings],
        }
        for run, machine in zip(baseline.runs, baseline.machines, strict=True)
    ]
    return {"format": FORMAT, "name": baseline.name, "figures": baseline.figures(), "runs": runs}


def _run(row: Mapping[str, Any]) -> Responses:
    each = tuple(
        Response("", float(ms), ok=bool(ok), first_ok=bool(ok), agent=str(agent), at_s=float(at_s))
        for agent, ok, ms, at_s in row["responses"]
    )
    readings = tuple(Reading(*map(float, reading)) for reading in row["readings"])
    if not each:
        raise ValueError("a run without responses")
    return Responses(each, float(row["seconds"]), datetime.fromisoformat(row["began"]), str(row["means"]), str(row["work"]), readings)


def _path(name: str, folder: str | Path) -> Path:
    if not name or name != Path(name).name or name.startswith("."):
        raise ls.UsageError(f"{name!r} is no name of a baseline", where="create_baseline", hint='"release-1"')
    return Path(folder) / f"{name}.json"
