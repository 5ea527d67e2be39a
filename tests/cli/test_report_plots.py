"""`loadstone report --plot`: one image a chart, and what goes wrong."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from loadstone.report.json import render_json
from loadstone.report.told import Told
from loadstone.store.sqlite import SqliteStore
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.samples import make_snapshot, make_story
from tests.cli.calls import called

WHOLE = render_json(Told.of(replace(make_story([make_snapshot(n) for n in range(10)]))))
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="no matplotlib: pip install 'loadstone[images]'"
)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with one run, whose seconds are kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSTONE_STORE", f"sqlite:///{tmp_path}/runs.db")
    with SqliteStore(f"sqlite:///{tmp_path}/runs.db") as store:
        store.add(make_row(0, id="run0"), make_parts(document=WHOLE, keep_seconds=True))


def reported(*words: str) -> int:
    return called(["report", *words])


def test_plots_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    reported("last", "--plots")
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["latency", "Response", "time"] for line in lines)
    assert not any(line.startswith("llm_ttft") for line in lines)


@needs_matplotlib
def test_each_chart_becomes_a_file_of_each_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported("last", "--plot", "latency,ecdf", "--format", "png,svg", "--out", "docs", "--name", "mine")
    made = {path.name for path in (tmp_path / "docs").iterdir()}
    assert made == {"mine_latency.png", "mine_latency.svg", "mine_ecdf.png", "mine_ecdf.svg"}
    assert {Path(line).name for line in capsys.readouterr().out.splitlines()} == made


@needs_matplotlib
def test_one_chart_without_a_folder_is_svg_on_stdout(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    reported("last", "--plot", "latency", "--theme", "dark")
    out = capsysbinary.readouterr().out
    assert out.startswith(b"<?xml")
    assert out.rstrip().endswith(b"</svg>")
    assert b"#171e27" in out


@needs_matplotlib
def test_without_plot_there_is_a_sheet(tmp_path: Path) -> None:
    reported("last", "--format", "svg", "--out", "docs", "--name", "sheet")
    assert b"Response time" in (tmp_path / "docs" / "sheet.svg").read_bytes()


@needs_matplotlib
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plot", "latency", "--format", "html"], "a chart is no html"),
        (["--plot", "latency,ecdf"], "several files need a folder"),
        (["--plot", ","], "names no chart"),
        (["--plot", "latncy"], "unknown plot 'latncy'"),
        (["--plot", "llm_ttft", "--out", "docs"], "the run has no data for the plot 'llm_ttft'"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reported("last", *words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("docs/*"))


def test_without_matplotlib_a_format_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("loadstone.report.images.find_spec", lambda _: None)
    assert reported("last", "--format", "png", "--out", "docs") == 2
    assert "pip install 'loadstone[images]'" in capsys.readouterr().err
