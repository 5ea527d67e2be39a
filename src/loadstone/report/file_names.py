"""The formats of report files, the report behind each, and what the file is called: the one table of both.

A name that the user chose wins: `--name nightly` makes `nightly.json`, `nightly.csv`, …
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from loadstone.errors import UsageError
from loadstone.units import nearest

USUAL = ("json", "txt")


class Format(NamedTuple):
    """A kind of file.

    report: the plug-in that makes it
    file:   its name; `{stamp}` is when the run began
    own:    what a name of the user's gets at its end
    """

    report: str
    file: str
    own: str


FORMATS = {
    "html": Format("html", "performance_dashboard.html", ".html"),
    "json": Format("json", "result_{stamp}.json", ".json"),
    "csv": Format("csv", "performance_summary_{stamp}.csv", ".csv"),
    "hdr": Format("hdr", "histograms_{stamp}.hlog", ".hlog"),
    "junit": Format("junit", "junit_{stamp}.xml", ".xml"),
    "md": Format("md", "summary_{stamp}.md", ".md"),
    "txt": Format("text", "summary_{stamp}.txt", ".txt"),
    "png": Format("png", "charts_{stamp}.png", ".png"),
    "svg": Format("svg", "charts_{stamp}.svg", ".svg"),
    "github-benchmark-smaller": Format("github-benchmark-smaller", "benchmark_smaller_{stamp}.json", "_smaller.json"),
    "github-benchmark-bigger": Format("github-benchmark-bigger", "benchmark_bigger_{stamp}.json", "_bigger.json"),
    "bencher": Format("bencher", "bencher_{stamp}.json", "_bencher.json"),
}
OF_ACCOUNTS = ("html", "json", "csv", "junit", "md", "txt", "png", "svg")  # what more than one run can be told as
ALSO = {"github-benchmark": ("github-benchmark-smaller", "github-benchmark-bigger"), "text": ("txt",), "markdown": ("md",)}


def formats_in(text: str, others: tuple[str, ...] = ()) -> list[str]:
    """The formats of `html,json`, each once, in their order.

    others: reports of other packages, which are formats, too
    raises: UsageError for one that is unknown, and for none at all
    """
    known = list(dict.fromkeys((*FORMATS, *ALSO, *others)))
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise UsageError(f"unknown format {word!r}{nearest(word, known)}", where="--format", hint=f"one of {', '.join(known)}")
    if not words:
        raise UsageError("names no format", where="--format", hint="--format html,json")
    return list(dict.fromkeys(name for word in words for name in ALSO.get(word, (word,))))


def format_of(name: str) -> Format:
    """The line of the table; a report of another package is called by its name."""
    return FORMATS.get(name) or Format(name, f"{name}_{{stamp}}", f".{name}")


def account_file_name(kind: str, subject: str, stamp: str, own: str = "") -> str:
    """The file of an account: `capacity_20260131_120000.html`, or `nightly.html` under a name of the user's."""
    return f"{own or f'{subject}_{stamp}'}{format_of(kind).own}"


def file_name(kind: str, stamp: str, own: str = "", view: str = "performance") -> str:
    """The file of a format; `regression_report_20260131_120000.json` for another view than that of the performance."""
    found = format_of(kind)
    if own:
        return f"{own}{found.own}"
    return found.file.format(stamp=stamp) if view == "performance" else f"{view}_report_{stamp}{found.own}"


def plot_file_name(plot: str, kind: str, stamp: str, own: str = "") -> str:
    """The file of one chart: `latency_20260131_120000.svg`, or `nightly_latency.svg` under a name of the user's."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", plot)
    return f"{own}_{plain}.{kind}" if own else f"{plain}_{stamp}.{kind}"


def checked_name(name: str) -> str:
    """A name of the user's; raises UsageError for one that leads out of the folder, or that no file can have."""
    if not name or name in {".", ".."} or any(sign in name for sign in "/\\\0") or len(name.encode()) > 200:
        raise UsageError(f"{name!r} cannot be the name of a file", where="--name", hint="--name nightly")
    return name


def stamp_of(moment: datetime) -> str:
    """A moment as names of files carry it, in the reader's own time."""
    return moment.astimezone().strftime("%Y%m%d_%H%M%S")
