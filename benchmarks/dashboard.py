"""What a dashboard costs a run, and how soon its page shows a second: closed loop against a local server, ten viewers."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import ours
from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed, free_port
from benchmarks.rounds import Options, attempt, ratio
from benchmarks.servers import nginx

CONNECTIONS, VIEWERS, RATE_PER_S = 64, 10, 200
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def measure(options: Options) -> Iterator[Figure]:
    """Each round: with the dashboard and ten viewers, and without, one after the other; then the page in a browser."""
    against = Figure("requests/s with the dashboard and 10 viewers ÷ without", "", Bound(least=0.98))
    drawn = Figure("snapshot taken to drawn in the browser, p95", "s", Bound(most=1.5))
    with nginx() as url:
        for _ in range(options.rounds):
            plain = attempt(lambda: ours.hit(url, "-c", str(CONNECTIONS), seconds=options.seconds))
            shown = attempt(lambda: _watched(url, options.seconds))
            against.add(ratio(shown, plain, lambda own: own.requests_per_s, lambda own: own.requests_per_s))
        for _ in range(options.rounds):
            drawn.add(attempt(lambda: _drawn_p95_s(url, max(10.0, options.seconds))))
    yield against
    yield drawn


def _watched(url: str, seconds: float) -> ours.Result:
    port = free_port()
    over = threading.Event()
    viewers = [threading.Thread(target=_view, args=(port, over), daemon=True) for _ in range(VIEWERS)]
    for viewer in viewers:
        viewer.start()
    try:
        return ours.hit(url, "-c", str(CONNECTIONS), "--dashboard", f"127.0.0.1:{port}", seconds=seconds)
    finally:
        over.set()


def _view(port: int, over: threading.Event) -> None:
    """One viewer: reads the stream of events until the run is over."""
    while not over.wait(0.1):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/events?after=0")
            response = connection.getresponse()
            while response.readline():
                if over.is_set():
                    return


def _drawn_p95_s(url: str, seconds: float) -> float:
    """The page looks for itself: wall time of each snapshot, and of the moment after its charts were drawn."""
    port = free_port()
    found: list[float] = []
    browser = threading.Thread(target=_browse, args=(port, seconds, found), daemon=True)
    browser.start()
    ours.hit(url, "-r", str(RATE_PER_S), "--dashboard", f"127.0.0.1:{port}", "--linger", "15s", seconds=seconds)
    browser.join(60)
    if len(found) < 3:
        raise Failed(f"the browser drew {len(found)} seconds")
    return sorted(found)[min(len(found) - 1, int(0.95 * len(found)))]


def _browse(port: int, seconds: float, found: list[float]) -> None:
    """Another process, so that the browser's loop and ours do not meet."""
    from benchmarks.processes import run

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        return
    done = run(
        [sys.executable, str(Path(__file__).with_name("dashboard_browser.py")), path, str(port), f"{seconds:g}"], limit_s=seconds + 60
    )
    with contextlib.suppress(ValueError):
        found += [(drawn - taken) / 1000 for taken, drawn in json.loads(done.stdout)]
