"""Every command about kept runs on a store in PostgreSQL, named by the environment and by the flag."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.main import cli
from loadstone.errors import ExitCode, StoreError
from loadstone.plan.model import Plan
from loadstone.probes.provenance import masked
from loadstone.store.store import Store
from loadstone.testing.past_runs import keep, scattered
from loadstone.testing.samples import make_snapshot, make_story
from tests.postgres import PASSWORD, QUOTED, NewUrl, Server

Call = Callable[..., Result]


@pytest.fixture
def call(new_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`loadstone …` in an empty folder, with a store that the environment names; whatever it prints holds no password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSTONE_STORE", new_url())

    def called(*words: str) -> Result:
        done = CliRunner().invoke(cli, list(words))
        assert not any(secret in f"{done.output}{done.exception}" for secret in (PASSWORD, QUOTED))
        return done

    return called


def made_up(seconds: int, between: Callable[[int], None] = lambda _: None) -> Callable[..., Any]:
    """An `execute` that measures nothing and takes no time."""

    def execute(plan: Plan, sinks: Any = (), **_more: Any) -> Any:
        snapshots = [make_snapshot(seq) for seq in range(seconds)]
        for snapshot in snapshots:
            for sink in sinks:
                sink.snapshot(snapshot)
            between(snapshot.seq)
        return make_story(snapshots, gates=[line.gate for line in plan.gates], plan_name=plan.name)

    return execute


ASKED = (
    ("runs", "list", "--json"),
    ("runs", "list", "--suite", "nothing"),
    ("runs", "show", "last~3", "--json"),
    ("compare", "main", "r010", "r011", "--json"),
    ("compare", "r000", "r011", "--json"),
    ("trend", "p50(http.response_time)", "--json"),
    ("baseline", "show", "nobody"),
    ("runs", "prune", "--keep", "1"),
    ("runs", "rm", "r011"),
    ("runs", "check"),
    ("runs", "list"),
)


def test_each_command_answers_as_it_does_on_a_file(call: Call, new_url: NewUrl, tmp_path: Path) -> None:
    server, file = new_url(), f"sqlite:///{tmp_path / 'runs.db'}"
    for url in (server, file):
        with Store.open(url) as store:
            keep(store, [*scattered(20, 10, 5), 26.0, 26.5])
        assert call("baseline", "save", "main", *[f"r{number:03d}" for number in range(10)], "--store", url).exit_code == ExitCode.PASS
    for words in ASKED:
        one, other = call(*words, "--store", server), call(*words, "--store", file)
        assert one.exit_code == other.exit_code, words
        assert one.stdout == other.stdout, words
        assert type(one.exception) is type(other.exception), words


def test_a_run_goes_from_one_store_to_another_in_a_file(call: Call, new_url: NewUrl) -> None:
    elsewhere = new_url()
    with Store.open(elsewhere) as store:
        keep(store, [20.0])
    assert call("runs", "export", "r000", "-o", "run.tar.gz", "--store", elsewhere).exit_code == ExitCode.PASS
    assert call("runs", "import", "run.tar.gz").stdout.startswith("taken: r000")
    assert call("runs", "show", "r000", "--json").stdout == call("runs", "show", "r000", "--json", "--store", elsewhere).stdout
    assert "is there already" in str(call("runs", "import", "run.tar.gz").exception)


def test_a_run_is_kept_with_its_seconds_and_enters_a_baseline(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.run.execute", made_up(3))
    done = call("hit", "http://127.0.0.1:9/", "--update-baseline", "main", "--keep-seconds")
    assert "and is in the baseline main" in done.stderr
    assert "main" in call("baseline", "list").output
    assert "3 seconds of 1 runs forgotten" in call("runs", "prune", "--keep", "0", "--seconds").output


def test_a_server_that_goes_in_mid_run_costs_neither_verdict_nor_result(
    call: Call, postgres: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("loadstone.store.recording.WAIT_AT_END_S", 0.1)
    monkeypatch.setattr("loadstone.run.execute", made_up(3, lambda seq: postgres.stop() if seq == 1 else None))
    done = call("hit", "http://127.0.0.1:9/", "--keep-seconds")
    assert (done.exit_code, done.exception) == (ExitCode.PASS, None)
    assert "PASS" in done.stdout
    assert "the run is not kept" in done.stderr
    (file,) = (tmp_path / ".loadstone" / "unkept").iterdir()
    assert f"loadstone runs import {file}" in done.stderr
    postgres.start()
    assert "unfinished" in call("runs", "list").stdout
    assert call("runs", "import", str(file)).exit_code == 0
    (row,) = json.loads(call("runs", "list", "--json").stdout)
    assert row["verdict"] == "pass"


def test_a_store_that_cannot_be_had_is_refused_before_the_run(call: Call, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.run.execute", lambda *_: pytest.fail("the run began"))
    refused = call("hit", "http://127.0.0.1:9/", "--store", postgres.url(port=1)).exception
    assert isinstance(refused, StoreError)
    assert refused.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("password", ["s3cret", "s3@cret", "s3:cret", "s3%40cret"])
def test_the_command_line_of_a_run_is_recorded_without_the_password(password: str) -> None:
    assert masked(f"--store=postgresql://u:{password}@h:5432/db?schema=x") == "--store=postgresql://***@h:5432/db?schema=x"
