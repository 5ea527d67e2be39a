"""`loadstone compare` and `loadstone trend` on stores whose runs are known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loadstone.measure.event import Event
from loadstone.report.text import Look
from loadstone.store.store import Store
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.past_runs import keep, scattered
from tests.cli.calls import called


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """Twenty runs at 20 ms, then three at 26 ms."""
    path = tmp_path / "runs.db"
    with Store.open(f"sqlite:///{path}") as store:
        keep(store, [*scattered(20, 20, 5), *scattered(26, 3, 6)])
    return str(path)


def test_slower_runs_are_worse_than_a_baseline(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["baseline", "save", "main", *[f"r{number:03d}" for number in range(20)], "--store", kept]) == 0
    assert called(["compare", "main", "r020", "r021", "r022", "--store", kept]) == 1
    page = capsys.readouterr().out
    assert "WORSE" in page
    assert "p95(http.response_time)" in page
    assert "20 runs" in page
    assert called(["compare", "main", "r019", "--limit", "20%", "--store", kept]) == 0


def test_the_document_of_a_comparison_has_every_figure(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["compare", ",".join(f"r{number:03d}" for number in range(20)), "r020", "r021", "r022", "--json", "--store", kept]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "loadstone.comparison/1"
    assert document["answer"] == "worse"
    p95 = next(each for each in document["differences"] if each["figure"] == "p95(http.response_time)")
    assert p95["low"] < 1.3 < p95["high"]
    assert p95["answer"] == "worse"


def test_one_run_beside_one_says_that_it_cannot_tell(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["compare", "last~1", "last", "--figure", "p50(http.response_time)", "--store", kept]) == 4
    assert "one run each" in capsys.readouterr().out.replace("\n  ", " ")


@pytest.mark.parametrize("words", [["changed", "plain"], ["plain", "changed"], ["plain,other", "changed"]], ids=" ".join)
def test_a_run_whose_load_was_changed_by_hand_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    path = str(tmp_path / "runs.db")
    with Store.open(f"sqlite:///{path}") as store:
        for number, name in enumerate(("plain", "other", "changed")):
            parts = make_parts()
            events = (*parts.events, Event(3.0, "control", "load x 2 (by dashboard)")) if name == "changed" else parts.events
            store.add(make_row(number, id=name), replace(parts, events=events))
    assert called(["compare", *words, "--json", "--store", path]) == 4
    document = json.loads(capsys.readouterr().out)
    assert "changed by hand: load x 2 (by dashboard)" in document["refused"]
    assert {each["answer"] for each in document["differences"]} <= {"cannot tell"}


def test_a_run_whose_load_was_changed_by_hand_enters_no_baseline_even_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "runs.db")
    document = json.dumps({"events": [{"at_s": 3.0, "kind": "control", "text": "paused"}]}).encode()
    with Store.open(f"sqlite:///{path}") as store:
        store.add(make_row(0, id="plain"), make_parts())
        store.add(make_row(1, id="changed", flagged="the load was changed by hand: paused"), make_parts(document=document))
    assert called(["baseline", "save", "main", "plain", "--store", path]) == 0
    for command in (["baseline", "promote", "changed", "main"], ["baseline", "save", "main", "changed"]):
        assert called([*command, "--accept", "--store", path]) == 2, command
        assert "changed by hand" in capsys.readouterr().err


def test_a_confirming_run_must_bear_out_what_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "runs.db")
    with Store.open(f"sqlite:///{path}") as store:
        keep(store, [*scattered(20, 20, 5), 26.0, 20.0, 26.5])
    assert called(["baseline", "save", "main", *[f"r{number:03d}" for number in range(20)], "--store", path]) == 0
    assert called(["compare", "main", "r020", "--store", path]) == 1
    assert called(["compare", "main", "r020", "--confirm", "r021", "--store", path]) == 4
    assert "does not bear it out" in " ".join(capsys.readouterr().out.split())
    assert called(["compare", "main", "r020", "--confirm", "r022", "--store", path]) == 1


def test_a_run_that_has_entered_the_baseline_is_not_compared_with_itself(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["baseline", "save", "main", *[f"r{number:03d}" for number in (*range(10), 20, 21, 22)], "--store", kept]) == 0
    assert called(["compare", "main", "r020", "r021", "r022", "--store", kept]) == 1
    assert "3 of the earlier runs are later ones, too" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "words", [["compare", "nobody", "last"], ["compare", "r000", "r001", "--figure", "p95(http.nothing)"], ["trend", "http.nothing"]]
)
def test_what_is_not_there_is_a_mistake_of_the_user(words: list[str], kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called([*words, "--store", kept]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_trend_finds_where_it_got_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "runs.db")
    with Store.open(f"sqlite:///{path}") as store:
        keep(store, [*scattered(20, 20, 5), *scattered(25, 8, 6)])
    assert called(["trend", "p50(http.response_time)", "--json", "--store", path]) == 1
    document = json.loads(capsys.readouterr().out)
    (history,) = document["histories"]
    (change,) = history["changes"]
    assert change["run"] == "r020"
    assert change["low"] < 1.25 < change["high"]
    assert called(["trend", "http.response_time", "--limit", "50ms", "--store", path]) == 1
    assert "r020" in capsys.readouterr().out


def test_a_creep_crosses_its_limit_in_some_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "runs.db")
    with Store.open(f"sqlite:///{path}") as store:
        keep(store, [level * 1.01**day for day, level in enumerate(scattered(20, 40, 5, 0.01))])
    called(["trend", "p50(http.response_time)", "--limit", "40ms", "--json", "--store", path])
    (history,) = json.loads(capsys.readouterr().out)["histories"]
    outlook = history["outlook"]
    if outlook is not None and outlook["certain"]:
        assert outlook["earliest_days"] < 31 < outlook["latest_days"]
    else:
        assert history["changes"]  # so steep a creep may be told as steps


def test_runs_that_did_something_else_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "runs.db")
    from loadstone.testing.past_runs import PLAN

    with Store.open(f"sqlite:///{path}") as store:
        keep(store, scattered(90, 10, 4), plan=PLAN.model_copy(update={"seed": 9}))
        keep(store, scattered(20, 10, 5), first=10)
    called(["trend", "p50(http.response_time)", "--json", "--store", path])
    (history,) = json.loads(capsys.readouterr().out)["histories"]
    assert len(history["runs"]) == 10


def test_a_run_beside_itself_is_refused(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["compare", "last", "--store", kept]) == 2
    assert "r022 would be compared with itself. Try: loadstone compare last~1 last" in capsys.readouterr().err


def test_a_run_that_would_confirm_itself_is_refused(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["compare", "r000,r001", "r021", "last", "--confirm", "last", "--store", kept]) == 2
    assert "r022 would confirm itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nobody", "last"], "there is no run and no baseline 'nobody'"),
        (["r000", "r001", "--figure", "p95(http.nothing)"], "figure 'p95(http.nothing)': unknown metric"),
        (["r000", "r001", "--limit", "10ms"], "flag --limit: '10ms'"),
    ],
)
def test_a_mistake_is_told_with_what_was_written(words: list[str], told: str, kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["compare", *words, "--store", kept]) == 2
    assert told in capsys.readouterr().err


def test_a_narrow_page_keeps_the_names_of_figures(kept: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.report.text.look_of", lambda _, **_given: Look(80))
    called(["compare", "r000", "r022", "--store", kept])
    page = capsys.readouterr().out
    assert "  p50(http.response_time) " in page
    assert "sees" not in page
    assert "suspected" in page.partition("FIGURES")[2]
    assert max(map(len, page.splitlines())) <= 80
