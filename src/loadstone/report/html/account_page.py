"""An account as a page: the answer first, then its charts, tables and remarks; everything that it shows or runs is in it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadstone.charts import assets
from loadstone.report.account import Account
from loadstone.report.html.across_svg import chart_svg, keys_of
from loadstone.report.html.embedded import own, trusted

WIDE, NARROW = 520, 326  # px of a chart: two beside each other on a desk, one on a phone
SUBJECTS = {
    "capacity": "The largest load that meets every objective",
    "sweep": "One plan at several levels",
    "duet": "Two targets in turns",
    "comparison": "Runs beside runs",
    "trend": "A figure over the runs that are kept",
    "monitor": "Watched at a low rate",
}


def account_page(account: Account) -> str:
    """The page as text."""
    return _environment().get_template("account.html").render(_context(account))


def _context(account: Account) -> Mapping[str, Any]:
    charts = [
        {
            "name": chart.name,
            "title": chart.title,
            "keys": keys_of(chart),
            "wide": chart_svg(chart, WIDE),
            "narrow": chart_svg(chart, NARROW),
        }
        for chart in account.charts
    ]
    style = trusted(assets.text("charts.css") + own("report.css") + own("account.css"))
    found = {"a": account, "charts": charts, "style": style, "script": trusted(own("look.js"))}
    return {**found, "keyed": any(chart["keys"] for chart in charts), "about": SUBJECTS[account.subject], "version": _version()}


def _version() -> str:
    try:
        return version("loadstone")
    except PackageNotFoundError:
        return ""


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("loadstone.report.html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
