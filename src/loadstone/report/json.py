"""The report for programs: one JSON document that `report/schema/result-1.json` describes."""

from __future__ import annotations

import json

from loadstone.judge.story import Story
from loadstone.report.telling import document_of


def render_json(story: Story) -> bytes:
    """The document in UTF-8, indented, ended by a newline."""
    return (json.dumps(document_of(story).model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
