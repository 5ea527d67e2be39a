"""The dashboard of what is kept: runs found, told and compared, figures over time, baselines; on the store that the commands use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import LoadstoneError, StoreError, UsageError
from loadstone.judge.beside import compare
from loadstone.judge.figures import asked_for, main_figures, statistics_of
from loadstone.judge.history import judge_histories
from loadstone.judge.limits import own_limit
from loadstone.judge.regression_rules import PRESETS
from loadstone.judge.verdict import show_value
from loadstone.live.dashboard.files import static, templates
from loadstone.live.dashboard.guard import Guard, posted
from loadstone.live.dashboard.listen import Listening
from loadstone.plan.limit_text import read_limit
from loadstone.plugins import installed
from loadstone.report.comparison import comparison_document_of
from loadstone.report.monitored import LENGTHS, monitored, monitored_run
from loadstone.report.stored import told_of_parts
from loadstone.report.trend import Trend, trend_document_of
from loadstone.store.admission import figures_of, refusal
from loadstone.store.past import catalogue_of_run, past_run, sides
from loadstone.store.rows import RunFilter, RunRow
from loadstone.store.store import Store
from loadstone.store.windows import WindowStore
from loadstone.units import format_duration

Kept = TypeVar("Kept")

MOST_ROWS, MOST_TREND, MOST_TEXT = 200, 200, 300
MEASURED = frozenset({"pass", "fail", "inconclusive"})
VERDICTS = ("pass", "fail", "inconclusive", "untrustworthy", "unreachable", "interrupted", "unfinished")
FIGURES = (
    "p95(http.response_time)",
    "p50(http.response_time)",
    "rate(http.errors)",
    "p95(llm.ttft)",
    "p95(ws.round_trip_time)",
    "max(target.memory)",
)
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
TONES = {"pass": "good", "better": "good", "not worse": "good", "fail": "bad", "worse": "bad", "untrustworthy": "bad", "unreachable": "bad"}


def serve_history(open_store: Callable[[], Store], listening: Listening, monitor: Path | None = None) -> None:
    """Serve until Ctrl-C."""
    app = Guard(history_app(open_store, monitor), host=listening.host, port=listening.port, token=listening.token)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", ws="none", server_header=False, timeout_graceful_shutdown=1
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening.socket]))


def history_app(open_store: Callable[[], Store], monitor: Path | None = None) -> Starlette:
    """The pages; each request opens the store anew, so that it sees runs that others keep meanwhile.

    monitor: the file of one, for a page of what it kept
    """

    def page(show: Callable[[Store, Request], Response]) -> Callable[[Request], Response]:
        return _answering(open_store, show)

    def watched(show: Callable[[WindowStore, Request], Response]) -> Callable[[Request], Response]:
        return _answering(lambda: _windows(monitor), show)

    async def promote(request: Request) -> Response:
        return await _change(request, open_store, _promote)

    async def retire(request: Request) -> Response:
        return await _change(request, open_store, _retire)

    found = Starlette(
        routes=[
            Route("/", page(_runs)),
            Route("/runs/{name}", page(_run)),
            Route("/runs/{name}/report", page(_report)),
            Route("/compare", page(_compare)),
            Route("/trend", page(_trend)),
            Route("/baselines", page(_baselines)),
            Route("/promote", promote, methods=["POST"]),
            Route("/retire", retire, methods=["POST"]),
            Route("/monitor", watched(_monitor)),
            Route("/monitor/data", watched(_monitor_data)),
            Route("/static/{name}", static),
        ]
    )
    found.state.watched = monitor is not None
    return found


def _answering(
    opened: Callable[[], contextlib.AbstractContextManager[Kept]], show: Callable[[Kept, Request], Response]
) -> Callable[[Request], Response]:
    """A page of what is kept; what cannot be opened or found is told on it."""

    def answer(request: Request) -> Response:
        try:
            with opened() as kept:
                return show(kept, request)
        except LoadstoneError as error:
            return _sorry(error)

    return answer


def _windows(monitor: Path | None) -> contextlib.closing[WindowStore]:
    if monitor is None:
        raise UsageError("no file of a monitor was named", where="/monitor", hint="loadstone dashboard --monitor FILE")
    return contextlib.closing(WindowStore(monitor, reading=True))


def _page(request: Request | None, template: str, title: str, place: str, here: str, status: int = 200, **more: Any) -> Response:
    text = (
        templates()
        .get_template(template)
        .render(
            title=title,
            place=place,
            here=here,
            watched=request is not None and request.app.state.watched,
            tone=lambda word: TONES.get(word, ""),
            value=_value,
            change=_percent,
            **more,
        )
    )
    return Response(text, status, media_type="text/html")


def _sorry(error: LoadstoneError) -> Response:
    return _page(None, "sorry.html", "Loadstone", "", "", 404, mistake=str(error))


def _asked(request: Request, name: str) -> str:
    """A parameter, as long as anything that is meant."""
    return request.query_params.get(name, "").strip()[:MOST_TEXT]


def _runs(store: Store, request: Request) -> Response:
    given = {name: _asked(request, name) for name in ("find", "verdict", "branch", "tag", "since")}
    mistake, wanted = "", RunFilter()
    try:
        wanted = _wanted(given)
    except UsageError as error:
        mistake = str(error)
    found = [row for row in store.runs(wanted) if _fits(row, given["find"])]
    rows = found[-MOST_ROWS:][::-1]
    return _page(
        request,
        "runs.html",
        "Runs",
        store.url,
        "/",
        rows=rows,
        total=len(store.runs()),
        most=MOST_ROWS,
        given=given,
        verdicts=VERDICTS,
        mistake=mistake,
        length=_length,
    )


def _wanted(given: Mapping[str, str]) -> RunFilter:
    key, equals, tag = given["tag"].partition("=")
    if given["tag"] and not equals:
        raise UsageError(f"{given['tag']!r} is not a tag", where="Tag", hint="version=1.2")
    try:
        since = datetime.fromisoformat(given["since"]).astimezone(UTC) if given["since"] else None
    except (ValueError, OverflowError):
        raise UsageError(f"{given['since']!r} is not a day", where="Since", hint="2026-01-31") from None
    return RunFilter(None, given["branch"] or None, since, None, given["verdict"] or None, tags={key: tag} if key else {})


def _fits(row: RunRow, text: str) -> bool:
    words = " ".join((row.id, row.plan_name, row.suite, row.target, row.git_commit or "")).lower()
    return all(word in words for word in text.lower().split())


def _run(store: Store, request: Request) -> Response:
    row = store.run(str(request.path_params["name"])[:MOST_TEXT])
    names = [each.name for each in store.baselines()]
    alike = [each.id for each in store.runs(RunFilter(work_hash=row.work_hash)) if each.finished and each.started_at < row.started_at]
    before = alike[-1] if alike and row.finished else ""
    return _page(request, "run.html", f"Run {row.id}", store.url, "", row=row, html=row.finished, baselines=names, before=before)


def _report(store: Store, request: Request) -> Response:
    """The HTML report, as the frame of a run's page shows it: its scripts run, but apart from ours and without a way out."""
    row = store.run(str(request.path_params["name"])[:MOST_TEXT])
    told = told_of_parts(row, store.parts(row.id))
    return Response(installed().get("report", "html")(told), media_type="text/html", headers={"content-security-policy": REPORT_POLICY})


def _compare(store: Store, request: Request) -> Response:
    chosen = sorted(request.query_params.getlist("run")[:2])
    before, after = _asked(request, "before"), _asked(request, "after")
    if chosen and not before:
        before, after = chosen[0][:MOST_TEXT], (chosen[1] if len(chosen) > 1 else "last")[:MOST_TEXT]
    found, mistake = None, ""
    if before:
        try:
            found = _compared(store, before, after or "last")
        except LoadstoneError as error:
            mistake = str(error)
    return _page(request, "compare.html", "Compare", store.url, "/compare", before=before, after=after, found=found, mistake=mistake)


def _compared(store: Store, before: str, after: str) -> Any:
    old, new = sides(store, before.split(","), after.split(","))
    if {run.name for run in old.runs} <= {run.name for run in new.runs}:
        raise UsageError("a run would be compared with itself", where=f"{before} and {after}", hint="two runs")
    newest = new.runs[-1]
    return comparison_document_of(compare(old, new, main_figures(newest.total, catalogue_of_run(newest)), PRESETS["default"]))


def _trend(store: Store, request: Request) -> Response:
    metric, limit = _asked(request, "metric") or FIGURES[0], _asked(request, "limit")
    trends: list[Any] = []
    mistake = ""
    try:
        trends = _trends(store, metric, limit)
    except LoadstoneError as error:
        mistake = str(error)
    return _page(
        request, "trend.html", "Trend", store.url, "/trend", metric=metric, limit=limit, trends=trends, mistake=mistake, figures=FIGURES
    )


def _trends(store: Store, metric: str, limit: str) -> list[Any]:
    rows = [row for row in store.runs(RunFilter(most=MOST_TREND)) if row.verdict in MEASURED]
    if not rows:
        raise StoreError("no run fits", where=store.url, hint="loadstone demo, a few times")
    rows = [row for row in rows if row.work_hash == rows[-1].work_hash]
    catalogue = catalogue_of_run(past_run(store.load(rows[-1].id)))
    known = catalogue.get(metric)
    texts = [f"{stat}({metric})" for stat in statistics_of(known)] if known is not None else [metric]
    asked = [asked_for(text, catalogue) for text in texts]
    runs = [past_run(store.load(row.id)).figures(asked) for row in rows]
    found = []
    for each in asked:
        trend = Trend(judge_histories(runs, each.figure), _limit(limit, each) if limit else None)
        found.append(trend_document_of(each.figure.name, each.figure.unit, trend).model_dump(mode="json"))
    return found


def _limit(text: str, asked: Any) -> float:
    value, dimension = read_limit(text)
    limit, _ = own_limit(replace(asked.gate.spec, limit=value, dimension=dimension, limit_text=text), asked.gate.metric)
    return limit / 100 if asked.figure.is_share else limit


def _monitor(windows: WindowStore, request: Request) -> Response:
    length = _length_of(request)
    place = f"{windows.path} · watched for {format_duration(round(windows.state('monitor').get('monitored_s', 0.0)))}"
    return _page(request, "monitor.html", "Monitor", place, "/monitor", length=length, lengths=LENGTHS, found=monitored(windows, length))


def _monitor_data(windows: WindowStore, request: Request) -> Response:
    return JSONResponse(monitored_run(windows, _length_of(request)))


def _length_of(request: Request) -> str:
    asked = _asked(request, "length")
    return asked if asked in LENGTHS else LENGTHS[0]


def _baselines(store: Store, request: Request) -> Response:
    return _page(request, "baselines.html", "Baselines", store.url, "/baselines", baselines=store.baselines(retired=True))


async def _change(request: Request, open_store: Callable[[], Store], change: Callable[[Store, Mapping[str, str]], str]) -> Response:
    given = await posted(request) or {}
    words = {key: str(value)[:MOST_TEXT] for key, value in given.items()}

    def act() -> str:
        with open_store() as store:
            return change(store, words)

    try:
        return JSONResponse({"done": True, "text": await asyncio.to_thread(act)})
    except LoadstoneError as error:
        return JSONResponse({"done": False, "text": str(error)}, 409)


def _promote(store: Store, given: Mapping[str, str]) -> str:
    row, name = store.run(given.get("run", "")), given.get("baseline", "")
    document = _document(store, row.id)
    store.baseline(name)
    if reason := refusal(row, document, accept=False):
        raise UsageError(
            reason, where=f"run {row.id}", hint=f"loadstone baseline promote {row.id} {name} --accept, when somebody has looked at it"
        )
    store.add_member(name, row.id, figures_of(document), pinned=True, source="a person")
    return f"run {row.id} is pinned in {name}"


def _retire(store: Store, given: Mapping[str, str]) -> str:
    name = given.get("baseline", "")
    store.retire(name)
    return f"{name} is retired"


def _document(store: Store, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.parts(run_id, seconds=False).document or b"{}")
    return found


def _length(row: RunRow) -> str:
    return format_duration(row.seconds) if row.finished else "–"


def _value(amount: float | None, unit: str) -> str:
    return "–" if amount is None else show_value(amount, unit)


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None or not math.isfinite(ratio) else f"{100 * (ratio - 1):+.1f}%"
