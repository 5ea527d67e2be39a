"""Several runs in one page: what each is called, and what they came to beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from loadstone.report.document import Distribution, Document
from loadstone.report.html.headline import TIMES, WORDS
from loadstone.report.html.table import Cell, Row, Table, measured, spread
from loadstone.report.told import Told
from loadstone.units import format_count, format_rate, format_share


def names(runs: Sequence[Told]) -> list[str]:
    """What each run is called: its plan and when it began; the id as well where two would be called the same."""
    short = [f"{run.document.provenance.plan} · {run.document.provenance.started_at:%Y-%m-%d %H:%M} UTC" for run in runs]
    return [
        f"{name} · {run.run_id or at + 1}" if short.count(name) > 1 else name
        for at, (name, run) in enumerate(zip(short, runs, strict=True))
    ]


def overlays_table(runs: Sequence[Told]) -> Table:
    """One row per run: verdict, load, and the time that the first run is told by."""
    metric = next((name for name, _ in TIMES if measured(runs[0].document.metrics.get(name))), TIMES[0][0])
    columns = ("run", "verdict", "gates", "requests", "rate", "errors", f"{metric} p50", "p95", "p99")
    rows = [Row(name, _cells(run.document, metric)) for name, run in zip(names(runs), runs, strict=True)]
    return Table("runs", "Runs", columns, rows, "each as a whole; times in ms")


def _cells(document: Document, metric: str) -> list[Cell]:
    load, values = document.load, document.metrics.get(metric)
    word, tone = WORDS[document.verdict]
    times = spread(values if isinstance(values, Distribution) else None, metric)
    return [
        Cell(word, tone=tone),
        Cell(f"{sum(gate.status == 'pass' for gate in document.gates)}/{len(document.gates)}"),
        Cell(format_count(load.requests)),
        Cell(format_rate(load.achieved_rate)),
        Cell(format_share(load.errors / load.requests) if load.requests else "—", tone="bad" if load.errors else ""),
        *(Cell(times[at].text, tone=times[at].tone) for at in (1, 3, 4)),
    ]
