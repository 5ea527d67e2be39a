"""--format, --out and --name of trend, compare, capacity, duet, monitor and sweeps: what they write, and what goes wrong."""

from __future__ import annotations

import csv
import errno
import io
import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from loadstone.cli.account_files import tell_account
from loadstone.cli.main import main
from loadstone.errors import ExitCode
from loadstone.judge.alert_rules import parse_rule
from loadstone.judge.sweep import Level, Sweep
from loadstone.measure.catalogue import Catalogue
from loadstone.monitor import Monitor
from loadstone.plan.model import Plan
from loadstone.report.json import render_json
from loadstone.report.told import Told
from loadstone.store.store import Store
from loadstone.store.windows import WindowStore
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.past_runs import keep, scattered
from loadstone.testing.samples import make_snapshot, make_story
from loadstone.testing.server import ScriptedServer, always, answer, response
from tests.report.junit_grammar import faults_of

ALL = "html,json,csv,junit,md,txt"
ENDS = {".html", ".json", ".csv", ".xml", ".md", ".txt"}
BUSY = ["capacity", "http://127.0.0.1:9/"]


def called(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty runs at 20 ms, then three at 26 ms, in the store of this folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSTONE_STORE", f"sqlite:///{tmp_path}/runs.db")
    with Store.open(f"sqlite:///{tmp_path}/runs.db") as store:
        keep(store, [*scattered(20, 20, 5), *scattered(26, 3, 6)])
    return tmp_path


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps are made up: two levels that are all well."""
    monkeypatch.chdir(tmp_path)

    def made_up(knob: str, plans: Mapping[str, Plan], **_: Any) -> Sweep:
        levels = tuple(Level(level, make_story([make_snapshot(at) for at in range(5)])) for level in plans)
        return Sweep(knob, levels, tuple(plans), 0.0, 0.1, "", ExitCode.PASS)

    monkeypatch.setattr("loadstone.sweep.sweep", made_up)


@pytest.mark.usefixtures("sweep")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_after_a_sweep_costs_neither_page_nor_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    def late(*given: Any) -> int:
        signal.raise_signal(number)
        return tell_account(*given)

    monkeypatch.setattr("loadstone.cli.sweeping.tell_account", late)
    assert called("hit", "http://127.0.0.1:9/", "--sweep", "users=1,2", "--out", "out", "--format", "json", "--no-store") == 0
    said = capsys.readouterr()
    assert "sweep of users" in said.out
    assert "the load is over" in said.err
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_history_is_written_in_every_format_under_the_users_name(runs: Path) -> None:
    assert called("trend", "p95(http.response_time)", "--format", ALL, "--out", "out", "--name", "mine") == 1
    assert {path.name for path in (runs / "out").iterdir()} == {f"mine{end}" for end in ENDS}
    assert faults_of((runs / "out" / "mine.xml").read_bytes()) == []
    assert json.loads((runs / "out" / "mine.json").read_bytes())["schema"] == "loadstone.trend/1"


def test_files_have_the_moment_of_the_newest_run_in_their_names(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("compare", "r019", "r020", "--out", "out") in {0, 1, 4}
    told = capsys.readouterr()
    assert "figures" in told.out  # the page is printed beside the files
    names = sorted(path.name for path in (runs / "out").iterdir())
    assert len(names) == 2
    assert all(name.startswith("comparison_2026012") for name in names)
    assert all(name in told.err for name in names)


def test_one_format_without_a_folder_takes_the_place_of_the_page(runs: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert called("compare", "r018,r019", "r020", "r021", "--format", "csv") in {0, 1, 4}
    lines = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert {"before", "after"} <= {line["statistic"] for line in lines}
    assert list(runs.glob("out*")) == []


def test_views_of_a_run_have_pages_with_the_charts_of_the_comparison_and_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADSTONE_STORE", f"sqlite:///{tmp_path}/runs.db")
    document = render_json(Told.of(make_story()))
    with Store.open(f"sqlite:///{tmp_path}/runs.db") as store:
        for number in range(6):
            store.add(make_row(number, id=f"run{number}"), make_parts(document=document))
    out = str(tmp_path / "out")
    called("report", "last", "--view", "trend", "--format", "html", "--out", out, "--name", "trend")
    called("report", "last", "--view", "regression", "--format", "html", "--out", out, "--name", "regression")
    assert 'id="chart-trend-1-1"' in (tmp_path / "out" / "trend.html").read_text(encoding="utf-8")
    assert "Runs beside runs" in (tmp_path / "out" / "regression.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("sweep")
def test_a_sweep_takes_the_formats_of_a_run(tmp_path: Path) -> None:
    words = ["hit", "http://127.0.0.1:9/", "--sweep", "rate=5,10", "-d", "1s", "--format", ALL, "--out", "out", "--name", "s", "--quiet"]
    assert called(*words) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"s{end}" for end in ENDS}
    suite = ET.fromstring((tmp_path / "out" / "s.xml").read_bytes())  # noqa: S314  our own report
    assert len({case.get("classname") for case in suite.iter("testcase")}) == 4


@pytest.mark.usefixtures("sweep")
def test_a_sweep_refuses_a_format_without_a_folder() -> None:
    assert called("hit", "http://127.0.0.1:9/", "-d", "1s", "--sweep", "rate=5,10", "--format", "csv") == 2


def test_what_a_monitor_keeps_is_written_and_tells_that_a_rule_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rule = parse_rule("response: p95(http.response_time) warning > 1s critical > 5s")
    watch = Monitor("shop", Catalogue(), [rule], WindowStore(tmp_path / "m.sqlite"), wall=lambda: 1.78e9 + watch.monitored_s)
    for at in range(600):
        watch.snapshot(make_snapshot(at, steps={"home": (1, 7000.0 if at > 300 else 100.0)}))
    watch.end()
    assert called("monitor", "--history", "--store", "m.sqlite", "--format", ALL, "--out", "out", "--name", "m") == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"m{end}" for end in ENDS}
    assert faults_of((tmp_path / "out" / "m.xml").read_bytes()) == []
    assert "Critical" in (tmp_path / "out" / "m.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "htlm"], "unknown format 'htlm'; did you mean 'html'"),
        (["--format", "html,md"], "several files need a folder"),
        (["--format", "bencher", "--out", "x"], "bencher is made of one run alone"),
        (["--out", "/proc/none/there"], "cannot be made"),
        (["--out", "x", "--name", "../up"], "cannot be the name of a file"),
        (["--name", "mine"], "needs a folder to write to"),
        (["--json", "--format", "csv"], "prints one document and nothing else"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [BUSY, ["duet", "http://127.0.0.1:9", "http://127.0.0.1:9"], ["trend", "http.response_time"], ["compare", "a", "b"]],
    ids=lambda words: words[0],
)
def test_what_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(*command, *words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A disk without room."""

    def fill() -> None:
        def refuse(path: Path, _data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr("loadstone.cli.checkpoints.replace_file", refuse)

    return fill


def test_a_full_disk_costs_the_files_and_never_the_answer(runs: Path, full: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    full()
    limit = ["--limit", "80%", "--figure", "p95(http.response_time)"]
    code = called("compare", "r000,r001,r002,r003,r004,r005,r006,r007", "r010", "r011", *limit, "--out", "out")
    told = capsys.readouterr()
    assert "NOT WORSE" in told.out
    assert code == 2  # what passed, and nobody can read, is no pass
    assert "No space left on device" in told.err
    assert "free room on the disk" in told.err
    assert called("trend", "p95(http.response_time)", "--out", "out") == 1  # what failed stays failed
    assert list((runs / "out").iterdir()) == []


def watched(path: Path, slow: bool) -> None:
    """What a monitor left: three minutes, slow at their end or not."""
    watch = Monitor("shop", Catalogue(), [parse_rule("response: p95(http.response_time) warning > 1s critical > 5s")], WindowStore(path))
    for at in range(180):
        watch.snapshot(make_snapshot(at, steps={"home": (1, 7000.0 if slow and at > 60 else 100.0)}))
    watch.end()


@pytest.mark.parametrize("slow", [False, True])
def test_a_history_ends_with_the_same_code_whatever_it_is_told_as(tmp_path: Path, *, slow: bool) -> None:
    path = tmp_path / "m.sqlite"
    watched(path, slow)
    codes = {called("monitor", "--history", "--store", str(path), *more) for more in ((), ("--format", "csv"), ("--format", "json"))}
    assert codes == {ExitCode.GATE_FAILED if slow else ExitCode.PASS}


def test_a_monitor_that_ends_leaves_its_files(tmp_path: Path) -> None:
    with ScriptedServer([always(answer(response(b"ok")))]) as server:
        words = ["monitor", server.url, "--every", "200ms", "-d", "1s", "--window", "5s", "--no-default-alerts", "--quiet"]
        code = called(
            *words, "--store", str(tmp_path / "m.sqlite"), "--out", str(tmp_path / "out"), "--format", "json,html", "--name", "mine"
        )
    assert code in {ExitCode.PASS, ExitCode.INCONCLUSIVE}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mine.json", "mine.html"}
    assert json.loads((tmp_path / "out" / "mine.json").read_bytes())["schema"] == "loadstone.monitor/1"


def test_a_folder_below_a_file_is_refused_before_any_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert called(*BUSY, "--out", str(tmp_path / "file" / "out")) == ExitCode.USAGE
    assert "file/out" in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_to_is_refused_before_any_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # the administrator, as whom tests may run, may write anywhere
    assert called(*BUSY, "--out", str(tmp_path)) == ExitCode.USAGE
    assert "cannot be written to" in capsys.readouterr().err


def test_the_colours_of_images_can_be_chosen_and_of_nothing_else(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = "p95(http.response_time)"
    assert called("trend", figure, "--format", "csv", "--theme", "dark") == ExitCode.USAGE
    assert "--theme" in capsys.readouterr().err
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'loadstone[images]'")
    drawn = {}
    for theme in ("light", "dark"):
        assert called("trend", figure, "--format", "svg", "--theme", theme, "--out", "out", "--name", theme) == ExitCode.GATE_FAILED
        drawn[theme] = (runs / "out" / f"{theme}.svg").read_bytes()
    assert drawn["light"] != drawn["dark"]
