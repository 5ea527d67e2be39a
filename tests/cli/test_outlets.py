"""--sink and --report, and what becomes of them when a disk is full or somebody else's code breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone import plugins
from loadstone.cli.hit import command as hit
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


def line(told: Any) -> bytes:
    return f"{told.document.provenance.plan}: {told.document.verdict}\n".encode()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`loadstone hit` with a run that is made up: three seconds, all well."""
    monkeypatch.chdir(tmp_path)
    points = {"sink": [EntryPoint("breaking", f"{__name__}:Breaking", "x")], "report": [EntryPoint("line", f"{__name__}:line", "x")]}
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
