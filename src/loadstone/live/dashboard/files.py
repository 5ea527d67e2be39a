"""The files that dashboards are made of: pages and scripts of our own, and the chart library."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import Response

from loadstone.charts import assets, plotly
from loadstone.measure.plain_text import UNTURNED

PAGES = files(__package__).joinpath("page")
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
OWN = frozenset({"live.js", "history.js", "enter.js", "monitored.js", "dashboard.css", "ask.js"})
CHARTS = frozenset({assets.WHOLE, "charts.css"})


@cache
def templates() -> Environment:
    """Those of our pages; texts of runs become text, never markup."""
    return Environment(loader=PackageLoader(__package__, "page"), autoescape=True, finalize=_unturned)


def _unturned(value: object) -> object:
    return value.translate(UNTURNED) if isinstance(value, str) else value


@cache
def page(name: str) -> bytes:
    """A page that says nothing of any run."""
    return templates().get_template(name).render().encode()


@cache
def _content(name: str) -> bytes | None:
    if name in OWN:
        return PAGES.joinpath(name).read_bytes()
    if name == "plotly.js":
        return plotly.script().encode()
    return assets.text(name).encode() if name in CHARTS else None


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_content(name) or b"", 5)


async def static(request: Request) -> Response:
    """A script or a style; never changes while the process lives, and is large enough to be kept by browsers."""
    name = str(request.path_params["name"])
    content = _content(name)
    if content is None:
        return Response("no such file\n", 404, media_type="text/plain")
    headers = {"cache-control": "private, max-age=3600", "vary": "accept-encoding"}
    if len(content) > 10_000 and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["content-encoding"] = _packed(name), "gzip"
    return Response(content, headers=headers, media_type=KINDS.get(f".{name.rpartition('.')[2]}", "text/plain"))
