"""What the page carries for its script: the runs packed, Plotly's script packed, our own scripts and styles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from loadstone.charts import assets, plotly
from loadstone.charts.page_data import packed_run
from loadstone.report.html.overlays import names
from loadstone.report.told import Told


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts that go into the page as they are.

    runs:   one per run, of letters and digits (base64) alone
    packed: scripts that are unpacked before they run
    """

    style: Markup
    runs: Sequence[str]
    packed: Sequence[str]
    scripts: Sequence[Markup]


def embedded(runs: Sequence[Told]) -> Embedded:
    """Everything for these runs; without Plotly's 2 MB where no run was kept over time, because then there is nothing to draw."""
    drawn = any(run.timeline for run in runs)
    return Embedded(
        style=trusted(assets.text("charts.css") + own("report.css")),
        runs=[_packed(run, name) for run, name in zip(runs, names(runs), strict=True)] if drawn else [],
        packed=[plotly.packed_script()] if drawn else [],
        scripts=[trusted(assets.text(assets.WHOLE)), *(trusted(own(script)) for script in ("look.js", "recompute.js", "report.js"))],
    )


def _packed(run: Told, name: str) -> str:
    document = json.loads(run.document.model_dump_json(exclude={"metrics", "steps"}))  # those the page has as tables
    started_at = run.document.provenance.started_at.isoformat()
    return packed_run(document, run.catalogue, run.timeline, run_id=run.run_id, name=name, started_at=started_at)


@cache
def own(name: str) -> str:
    """One file of `html/static`."""
    return files("loadstone.report.html").joinpath("static", name).read_text(encoding="utf-8")


def trusted(text: str) -> Markup:
    """Our own script or style, which may stand in the page unescaped."""
    return Markup(text)  # noqa: S704  shipped with the package: nothing from a run is in it
