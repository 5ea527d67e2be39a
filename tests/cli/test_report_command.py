"""`loadstone report`: where a run may come from, which files are left, and what goes wrong."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadstone.cli.hit import command as hit
from loadstone.cli.report_files import tell_github
from loadstone.errors import UsageError
from loadstone.measure.event import Event
from loadstone.measure.sink import Watched
from loadstone.plan.model import Plan
from loadstone.report.file_names import FORMATS, file_name, formats_in
from loadstone.report.json import render_json
from loadstone.report.series import snapshot_log
from loadstone.report.told import Told
from loadstone.store.bundle import write_bundle
from loadstone.store.sqlite import SqliteStore
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.samples import make_snapshot, make_story
from tests.cli.calls import called

PLAN = Plan.model_validate(
    {
        "target": "http://127.0.0.1:1",
        "gates": ["p95(http.response_time) < 1s"],
        "scenarios": {"shop": {"profile": {"users": 5, "duration": "20s"}, "steps": [{"get": "/"}]}},
    }
)
WHOLE = render_json(Told.of(replace(make_story([make_snapshot(n) for n in range(10)]), events=(Event(0.0, "phase", "load"),))))
PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]


def reported(*words: str) -> int:
    return called(["report", *words])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store with two runs that did the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSTONE_STORE", f"sqlite:///{tmp_path}/runs.db")
    store = SqliteStore(f"sqlite:///{tmp_path}/runs.db")
    for number in range(2):
        store.add(make_row(number, id=f"run{number}"), make_parts(document=WHOLE, keep_seconds=bool(number)))
    yield store
    store.close()


def log_in(folder: Path, seconds: int = 20) -> Path:
    log = snapshot_log(Watched(PLAN, 20.0, stream=sys.stderr, folder=folder, stamp="20260101_000000"))
    for at in range(seconds):
        log.snapshot(make_snapshot(at, phase="load"))
    log.close()
    return log.path


def test_a_kept_run_leaves_every_format_under_its_name(kept: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [name for name in FORMATS if name not in {"html", "png", "svg"}]
    assert reported("last", "--format", ",".join(kinds), "--out", "reports") == 0
    made = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(made) == len(kinds)
    assert sorted(Path(line).name for line in capsys.readouterr().out.splitlines()) == made
    assert any(name.startswith("performance_summary_") and name.endswith(".csv") for name in made)
    assert (tmp_path / "reports" / next(name for name in made if name.startswith("result_"))).read_bytes() == WHOLE
    assert kept.run("last").id == "run1"


@pytest.mark.usefixtures("kept")
def test_a_name_of_the_user_wins(tmp_path: Path) -> None:
    assert reported("last~1", "--format", "json,junit,github-benchmark", "--out", "reports", "--name", "nightly") == 0
    names = {path.name for path in (tmp_path / "reports").iterdir()}
    assert names == {"nightly.json", "nightly.xml", "nightly_smaller.json", "nightly_bigger.json"}


@pytest.mark.usefixtures("kept")
def test_one_format_without_a_folder_goes_to_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert reported("run0", "--format", "json") == 0
    assert capfd.readouterr().out.encode() == WHOLE


def test_bundle_document_log_and_folder_are_told_alike(kept: SqliteStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.loadstone.tar.gz").write_bytes(write_bundle(kept.run("run1"), kept.parts("run1")))
    (tmp_path / "result.json").write_bytes(WHOLE)
    (tmp_path / "logs").mkdir()
    log = log_in(tmp_path / "logs")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "result_1.json").write_bytes(WHOLE)
    for place in ("b.loadstone.tar.gz", "result.json", "results"):
        assert reported(place, "--json") == 0
        assert capfd.readouterr().out.encode() == WHOLE
    for place in ("logs", str(log)):
        assert reported(place, "--json") == 0
        assert json.loads(capfd.readouterr().out)["load"]["seconds"] == 20


@pytest.mark.usefixtures("kept")
def test_a_regression_view_compares_with_the_run_before(capfd: pytest.CaptureFixture[str]) -> None:
    code = reported("last", "--view", "regression", "--json")
    told = json.loads(capfd.readouterr().out)
    assert told["schema"] == "loadstone.comparison/1"
    assert told["before_runs"] == ["run0"]
    assert code == told["exit_code"]
    assert reported("last", "--view", "regression", "--against", "run0", "--format", "md") == code
    assert "beside run0" in capfd.readouterr().out


@pytest.mark.usefixtures("kept")
def test_a_trend_view_tells_histories_and_a_decision_view_the_decision(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert reported("last", "--view", "trend", "--figure", "p95(http.response_time)", "--json") == 4
    assert json.loads(capfd.readouterr().out)["histories"][0]["runs"] == ["run0", "run1"]
    assert reported("last", "--view", "decision") == 0
    page = capfd.readouterr().out
    assert "DECISION" in page
    assert "over time" not in page
    assert reported("last", "--view", "decision", "--out", "reports", "--format", "txt") == 0
    assert [path.name.startswith("decision_report_") for path in (tmp_path / "reports").iterdir()] == [True]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope",), "there is no run 'nope'"),
        (("no/such/place",), "no such file or folder"),
        (("gone.json",), "no such file or folder"),
        (("last", "--format", "pdf", "--out", "x"), "unknown format 'pdf'"),
        (("last", "--format", ",", "--out", "x"), "names no format"),
        (("last", "--format", "md,csv"), "--out DIR"),
        (("last", "--name", "../x", "--out", "x"), "cannot be the name of a file"),
        (("last", "--json", "--out", "x"), "prints one document"),
        (("last", "--overlay", "run0", "--format", "md"), "by html alone"),
        (("last", "--resume"), "is for a log"),
        (("run0", "--view", "regression"), "no run before run0"),
        (("run0", "--view", "regression", "--against", "run0"), "itself"),
        (("last", "--figure", "p95(http.response_time)"), "--view regression"),
        (("last", "--out", "/proc/none/x"), "cannot be made"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(*words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_a_log_that_is_cut_and_damaged_is_told_and_both_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_in(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], b'{"seq": rubbish}\n', b"\xff\xfe\x00\n", *lines[7:-1], lines[-1][:50]]))
    assert reported(str(path)) == 0  # a second at the end is within the slack of schedules
    page = capsys.readouterr().out
    assert "DAMAGE" in page
    assert "jsonl:6 is damaged" in page
    assert "jsonl:7 is damaged" in page
    assert "is cut" in page


def test_damage_keeps_out_of_a_document_on_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.json").write_bytes(WHOLE[: len(WHOLE) * 3 // 4])
    assert reported(str(tmp_path / "cut.json"), "--json") == 0
    told = capfd.readouterr()
    assert json.loads(told.out)["verdict"] == "pass"
    assert "loadstone: damaged: it ends or breaks" in told.err


def test_a_store_with_damaged_parts_is_told_as_far_as_it_goes(kept: SqliteStore, capfd: pytest.CaptureFixture[str]) -> None:
    db = kept.database.db
    db.execute("UPDATE sections SET content = ? WHERE run_id = 'run0' AND seq = 3", (b"rubbish",))
    db.execute("UPDATE series SET content = ? WHERE run_id = 'run0' AND kind = 'distribution'", (b"rubbish",))
    db.commit()
    assert reported("run0") == 0
    page = capfd.readouterr().out
    assert "the section from 3 to 4 s cannot be read" in page
    assert "the totals cannot be read" in page


def test_a_report_that_is_lost_is_made_again_from_the_seconds(kept: SqliteStore, capfd: pytest.CaptureFixture[str]) -> None:
    store_plan = PLAN.model_dump_json()
    kept.database.db.execute("UPDATE documents SET content = ?", (b"rubbish",))
    kept.database.db.execute("UPDATE plans SET content = ?", (store_plan,))
    kept.database.db.commit()
    assert reported("run1") == 130  # ten seconds of twenty
    assert "the report cannot be read" in capfd.readouterr().out
    assert reported("run0") == 2  # nothing is left to judge
    assert "the report cannot be read" in capfd.readouterr().err


@pytest.mark.usefixtures("kept")
def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "nightly.csv").write_text("of yesterday")

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    done = subprocess.run(
        [*PROGRAM, "report", "last", "--format", "csv", "--out", "reports", "--name", "nightly"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=small,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},  # half a compiled module would stay, and break every later command
    )
    assert done.returncode == 2, done.stderr
    assert "nightly.csv: cannot be written" in done.stderr
    assert "Try: free room" in done.stderr
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["nightly.csv"]
    assert (tmp_path / "reports" / "nightly.csv").read_text() == "of yesterday"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """`loadstone hit` with a run that is made up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSTONE_STORE", "none")
    monkeypatch.setattr("loadstone.run.execute", lambda *_a, **_k: make_story([make_snapshot(n) for n in range(3)]))

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(hit, ["http://127.0.0.1:1/", "--quiet", *words], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.output

    return call


def test_a_quiet_run_says_why_to_the_end_of_the_sentence(run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    gates = [f"p{q}(http.response_time{{scenario=browse,step=home}}) < 1ns" for q in (50, 90)]
    monkeypatch.setattr("loadstone.run.execute", lambda *_a, **_k: make_story([make_snapshot(n) for n in range(30)], gates=gates))
    _, page = run()
    rule, plan, *why = page.splitlines()
    assert "NO DATA" in rule
    assert plan.startswith("shop")
    assert len(why) > 1  # wrapped
    assert " ".join(why).endswith(f"{gates[1]}.")


def test_a_run_leaves_the_formats_that_were_asked_for(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    run("--out", "kept", "--format", "md,junit", "--name", "mine")
    assert {path.name for path in (tmp_path / "kept").iterdir() if path.suffix != ".jsonl"} == {"mine.md", "mine.xml"}
    run("--out", "usual")
    assert {path.suffix for path in (tmp_path / "usual").iterdir()} == {".json", ".txt", ".jsonl"}


def test_formats_without_a_folder_are_refused_before_the_run(run: Callable[..., tuple[int, str]]) -> None:
    with pytest.raises(UsageError, match="needs a folder"):
        run("--format", "md")
    with pytest.raises(UsageError, match="unknown format"):
        run("--format", "mdd", "--out", "x")


def test_github_gets_annotations_and_a_summary_and_nobody_else_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told.of(make_story([make_snapshot(0)], gates=("count(http.requests) < 1",)))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    tell_github(told, {})
    assert capsys.readouterr().err == ""
    tell_github(told, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert "::error title=" in capsys.readouterr().err
    assert summary.read_text().startswith("before\n## ❌ FAIL")
    tell_github(told, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "where")})
    assert "could not be written" in capsys.readouterr().err


def test_each_format_has_a_name_of_its_own() -> None:
    names = [file_name(kind, "20260101_000000") for kind in FORMATS]
    assert len(set(names)) == len(names)
    assert len({file_name(kind, "", "mine") for kind in FORMATS}) == len(names)
    assert formats_in("markdown, text,md") == ["md", "txt"]
