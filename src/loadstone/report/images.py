"""Charts as images for documents, without a browser: one chart or a sheet of the main ones; needs the extra `[images]`."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from loadstone.charts.figures.across import Across, Changes, Chart
from loadstone.charts.figures.axes import clock, plain
from loadstone.charts.figures.choice import chosen, main_figures, panels_of
from loadstone.charts.figures.figure import Figure, OverTime, Spread
from loadstone.charts.figures.marks import Mark, marks, shades
from loadstone.charts.figures.palette import Theme, palette
from loadstone.charts.figures.recorded import Recorded
from loadstone.errors import UsageError
from loadstone.report.account import Account
from loadstone.report.html.headline import WORDS
from loadstone.report.told import Told

if TYPE_CHECKING:
    from loadstone.report.across_drawing import AcrossPen

Kind = Literal["png", "svg"]
WIDTH, TALL, LOW = 8.0, 3.5, 3.0  # inches: of one chart, one with a heat map or ridges, any other
LEFT, RIGHT, TOP, BOTTOM = 0.85, 1.75, 0.55, 0.35  # inches around a chart: ticks, names of lines, title, times
BAR = 0.42  # inches: a row of a chart of changes
KEY = 0.19  # inches: a line of the key of events
DPI = 160
MOST_EVENTS = 9
HEAD: tuple[dict[str, Any], ...] = ({"fontsize": 13, "fontweight": "bold"}, {"fontsize": 9})
NO_CHART = "nothing was measured that a chart could show"
NOTHING = "no data over time: nothing was kept of this run but its report"
BEYOND = "▲ longer than anything recorded"


@dataclass(frozen=True, slots=True)
class Images:
    """A report: the sheet of one format."""

    kind: Kind

    def __call__(self, told: Told | Account) -> bytes:
        """A sheet of the main charts of the run, or of all charts of the account, in light colours."""
        return sheet(told, self.kind)

    def ready(self) -> None:
        """Raises UsageError where matplotlib is not installed."""
        if find_spec("matplotlib") is None:
            raise UsageError(f"{self.kind} is drawn by matplotlib, which is not installed", hint="pip install 'loadstone[images]'")


render_png, render_svg = Images("png"), Images("svg")


def plots_of(told: Told) -> list[tuple[str, str]]:
    """Name and title of each chart that the run has data for."""
    return [(panel.name, panel.title) for panel in panels_of(_recorded(told))]


def plots(told: Told, names: Sequence[str], kinds: Sequence[Kind], theme: Theme = "light") -> dict[tuple[str, Kind], bytes]:
    """Each of these charts in each format; raises UsageError for a chart that is unknown or has no data."""
    recorded = _recorded(told)
    figures = chosen(recorded, names)
    return {(figure.name, kind): _drawn(recorded, [figure], kind, theme, figure.title) for figure in figures for kind in kinds}


def sheet(told: Told | Account, kind: Kind, theme: Theme = "light") -> bytes:
    """The main charts of the run, or all charts of the account, two in a row."""
    if isinstance(told, Account):
        when = f" · {told.began:%Y-%m-%d %H:%M UTC}" if told.began else ""
        names = (f"{told.word} · {plain(told.title, 50)}", f"{plain(told.target, 60)}{when}".removeprefix(" · "))
        return _drawn(None, told.charts, kind, theme, f"{told.word} · {told.title}", names)
    recorded = _recorded(told)
    document = told.document
    word = WORDS[document.verdict][0]
    began = document.provenance.started_at.strftime("%Y-%m-%d %H:%M UTC")
    head = (f"{word} · {plain(document.provenance.plan, 50)}", f"{plain(document.provenance.target, 60)} · {began}")
    return _drawn(recorded, main_figures(recorded), kind, theme, " · ".join(head), head)


def _recorded(told: Told) -> Recorded:
    document = json.loads(told.document.model_dump_json(include={"events", "gates", "recovery"}))
    return Recorded(told.catalogue, told.timeline, document)


def _drawn(
    recorded: Recorded | None, figures: Sequence[Figure | Chart], kind: Kind, theme: Theme, title: str, head: Sequence[str] = ()
) -> bytes:
    """The charts on one page; the same bytes whenever it is drawn."""
    Images(kind).ready()
    import matplotlib as mpl

    about: dict[str, Any] = {"Date": None, "Creator": None, "Title": plain(title, 250)} if kind == "svg" else {"Software": None}
    settings = {"svg.hashsalt": "loadstone", "svg.fonttype": "none", "text.parse_math": False, "font.family": "sans-serif"}
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a reader's own matplotlibrc changes no report
        mpl.rcParams.update(settings)
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # letters of any script may stand in a name
        page = _page(recorded, figures, theme, head)
        data = io.BytesIO()
        page.savefig(data, format=kind, dpi=DPI, metadata=about, facecolor=page.get_facecolor())
    return data.getvalue()


def _page(recorded: Recorded | None, figures: Sequence[Figure | Chart], theme: Theme, head: Sequence[str]) -> Any:
    """A matplotlib Figure: a head where there is one, charts in one column or two, and the key of what is marked."""
    from matplotlib.figure import Figure as Page

    from loadstone.report.across_drawing import AcrossPen

    happened = marks(recorded) if recorded is not None and any(isinstance(each, OverTime) for each in figures) else []
    columns = 2 if len(figures) > 1 else 1
    rows = [figures[at : at + columns] for at in range(0, len(figures), columns)] or [[]]
    heights = [max((_height(each) for each in row), default=LOW) for row in rows]
    key = _key(happened, beyond=any(line.beyond for each in figures if isinstance(each, OverTime) for line in each.lines))
    above, below = 0.65 if head else 0.0, KEY * len(key) + (0.12 if key else 0.05)
    height, width = above + sum(heights) + below, WIDTH * columns
    colours = palette(theme)
    page = Page(figsize=(width, height), dpi=DPI, facecolor=colours["page"])
    top = height - above
    for row, tall in zip(rows, heights, strict=True):
        for column, figure in enumerate(row or [None]):
            right = RIGHT if isinstance(figure, OverTime) else 0.25
            foot = BOTTOM + (0.15 if isinstance(figure, Across) else 0.0)
            box = (column * WIDTH + LEFT, top - tall + foot, WIDTH - LEFT - right, tall - TOP - foot)
            axes = page.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
            _draw(AcrossPen(axes, theme), figure, recorded, happened)
        top -= tall
    for text, at, look in zip(head, (0.3, 0.56), HEAD, strict=False):
        page.text(LEFT / width, 1 - at / height, text, color=colours["ink"], va="center", **look)
    for number, (text, bad) in enumerate(reversed(key)):
        place = (0.1 + KEY * number) / height
        page.text(LEFT / width, place, text, fontsize=8, color=colours["bad" if bad else "soft"], va="bottom")
    return page


def _height(figure: Figure | Chart) -> float:
    if isinstance(figure, Changes):
        return TOP + BOTTOM + 0.3 + BAR * len(figure.bars)
    if isinstance(figure, Across):
        return TALL
    tall = figure.ridges if isinstance(figure, Spread) else figure.heat is not None
    return TALL if tall else LOW


def _draw(pen: AcrossPen, figure: Figure | Chart | None, recorded: Recorded | None, happened: Sequence[Mark]) -> None:
    if isinstance(figure, Across):
        pen.across(figure)
    elif isinstance(figure, Changes):
        pen.changes(figure)
    elif isinstance(figure, OverTime) and recorded is not None:
        pen.over_time(figure, recorded.end_s, shades(recorded), happened)
    elif isinstance(figure, Spread):
        pen.spread(figure)
    else:
        pen.none(NOTHING if recorded is not None else NO_CHART)


def _key(happened: Sequence[Mark], *, beyond: bool) -> list[tuple[str, bool]]:
    """What the numbers at the foot of charts mean, and whether it is bad."""
    found = [(f"{number}  {clock(mark.at_s)}  {plain(mark.text, 100)}", mark.bad) for number, mark in enumerate(happened[:MOST_EVENTS], 1)]
    if len(happened) > MOST_EVENTS:
        found.append((f"and {len(happened) - MOST_EVENTS} more events, marked without a number", False))
    return [*found, *([(BEYOND, False)] if beyond else [])]
