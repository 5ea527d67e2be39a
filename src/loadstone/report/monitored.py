"""What a monitor kept, as a page of the dashboard shows it: a stretch of time in days, hours or windows, and the newest alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loadstone.charts.page_data import page_run
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot
from loadstone.measure.timeline import Stretch, at_most
from loadstone.report.over_time import heads_and_cells, stretch
from loadstone.report.series import from_line
from loadstone.store.windows import KeptWindow, WindowStore

HOUR_S, DAY_S = 3600.0, 86400.0
LENGTHS = ("windows", "hours", "days")
SHOWN_S = {"windows": 6 * HOUR_S, "hours": 14 * DAY_S, "days": 3 * 365 * DAY_S}  # so far back, at most
MOST_ALERTS, MOST_ROWS, MOST_STRETCHES = 100, 200, 240


@dataclass(frozen=True, slots=True)
class Monitored:
    """Heads and rows of a table, the newest first, and alerts, the newest first."""

    heads: list[str]
    rows: list[list[str]]
    alerts: list[dict[str, Any]]
    monitored_s: float


def monitored(store: WindowStore, length: str) -> Monitored:
    """The table of one of LENGTHS."""
    kept = _kept(store, length)[-MOST_ROWS:]
    heads, rows = heads_and_cells([stretch(_moment(each.at), [from_line(each.content)]) for each in kept])
    alerts = [{**record, "at": _moment(at)} for at, record in reversed(store.alerts(MOST_ALERTS))]
    return Monitored(heads, rows[::-1], alerts, _monitored_s(store))


def monitored_run(store: WindowStore, length: str) -> dict[str, Any]:
    """The same as charts take it."""
    seconds: list[Snapshot] = [from_line(each.content) for each in _kept(store, length)]
    return page_run(None, Catalogue(), at_most([Stretch.of(each) for each in seconds], MOST_STRETCHES), name=length)


def _kept(store: WindowStore, length: str) -> list[KeptWindow]:
    length_s = {"hours": HOUR_S, "days": DAY_S}.get(length) or store.shortest_s()
    return list(store.windows(length_s, max(0.0, _monitored_s(store) - SHOWN_S[length])))


def _monitored_s(store: WindowStore) -> float:
    return float(store.state("monitor").get("monitored_s", 0.0))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
