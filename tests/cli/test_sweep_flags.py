"""`--sweep` on the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadstone.charts.figures.palette import palette
from loadstone.cli.main import main
from loadstone.errors import ExitCode
from loadstone.probes.loopback import loopback_server

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with loopback_server() as address:
        yield address


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in this process: exit code, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out, printed.err

    return call


def test_hit_runs_each_level_and_prints_one_document(run: Run, url: str, tmp_path: Path) -> None:
    code, out, err = run("hit", url, "-d", "1s", "--sweep", "rate=20,40", "--sweep-pause", "0s", "--json", "--out", str(tmp_path))
    document = json.loads(out)
    assert code == document["exit_code"]
    assert [(level["value"], level["result"]["load"]["target_rate"]) for level in document["levels"]] == [(20.0, 20.0), (40.0, 40.0)]
    assert [line.split()[0] for line in err.splitlines() if "p95" in line] == ["rate=20", "rate=40"]
    kept = sorted(path.name.partition("_")[0] + path.suffix for path in tmp_path.iterdir())
    assert kept == ["snapshots.jsonl", "snapshots.jsonl", "sweep.json", "sweep.txt"]


def test_run_turns_any_setting_of_the_suite(run: Run, url: str, tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(f"target: {url}\nscenarios: {{a: {{profile: {{users: 1, duration: 1s}}, steps: [{{get: /}}]}}}}\n")
    _, out, _ = run("run", str(file), "--sweep", "scenarios.a.profile.users=1,3", "--sweep-pause", "0s", "--json")
    assert [level["result"]["load"]["users"] for level in json.loads(out)["levels"]] == [1, 3]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--sweep", "usres=1,2"], "'usres' is no knob of hit; did you mean 'users'?"),
        (["--sweep", "users=1,x"], "flag --users: 'x' is not a whole number"),
        (["--sweep", "users"], "is not KNOB=LEVELS"),
        (["--sweep", "users=1,2", "-c", "3"], "users is swept, so it cannot be set as well"),
        (["--sweep", "users=1,2", "-r", "3"], "a load is either users or a rate"),
        (["--sweep", "users=1,2", "--sweep-pause", "soon"], "is not a duration"),
        (["--sweep", "users=1,2", "--sweep-errors", "200%"], "is not a share"),
        (["--probe", "ftp://h"], "the address of a probe is not an http or https URL"),
        (["--gate", "max(target.nothing) < 1"], "unknown metric 'target.nothing'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(run: Run, url: str, words: list[str], what: str) -> None:
    code, out, err = run("hit", url, *words)
    assert (code, out) == (ExitCode.USAGE, "")
    assert what in err


def test_a_target_that_was_never_there_is_unreachable(run: Run) -> None:
    assert run("hit", "http://127.0.0.1:9", "--sweep", "users=1,2")[0] == ExitCode.UNREACHABLE


def test_each_level_is_kept_as_a_run_that_its_tag_finds(run: Run, url: str, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    run("hit", url, "-d", "1s", "--sweep", "users=1,2", "--sweep-pause", "0s", "--quiet", "--store", store)
    rows = json.loads(run("runs", "list", "--json", "--store", store)[1])
    assert [row["tags"]["level"] for row in rows] == ["users=1", "users=2"]
    assert len({row["tags"]["sweep"] for row in rows}) == 1
    assert len({row["work_hash"] for row in rows}) == 2
    assert "users=2" in run("runs", "list", "--store", store)[1]
    (second,) = json.loads(run("runs", "list", "--tag", "level=users=2", "--json", "--store", store)[1])
    assert json.loads(run("runs", "show", second["id"], "--json", "--store", store)[1])["load"]["users"] == 2
    code, out, _ = run("trend", "p50(http.response_time)", "--tag", "level=users=1", "--json", "--store", store)
    assert code == ExitCode.INCONCLUSIVE
    assert rows[0]["id"] in out
    assert second["id"] not in out


def test_a_sweep_that_nobody_wants_kept_keeps_nothing(run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOADSTONE_STORE")
    monkeypatch.chdir(tmp_path)
    run("hit", url, "-d", "1s", "--sweep", "users=1", "--quiet", "--no-store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["--baseline", "--update-baseline", "--confirm"])
def test_no_baseline_is_about_all_levels(run: Run, url: str, flag: str) -> None:
    code, _, err = run("hit", url, "--sweep", "users=1,2", flag, "1")
    assert code == ExitCode.USAGE
    assert flag in err


@pytest.mark.parametrize("flag", ["--report=html=sweep.html", "--sink=log", "--dashboard"])
def test_what_is_about_one_run_is_refused_where_nothing_would_come_of_it(run: Run, url: str, flag: str) -> None:
    code, out, err = run("hit", url, "--sweep", "users=1,2", flag)
    assert (code, out) == (ExitCode.USAGE, "")
    assert f"flag {flag.partition('=')[0]}: is about one run, and a sweep makes several" in err


@pytest.mark.parametrize("sweep", [(), ("--sweep", "users=1,2")])
def test_colours_of_no_image_are_refused_before_any_load(run: Run, url: str, tmp_path: Path, sweep: tuple[str, ...]) -> None:
    code, out, err = run("hit", url, *sweep, "--theme", "dark", "--out", str(tmp_path))
    assert (code, out) == (ExitCode.USAGE, "")
    assert "flag --theme" in err


def test_the_images_of_a_sweep_have_the_colours_that_are_asked_for(run: Run, url: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'loadstone[images]'")
    files = ("--out", str(tmp_path), "--format", "svg", "--name", "dark")
    run("hit", url, "-d", "1s", "--sweep", "users=1", "--sweep-pause", "0s", "--quiet", "--theme", "dark", *files)
    panel = "#" + "".join(f"{round(255 * part):02x}" for part in palette("dark")["panel"][:3])
    assert panel in (tmp_path / "dark.svg").read_text().lower()
