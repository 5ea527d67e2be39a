"""The voice suite's result files: a page of text, a file of figures to compare with, and JUnit's XML."""

from __future__ import annotations

from typing import Final

from loadstone.report.result_files import Evidence, ResultFile

NO_VALUE: Final = "-"


def baseline_text(evidence: Evidence) -> bytes:
    """One figure a line: gate, value, limit, status, with tabs between."""
    lines = ["# gate\tvalue\tlimit\tunit\tstatus"]
    for gate in evidence.told.document.gates:
        value = NO_VALUE if gate.value is None else f"{gate.value:.6g}"
        limit = NO_VALUE if gate.limit is None else f"{gate.limit:.6g}"
        lines.append(f"{gate.gate}\t{value}\t{limit}\t{gate.unit}\t{gate.status}")
    return ("\n".join(lines) + "\n").encode()


FILES: Final = (
    ResultFile("performance_report.txt", report="text"),
    ResultFile("performance_baseline.txt", baseline_text),
    ResultFile("junit.xml", report="junit"),
)
