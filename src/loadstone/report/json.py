"""The report for programs: one JSON document that `report/schema/result-1.json` describes."""

from __future__ import annotations

import json

from loadstone.report.told import Told


def render_json(told: Told) -> bytes:
    """The document in UTF-8, indented, ended by a newline."""
    return (json.dumps(told.document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
