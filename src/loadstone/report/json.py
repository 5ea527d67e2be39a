"""The report for programs: one JSON document that `report/schema/result-1.json` describes; comparisons and histories have their own."""

from __future__ import annotations

import json

from loadstone.report.account import Account
from loadstone.report.told import Told


def render_json(told: Told | Account) -> bytes:
    """The document in UTF-8, indented, ended by a newline."""
    if isinstance(told, Account):
        return told.document
    if told.view == "regression" and told.compared is not None:
        from loadstone.report.comparison import comparison_document_of, render_comparison_json

        return render_comparison_json(comparison_document_of(told.compared)).encode()
    if told.view == "trend" and told.trends:
        from loadstone.report.trend import render_trend_json, trend_document_of

        documents = [trend_document_of(name, _unit(told, name), trend) for name, trend in told.trends.items()]
        return render_trend_json(documents).encode()
    return (json.dumps(told.document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _unit(told: Told, figure: str) -> str:
    return next((history.figure.unit for history in told.trends[figure].histories), "")
