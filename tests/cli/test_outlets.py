"""--sink and --report, and what becomes of them when a disk is full or somebody else's code breaks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone import plugins
from loadstone.cli.hit import command as hit
from loadstone.errors import PluginError, UsageError
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.plugins import Plugins
from loadstone.testing.samples import make_snapshot, make_story


class Breaking:
    """A sink of another package that breaks with its second second."""

    def __init__(self, _watched: Watched) -> None:
        self.seen = 0

    def snapshot(self, _snapshot: Snapshot) -> None:
        self.seen += 1
        if self.seen > 1:
            raise ConnectionError("nobody listens")

    def close(self) -> None:
        """Nothing to do."""


class Unmade:
    """A sink of another package that cannot even be made."""

    def __init__(self) -> None:
        """Takes too few arguments."""


def torn(_told: Any) -> bytes:
    raise KeyError("p97")


def words(_told: Any) -> str:
    return "pass"


def line(told: Any) -> bytes:
    return f"{told.document.provenance.plan}: {told.document.verdict}\n".encode()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`loadstone hit` with a run that is made up: three seconds, all well."""
    monkeypatch.chdir(tmp_path)
    points = {"sink": [EntryPoint("breaking", f"{__name__}:Breaking", "x")], "report": [EntryPoint("line", f"{__name__}:line", "x")]}
    points["sink"].append(EntryPoint("unmade", f"{__name__}:Unmade", "x"))
    points["report"] += [EntryPoint("torn", f"{__name__}:torn", "x"), EntryPoint("words", f"{__name__}:words", "x")]
    found = Plugins(plugins.BUILT_IN, points)
    monkeypatch.setattr(plugins, "installed", lambda: found)

    def made_up(_plan: Any, sinks: Any, **_more: Any) -> Any:
        seconds = [make_snapshot(n) for n in range(3)]
        for snapshot in seconds:
            for sink in sinks:
                sink.snapshot(snapshot)
        return make_story(seconds)

    monkeypatch.setattr("loadstone.run.execute", made_up)
    return lambda *flags: CliRunner().invoke(hit, ["http://127.0.0.1:9/", *flags])


def test_reports_are_written_to_the_files_that_are_named(call: Callable[..., Result]) -> None:
    done = call("--report", "json=r.json", "--report", "line=r.txt", "--report", "text=page.txt")
    assert done.exception is None
    assert json.loads(Path("r.json").read_text())["verdict"] == "pass"
    assert Path("r.txt").read_text() == "shop: pass\n"
    assert "PASS" in Path("page.txt").read_text()


def test_a_sink_that_breaks_falls_silent_and_the_run_goes_on(call: Callable[..., Result]) -> None:
    done = call("--sink", "breaking", "--sink", "log", "--out", "kept")
    assert done.exception is None
    assert "the sink 'breaking' raised ConnectionError: nobody listens" in done.output
    logs = sorted(Path("kept").glob("snapshots_*.jsonl"))
    assert [len(log.read_text().splitlines()) for log in logs] == [4]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--sink", "brekaing"), "unknown sink 'brekaing'. Try: breaking"),
        (("--sink", "log"), "needs a folder to write to. Try: --out DIR"),
        (("--sink", "terminal"), "needs a terminal. Try: --sink lines"),
        (("--report", "jsn=x"), "unknown report 'jsn'. Try: json"),
        (("--report", "json"), "'json' names no file. Try: --report json=result.json"),
        (("--report", "json=no/such/folder/r.json"), "no folder no/such/folder"),
    ],
)
def test_what_cannot_be_shown_is_told_before_the_run(call: Callable[..., Result], flags: tuple[str, ...], said: str) -> None:
    done = call(*flags)
    assert said in str(done.exception)


def test_a_sink_that_cannot_be_made_is_told_before_the_run_and_is_no_bug_of_ours(call: Callable[..., Result]) -> None:
    done = call("--sink", "unmade")
    assert isinstance(done.exception, PluginError)
    assert "the sink 'unmade' raised TypeError: " in str(done.exception)


@pytest.mark.parametrize(
    ("name", "why"), [("torn", "the report 'torn' raised KeyError: 'p97'"), ("words", "the report 'words' gives str, not bytes")]
)
def test_a_report_that_breaks_costs_neither_the_verdict_nor_the_other_files(call: Callable[..., Result], name: str, why: str) -> None:
    done = call("--report", f"{name}=torn.txt", "--report", "line=r.txt")
    assert Path("r.txt").read_text() == "shop: pass\n"
    assert "PASS" in done.stdout
    assert f"torn.txt could not be made: unknown package: {why}" in done.stderr
    assert "exit code 2: what was asked for could not be written" in done.stderr
    assert not Path("torn.txt").exists()


def test_a_report_that_needs_a_library_says_so_before_the_run(call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("loadstone.run.execute", lambda *_given, **_more: pytest.fail("the run began"))
    done = call("--report", "png=p.png")
    assert isinstance(done.exception, UsageError)
    assert "pip install 'loadstone[images]'" in str(done.exception)
