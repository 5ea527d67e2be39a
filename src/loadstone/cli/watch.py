"""`loadstone watch --pid PID`: read a process that somebody else keeps busy, and say whether it leaks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.probe_options import probe_options
from loadstone.cli.streams import stopping
from loadstone.errors import ExitCode, UsageError
from loadstone.units import parse_duration

if TYPE_CHECKING:
    from loadstone.measure.snapshot import Snapshot
    from loadstone.plan.probe import ProbePlan
    from loadstone.watch import Seen

SCHEMA = "loadstone-watch-1"
CHECKPOINTS = 12  # of the objects inside, over the whole time
LINE_S = 10.0  # between two lines of progress
# Whose levels are told at the end; the document has all of them.
KEY = frozenset({"target.memory", "target.cpu", "target.descriptors", "target.threads", "target.swap", "target.heap", "gpu.memory"})


@click.command("watch")
@probe_options
@click.option(
    "--inside", metavar="URL", help="A Python target that tells its inside there, to whoever has LOADSTONE_INSIDE_TOKEN: for the cause."
)
@click.option("-d", "--duration", default="5m", show_default=True, metavar="TIME", help="How long to judge.")
@click.option("--warm-up", default="0s", show_default=True, metavar="TIME", help="Before that, watch for so long without judging.")
@click.option("--every", default="1s", show_default=True, metavar="TIME", help="From one reading to the next.")
@click.option(
    "--gate", "gates", multiple=True, metavar="TEXT", help="As 'growth(target.memory) < 50MB', beside those on leaks; again for more."
)
@click.option("--json", "as_json", is_flag=True, help="Print one document and nothing else.")
@click.option("--quiet", "-q", is_flag=True, help="No lines while it goes on.")
def command(**given: Any) -> int:
    r"""Watch a process without making load, and say at the end whether it leaks.

    \b
    loadstone watch --pid 4711
    loadstone watch --port 8000 --duration 15m --gate 'growth(target.memory) < 50MB'
    loadstone watch --port 8000 --inside http://127.0.0.1:8000/_inside
    """
    every_s, duration_s = parse_duration(given["every"]), parse_duration(given["duration"])
    if duration_s <= 0 or every_s <= 0:
        raise UsageError("must be more than 0", where="flags --duration and --every", hint="--duration 5m --every 1s")
    plans = _probes(given, duration_s)
    from loadstone.plan.model import GateLine
    from loadstone.plugins import installed
    from loadstone.probes.watch import Watch
    from loadstone.watch import HELD, leak_gates, watch

    probes = Watch([(installed().make("probe", plan.kind, plan, "http://127.0.0.1"), plan.every_s) for plan in plans])
    names = [name for plan in plans for name in HELD.get(plan.kind, ())]
    gates = [*leak_gates(dict.fromkeys(names)), *(GateLine(gate=text) for text in given["gates"])]
    if not gates:
        raise UsageError("nothing is judged", where="watch", hint="--gate 'leak(machine.memory) = none'")
    progress = _Progress(quiet=given["quiet"] or given["as_json"], every_s=every_s)
    with stopping() as stopped:
        seen = watch(
            probes,
            gates,
            duration_s,
            step_s=every_s,
            warm_up_s=parse_duration(given["warm_up"]),
            tell=progress.tell,
            stopped=lambda: bool(stopped),
        )
    code = _code(seen, interrupted=bool(stopped))
    watched = ", ".join(f"{plan.kind} {plan.watches}".strip() for plan in plans)
    click.echo(json.dumps(_document(seen, watched, code), indent=2) if given["as_json"] else "\n".join(_lines(seen, watched)))
    return code


def _probes(given: Mapping[str, Any], duration_s: float) -> list[ProbePlan]:
    from pydantic import ValidationError

    from loadstone.plan.probe import ProbePlan

    named = [
        ("process", f"{kind}:{text}") for flag, kind in (("pid", "pid"), ("process", "name"), ("port", "port")) for text in given[flag]
    ]
    lines: list[Any] = [{kind: text, "every": given["every"]} for kind, text in named]
    lines += [text if "://" not in text else {"prometheus": text, "every": given["every"]} for text in given["probe"]]
    if given["inside"]:
        checkpoint = f"{max(1.0, duration_s / CHECKPOINTS):g}s"
        lines.append({"inside": given["inside"], "every": given["every"], "checkpoint": checkpoint, "trace": 1})
    if not lines:
        raise UsageError("nothing to watch", where="watch", hint="loadstone watch --pid PID")
    try:
        return [ProbePlan.model_validate(line) for line in lines]
    except ValidationError as error:
        what = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(what, where="watch", hint="loadstone watch --pid PID --every 1s") from None


def _code(seen: Seen, *, interrupted: bool) -> int:
    if interrupted:
        return ExitCode.INTERRUPTED
    return {"pass": ExitCode.PASS, "fail": ExitCode.GATE_FAILED, "no_data": ExitCode.INCONCLUSIVE}[seen.status.value]


def _lines(seen: Seen, watched: str) -> list[str]:
    """Verdict first, then the gates, then each level at the beginning and at the end."""
    ended = "; what was watched ended" if seen.gone else ""
    lines = [f"{seen.status.value.upper().replace('_', ' ')}  {watched}, judged for {seen.seconds:.0f} s{ended}", ""]
    marks = {"pass": "✓", "fail": "✗", "no_data": "?"}
    lines += [f"  {marks[verdict.status.value]}  {verdict.gate}\n     {verdict.reason}" for verdict in seen.verdicts]
    lines += [
        f"  !  {probe}: {count} {'reading' if count == 1 else 'readings'} brought nothing: {reason}"
        for (probe, reason), count in sorted(seen.missed.items())
    ]
    rows = _levels(seen)
    width = max((len(name) for name, _ in rows), default=0)
    return [*lines, *([""] if rows else []), *(f"  {name.ljust(width)}  {text}" for name, text in rows)]


def _levels(seen: Seen) -> list[tuple[str, str]]:
    from loadstone.judge.verdict import show_value
    from loadstone.measure.catalogue import Catalogue

    catalogue, found = Catalogue(), []
    for series, first in sorted(seen.before.items()):
        metric, now = catalogue.get(series.metric), seen.total.gauge(series.metric, dict(series.tags))
        if metric is not None and now is not None and series.metric in KEY:
            begin, most, end = (show_value(value / metric.scale, metric.unit) for value in (first.last, now.greatest, now.last))
            found.append((str(series), f"{begin} at first, {end} at the end, at most {most}"))
    return found


def _document(seen: Seen, watched: str, code: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "verdict": seen.status.value,
        "exit_code": code,
        "watched": watched,
        "seconds": round(seen.seconds, 3),
        "ended_early": seen.gone,
        "gates": [
            {
                "gate": str(verdict.gate),
                "status": verdict.status.value,
                "value": _finite(verdict.value),
                "low": _finite(verdict.low),
                "high": _finite(verdict.high),
                "unit": verdict.unit,
                "samples": verdict.samples,
                "reason": verdict.reason,
                "cause": str(verdict.cause) if verdict.cause is not None else None,
            }
            for verdict in seen.verdicts
        ],
        "levels": {
            str(series): {"first": first.last, "last": now.last, "max": now.greatest, "min": now.least}
            for series, first in sorted(seen.before.items())
            if (now := seen.total.gauge(series.metric, dict(series.tags))) is not None
        },
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


class _Progress:
    """A line each ten seconds, on standard error."""

    def __init__(self, *, quiet: bool, every_s: float) -> None:
        self._quiet, self._next_s = quiet, max(LINE_S, every_s)
        self._kept: list[Snapshot] = []

    def tell(self, snapshot: Snapshot) -> None:
        if self._quiet:
            return
        self._kept.append(snapshot)
        if snapshot.end_s < self._next_s:
            return
        from loadstone.report.over_time import line, stretch

        try:
            click.echo(line(stretch(f"{snapshot.end_s:.0f} s", self._kept)), err=True)
        except (OSError, ValueError):
            self._quiet = True  # the terminal has gone
        self._kept, self._next_s = [], self._next_s + LINE_S
