"""The report `html` as bytes: everything that the page shows or runs is in it, and it may load nothing from anywhere."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadstone.errors import UsageError
from loadstone.judge.verdict import show_value
from loadstone.report.account import Account
from loadstone.report.html.account_page import account_page
from loadstone.report.html.embedded import Embedded, embedded
from loadstone.report.html.gate_bar import gate_bar, interval, limit_text, value_text
from loadstone.report.html.headline import WORDS, clock, facts, score_text
from loadstone.report.html.metric_tables import metric_tables, step_names
from loadstone.report.html.overlays import names, overlays_table
from loadstone.report.telling import QUANTILES
from loadstone.report.text_causes import when
from loadstone.report.text_verdict import WANTED_SCORE, margin, why
from loadstone.report.told import Told
from loadstone.stats.quantiles import least_samples
from loadstone.units import format_count, format_duration, format_rate, format_share

MOST_RUNS = 5  # in one page, the first one included

# Names from outside may hold control characters, which HTML does not allow (WHATWG HTML, 13.2.3.5): their pictures stand for them.
PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
)


def render_html(told: Told | Account, overlays: Sequence[Told] = ()) -> bytes:
    """One run, or one account, as a page; `overlays` are further runs that its charts can show behind it.

    raises: UsageError for more than five runs in all
    """
    if isinstance(told, Account):
        return account_page(told).translate(PICTURES).encode("utf-8", "backslashreplace")
    if len(overlays) >= MOST_RUNS:
        raise UsageError(f"{len(overlays) + 1} runs in one page", where="report html", hint=f"at most {MOST_RUNS}")
    runs = [told, *overlays]
    page = _environment().get_template("page.html").render(_context(runs, embedded(runs)))
    return page.translate(PICTURES).encode("utf-8", "backslashreplace")


def _context(runs: Sequence[Told], data: Embedded) -> Mapping[str, Any]:
    told = runs[0]
    document = told.document
    tables = metric_tables(document, told.catalogue)
    word, tone = WORDS[document.verdict]
    return {
        "told": told,
        "d": document,
        "word": word,
        "tone": tone,
        "why": why(document),
        "facts": facts(document),
        "score": score_text(document),
        "wanted_score": WANTED_SCORE,
        "tables": tables,
        "steps": step_names(tables),
        "beside": overlays_table(runs) if len(runs) > 1 else None,
        "names": names(runs),
        "data": data,
        "least_samples": json.dumps({name: least_samples(q) for name, q in QUANTILES.items()}),
    }


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("loadstone.report.html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "clock": clock,
        "count": format_count,
        "duration": format_duration,
        "interval": interval,
        "limit": limit_text,
        "margin": margin,
        "gate_bar": gate_bar,
        "gate_value": value_text,
        "rate": format_rate,
        "share": format_share,
        "shown": show_value,
        "when": when,
    }
    return environment
