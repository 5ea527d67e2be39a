"""A run as the file of a baseline, left by itself where the run may enter one."""

from __future__ import annotations

from loadstone.report.result_files import Evidence
from loadstone.store.admission import refusal
from loadstone.store.baseline_files import run_to_json


def baseline_file(evidence: Evidence) -> bytes | None:
    """The figures of the run, as `loadstone baseline import` takes them; None for a run that is not kept, or may not enter."""
    document = evidence.told.document.model_dump(mode="json")
    if evidence.kept is None or refusal(evidence.kept.row, document):
        return None
    return run_to_json(evidence.told.document.provenance.plan, evidence.kept.row, document).encode()
