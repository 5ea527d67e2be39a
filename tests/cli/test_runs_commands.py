"""`loadstone runs`, `rerun` and `baseline`, and what a run leaves in the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli import perform
from loadstone.cli.main import cli
from loadstone.cli.rerun import differences, plan_of
from loadstone.errors import StoreError, UsageError
from loadstone.plan.model import Plan
from loadstone.store.sqlite import SqliteStore
from loadstone.testing.conformance import TREE
from loadstone.testing.kept_runs import make_row
from loadstone.testing.samples import make_snapshot, make_story

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`loadstone …` in an empty folder; runs are made up, and all well unless a gate says otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADSTONE_STORE")

    numbers = count()

    def made_up(plan: Plan, sinks: Any = (), **_more: Any) -> Any:
        seconds = [make_snapshot(n) for n in range(3)]
        for snapshot in seconds:
            for sink in sinks:
                sink.snapshot(snapshot)
        story = make_story(seconds, gates=[line.gate for line in plan.gates], plan_name=plan.name)
        began_at = datetime.now(UTC) + timedelta(seconds=next(numbers))
        return replace(story, result=replace(story.result, started_at=began_at))

    monkeypatch.setattr("loadstone.run.execute", made_up)
    return lambda *words: CliRunner().invoke(cli, list(words))


def kept(call: Call, *flags: str) -> str:
    """The id of a run that is made now."""
    done = call("hit", "http://127.0.0.1:9/", *flags)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return str(json.loads(call("runs", "list", "--json").stdout)[-1]["id"])


def test_a_run_that_could_be_the_first_of_a_baseline_says_so_until_there_is_one(call: Call) -> None:
    hint = "; no baseline yet: loadstone baseline save main "
    assert hint not in call("hit", "http://127.0.0.1:9/", "--gate", "p95(http.response_time) < 1ns").stderr
    said = call("hit", "http://127.0.0.1:9/").stderr
    assert hint in said
    call(*said.partition("loadstone ")[2].split())
    assert hint not in call("hit", "http://127.0.0.1:9/").stderr


def test_each_run_is_kept_near_the_work_and_told_again(call: Call) -> None:
    run_id = kept(call)
    assert Path(".loadstone/loadstone.db").exists()
    assert run_id in call("runs", "list").output
    shown = call("runs", "show")
    assert "PASS" in shown.output
    assert f"run {run_id}" in shown.output
    assert json.loads(call("runs", "show", run_id[:8], "--json").stdout)["verdict"] == "pass"
    assert "no run fits" in call("runs", "list", "--verdict", "fail").output


def test_a_run_is_not_kept_where_nobody_wants_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "kept as run" not in call("hit", "http://127.0.0.1:9/", "--no-store").output
    monkeypatch.setenv("LOADSTONE_STORE", "none")
    assert "kept as run" not in call("hit", "http://127.0.0.1:9/").output
    assert not Path(".loadstone").exists()
    assert "has no place" in str(call("hit", "http://127.0.0.1:9/", "--no-store", "--keep-seconds").exception)
    assert "cannot enter a baseline" in str(call("hit", "http://127.0.0.1:9/", "--update-baseline", "x").exception)


def test_a_store_that_cannot_be_used_costs_the_run_nothing_but_a_line(call: Call) -> None:
    Path(".loadstone").mkdir()
    Path(".loadstone/loadstone.db").write_bytes(b"not a database" * 100)
    for gate, verdict in (("count(http.requests) > 1", "PASS"), ("count(http.requests) < 1", "FAIL")):
        done = call("hit", "http://127.0.0.1:9/", "--gate", gate)
        assert verdict in done.output
        assert "the run is not kept: " in done.output
        assert "is damaged" in done.output


def test_a_store_that_somebody_named_is_looked_at_before_the_run(call: Call) -> None:
    Path("runs.db").write_bytes(b"not a database" * 100)
    done = call("hit", "http://127.0.0.1:9/", "--store", "runs.db")
    assert "is damaged" in str(done.exception)
    assert "PASS" not in done.output


def test_a_damaged_store_is_moved_aside_only_when_asked(call: Call) -> None:
    kept(call)
    assert "is whole" in call("runs", "check").output
    path = Path(".loadstone/loadstone.db")
    path.write_bytes(b"not a database" * 100)
    assert "damaged" in call("runs", "check").output
    assert path.exists()
    assert "moved to" in call("runs", "check", "--move-aside").output
    assert not path.exists()
    assert len(list(Path(".loadstone").glob("loadstone.db.damaged-*"))) == 1
    kept(call)


def test_runs_are_forgotten_by_name_and_by_age_but_not_those_of_baselines(call: Call) -> None:
    ids = [kept(call, "--keep-seconds") for _ in range(4)]
    assert call("baseline", "save", "main", ids[0]).exception is None
    assert "belongs to the baseline main" in str(call("runs", "rm", ids[0]).exception)
    assert "0 seconds" not in call("runs", "prune", "--keep", "3", "--seconds").output
    assert "1 runs forgotten" in call("runs", "prune", "--keep", "2").output
    assert "0 runs forgotten" in call("runs", "prune", "--older-than", "1h").output
    assert "nothing says" in str(call("runs", "prune").exception)
    call("runs", "rm", "last")
    assert len(json.loads(call("runs", "list", "--json").stdout)) == 2


def test_a_run_is_handed_on_in_a_file(call: Call) -> None:
    run_id = kept(call)
    assert call("runs", "export", "last").exception is None
    bundle = f"{run_id}.loadstone.tar.gz"
    assert "is there already" in str(call("runs", "export", "last").exception)
    assert "there already" in str(call("runs", "import", bundle).exception)
    assert call("runs", "import", bundle, "--store", "other.db").exception is None
    assert run_id in call("runs", "list", "--store", "other.db").output


def test_a_run_is_repeated_from_the_store_and_from_a_file(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = kept(call, "--seed", "7", "-c", "3")
    call("runs", "export", run_id, "-o", "x.gz")
    plans: list[Plan] = []

    def performed(plan: Plan, _showing: object) -> int:
        plans.append(plan)
        return 0

    monkeypatch.setattr("loadstone.cli.rerun.perform", performed)
    for what in ("last", "x.gz"):
        assert call("rerun", what).exception is None
    assert call("rerun", "last", "--target", "http://127.0.0.1:8", "--set", "seed=8").exception is None
    assert plans[0] == plans[1]
    assert (plans[0].seed, plans[0].target, plans[0].scenarios[0].profile.model_dump()["users"]) == (7, "http://127.0.0.1:9", 3)
    assert (plans[2].seed, plans[2].target) == (8, "http://127.0.0.1:8")
    assert "no such file" in str(call("rerun", "nothing.tar.gz").exception)


def test_a_run_with_secrets_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    plan = Plan.model_validate({**TREE, "http": {"auth": {"bearer": "s3cret"}}})
    with pytest.raises(UsageError, match=r"secrets are not kept: http\.auth\.bearer"):
        plan_of(make_row(id="abc"), plan.model_dump_json(), None, (), ())
    again = plan_of(make_row(id="abc"), plan.model_dump_json(), None, ("http.auth.bearer=s3cret",), ())
    assert again.http == plan.http
    assert again.scenarios == plan.scenarios


def test_what_is_not_the_same_is_told() -> None:
    found = differences(make_row(version="0.0.9", machine_text="another, 64 cores"))
    assert any(line.startswith("version: then 0.0.9, now ") for line in found)
    assert any(line.startswith("machine: then another, 64 cores, now ") for line in found)


def test_a_baseline_is_made_shown_promoted_and_handed_on(call: Call) -> None:
    ids = [kept(call) for _ in range(2)]
    failed = kept(call, "--gate", "count(http.requests) < 1")
    assert "verdict of run" in str(call("baseline", "save", "main", failed).exception)
    assert "2 members" in call("baseline", "save", "main", *ids, "--last", "5", "--per-branch").output
    assert "the newest 5 of the same branch" in call("baseline", "list").output
    assert call("baseline", "promote", ids[0], "main").exception is None
    assert json.loads(call("baseline", "show", "main", "--json").stdout)["members"][0]["pinned"] is True
    assert call("baseline", "export", "main").exception is None
    (file,) = Path("performance_baselines").glob("performance_baseline_*.json")
    assert call("baseline", "export", "main", "--format", "text").exception is None
    for source, members in ((str(file), 2), ("performance_baseline.txt", 1)):
        assert call("baseline", "import", source, f"from-{members}").exception is None
        assert len(json.loads(call("baseline", "show", f"from-{members}", "--json").stdout)["members"]) == members
    assert call("baseline", "remove", "main", ids[1]).exception is None
    assert call("baseline", "retire", "main").exception is None
    assert "main" not in call("baseline", "list").output.replace("from-", "")


def test_a_run_enters_a_baseline_by_itself_only_when_it_passed(call: Call) -> None:
    good = call("hit", "http://127.0.0.1:9/", "--update-baseline", "main")
    assert "is in the baseline main" in good.output
    bad = call("hit", "http://127.0.0.1:9/", "--update-baseline", "main", "--gate", "count(http.requests) < 1")
    assert "the baseline main stays as it is" in bad.output
    assert len(json.loads(call("baseline", "show", "main", "--json").stdout)["members"]) == 1


def test_a_failing_disk_at_the_end_does_not_change_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADSTONE_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setattr("loadstone.run.execute", lambda *_a, **_k: make_story([make_snapshot(0)], gates=["count(http.requests) < 1"]))

    def no_room(*_given: object) -> None:
        raise StoreError("there is no room for it on the disk")

    monkeypatch.setattr(SqliteStore, "finish", no_room)
    assert perform.perform(Plan.model_validate(TREE), perform.Showing(quiet=True)) == 1
