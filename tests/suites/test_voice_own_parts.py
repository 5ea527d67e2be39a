"""The voice suite with parts of the user's own: sessions, tools over HTTP, coverage of a package, turns and hesitant callers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.voice import covered, live
from loadstone.suites.voice.own_sessions import opened
from loadstone.suites.voice.tool_registry import named

PACKAGE = """
class Detector:
    def __init__(self, rate_hz):
        self.rate_hz = rate_hz

    def __call__(self, frame):
        return max(frame) > 200


def tools():
    return {"one": lambda: 1}


def never():
    return 3
"""


def planned(**flags: Any) -> Plan:
    return load(["voice"], Overrides({name: str(value) for name, value in flags.items()}, (), (), {}))[0]


def test_a_file_of_sqlite_keeps_and_forgets_sessions_beside_what_it_has(tmp_path: Path) -> None:
    store = opened(f"sqlite:{tmp_path / 'mine.db'}")
    one, other = store.create("caller 1"), store.create("caller 2")
    store.insert(one, "hello")
    store.insert(one, "again")
    assert (len(store.query(one)), len(store.query(other))) == (2, 0)
    store.delete(one)
    assert len(opened(f"sqlite:{tmp_path / 'mine.db'}").query(one)) == 0


@pytest.mark.parametrize(
    ("where", "message"), [("sqlite:", "no file"), ("sqlite:/nowhere/at/all.db", "no file"), ("builtins:dict", "without create")]
)
def test_a_store_that_cannot_keep_sessions_is_refused_before_there_is_load(where: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned(only="sessions", sessions=where)


def test_sessions_in_process_are_judged_by_their_calls_and_start_no_backend(tmp_path: Path) -> None:
    plan = planned(only="sessions", sessions=f"sqlite:{tmp_path / 'mine.db'}")
    assert not plan.embedded
    assert all(line.gate.partition("(")[2].startswith(("call.", "load.", "check.")) for line in plan.gates)


def test_tools_behind_a_url_are_judged_by_their_exchanges() -> None:
    plan = planned(only="tools", tools="http://backend.example/tools")
    assert [line.gate for line in plan.gates][-1] == "rate(http.errors) <= 0%"
    assert not plan.embedded


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (["b", "a"], ["a", "b"]),
        ({"tools": [{"name": "add", "description": "adds"}]}, ["add"]),
        ({"add": {}, "sub": {}}, ["add", "sub"]),
        ({"tools": 3}, []),
        ("add", []),
        ([{"title": "add"}, 4, ""], []),
    ],
)
def test_a_registry_may_name_its_tools_in_several_ways(answer: Any, names: list[str]) -> None:
    assert named(answer) == names


def test_coverage_of_a_package_counts_what_its_parts_reach_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("coverage")
    (tmp_path / "ownvoice.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    both = {
        "package": "ownvoice",
        "folder": "html",
        "rate_hz": 16_000,
        "chosen": [("vad", "ownvoice:Detector"), ("tools", "ownvoice:tools")],
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", covered.__name__, json.dumps(both)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 80 < float(done.stdout) < 100  # `never` is not called
    assert "Detector" in (tmp_path / "html" / "ownvoice_py.html").read_text()


def test_coverage_without_its_package_is_a_mistake_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="needs the package coverage"):
        planned(only="tools", coverage="mine")


def test_coverage_comes_after_everything_that_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covered, "check", lambda: None)
    plan = planned(only="tools,measuring", coverage="mine")
    assert [each.name for each in plan.scenarios][-1] == "coverage"


@pytest.mark.parametrize("absent", [[], ["pocketsphinx (recognition)"]])
def test_hesitant_callers_pause_at_each_setting_of_the_reference_agents(monkeypatch: pytest.MonkeyPatch, absent: list[str]) -> None:
    monkeypatch.setattr("loadstone.reference.voice.parts.missing", lambda: absent)
    (callers,) = planned(only="hesitation", calls=3).scenarios
    assert callers.profile.model_dump()["users"] == 3
    said = [act.speak for step in callers.steps if step.voice is not None for act in step.voice.script if act.speak]
    assert said == [f"taxi_{pause}" for _ in live.ENDPOINTS_MS for pause in live.PAUSES_MS]
    assert len({step.voice.path for step in callers.steps if step.voice is not None}) == len(live.ENDPOINTS_MS)


def test_an_agent_of_the_users_own_hears_each_pause_at_its_one_setting() -> None:
    (callers,) = planned(only="hesitation", url="ws://agent.example/media").scenarios
    assert len(callers.steps) == len(live.PAUSES_MS)
