"""Scripts and styles of the charts, as texts to put into a page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

# In this order: each part adds to what those before it began.
SCRIPTS: Final = ("histogram.js", "model.js", "format.js", "frame.js", "lines.js", "latency.js", "spread.js", "panels.js")
WHOLE: Final = "charts.js"


@cache
def text(name: str) -> str:
    """One file of `charts/static`; `charts.js` is all scripts as one, `charts.css` their style. Raises FileNotFoundError for others."""
    if name == WHOLE:
        return "".join(text(part) for part in SCRIPTS)
    return files("loadstone.charts").joinpath("static", name).read_text(encoding="utf-8")
