"""The voice suite's result files: a page of text, a file of figures to compare with, JUnit's XML, and cut-offs against delay."""

from __future__ import annotations

from typing import Any, Final

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Snapshot, Tags
from loadstone.report.result_files import Evidence, ResultFile
from loadstone.stats.quantiles import share_interval
from loadstone.stats.turn_taking import CONFIDENCE
from loadstone.suites.voice.live import HESITATION

TAKING_TURNS: Final = "# who\tsetting\tpauses\tcut off\tshare\tlow\thigh\tmedian delay (ms)\tp95 delay (ms)"
NO_VALUE: Final = "-"


def baseline_text(evidence: Evidence) -> bytes:
    """One figure a line: gate, value, limit, status, with tabs between."""
    lines = ["# gate\tvalue\tlimit\tunit\tstatus"]
    for gate in evidence.told.document.gates:
        value = NO_VALUE if gate.value is None else f"{gate.value:.6g}"
        limit = NO_VALUE if gate.limit is None else f"{gate.limit:.6g}"
        lines.append(f"{gate.gate}\t{value}\t{limit}\t{gate.unit}\t{gate.status}")
    return ("\n".join(lines) + "\n").encode()


def turn_taking_text(evidence: Evidence) -> bytes | None:
    """False cut-offs against delay, a setting a line, with tabs between: of turn detectors in process, and of an agent's calls.

    A detector's `+200 ms` is what the same one would have done, had it waited so much longer. None where nobody had to wait.
    """
    view = Aggregate(evidence.stretches)
    lines = [
        _line(view, series.tags, ("part", "patience"), ("parts.pauses", "parts.cut_offs", "parts.turn_delay"))
        for series in sorted(view.series("parts.pauses"))
    ]
    hesitant = Aggregate([_hesitant(each) for each in evidence.stretches])
    lines += [
        _line(hesitant, series.tags, ("scenario", "step"), ("voice.turns", "voice.early_cut", "voice.response_gap"))
        for series in sorted(hesitant.series("voice.turns"))
    ]
    return ("\n".join([TAKING_TURNS, *lines]) + "\n").encode() if lines else None


def _line(view: Aggregate, tags: Tags, names: tuple[str, str], metrics: tuple[str, str, str]) -> str:
    here = dict(tags)
    pauses, cut, delays = view.count(metrics[0], here) or 0, view.count(metrics[1], here) or 0, view.distribution(metrics[2], here)
    share = share_interval(cut, pauses, CONFIDENCE) if pauses else None
    shares = [f"{value:.3f}" for value in (cut / pauses, share.low, share.high)] if share is not None else [NO_VALUE] * 3
    heard = delays is not None and delays.count + delays.beyond > 0
    times = [f"{delays.quantile(q) / 1e6:.0f}" if delays is not None and heard else NO_VALUE for q in (0.5, 0.95)]
    return "\t".join([*(here.get(name, NO_VALUE) for name in names), str(pauses), str(cut), *shares, *times])


def _hesitant(snapshot: Snapshot) -> Snapshot:
    """The calls of callers who pause, alone."""

    def mine(table: Any) -> Any:
        return {series: value for series, value in table.items() if dict(series.tags).get("scenario") == HESITATION}

    return Snapshot(
        snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase, mine(snapshot.distributions), mine(snapshot.counts)
    )


FILES: Final = (
    ResultFile("performance_report.txt", report="text"),
    ResultFile("performance_baseline.txt", baseline_text),
    ResultFile("turn_taking.txt", turn_taking_text),
    ResultFile("junit.xml", report="junit"),
)
