"""check, config, init and plugins as a user calls them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadstone.errors import PlanError, PluginError, UsageError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(name: str, *arguments: str) -> Result:
    return CliRunner().invoke(import_module(f"loadstone.cli.{name}").command, arguments)


def output(name: str, *arguments: str) -> str:
    result = call(name, *arguments)
    assert result.exception is None, result.exception
    return result.output


@pytest.mark.parametrize("flags", [(), ("--python",)])
def test_a_new_suite_is_a_valid_plan_and_is_not_overwritten(flags: tuple[str, ...]) -> None:
    file = "suite.py" if flags else "suite.yaml"
    assert f"wrote {file}" in output("init", *flags)
    said = output("check", file)
    assert "The plan is valid; nothing was sent." in said
    assert isinstance(call("init", *flags).exception, UsageError)
    Path(file).write_text("changed")
    output("init", *flags, "--force")
    assert Path(file).read_text() != "changed"


def test_check_prints_arrivals_stages_users_and_gates() -> None:
    Path("suite.yaml").write_text("""\
target: http://h
scenarios:
  open:
    profile: {kind: stages, stages: [{duration: 10s, rate: 10/s}, {duration: 10s, rate: 10/s}]}
    steps: [{get: /a}, {get: /b}]
  closed:
    profile: {kind: ramping-users, to_users: 20, duration: 10s, hold: 5s}
    steps: [{get: /a}]
gates: [rate(http.errors) < 1%]
""")
    said = output("check", "suite.yaml")
    assert "arrivals  150, peak rate 10/s" in said
    assert "10 s to 20 s: 10/s to 10/s, 100 arrivals" in said
    assert "at most 20 at one time" in said
    assert "GET /a, GET /b" in said
    assert "rate(http.errors) < 1%" in said
    assert "at most 7 at one time" in output("check", "suite.yaml", "--users", "7")


def test_check_of_a_wrong_plan_raises_every_mistake() -> None:
    Path("suite.yaml").write_text("scenarios: {a: {profile: {users: 0}, stepz: 1}}\n")
    error = call("check", "suite.yaml").exception
    assert isinstance(error, PlanError)
    assert len(error.mistakes) == 3


def test_config_show_names_each_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    output("init")
    monkeypatch.setenv("LOADSTONE_SEED", "9")
    lines = {line.split()[0]: line for line in output("config", "show", "suite.yaml", "--workers", "2").splitlines()}
    assert lines["seed"].endswith("environment LOADSTONE_SEED")
    assert lines["workers"].endswith("flag --workers")
    assert "file suite.yaml:" in lines["target"]
    assert lines["patience"].endswith("default")
    shown = json.loads(output("config", "show", "suite.yaml", "--json"))
    assert {"name": "seed", "value": 9, "origin": "environment LOADSTONE_SEED"} in shown


def test_config_schema_is_json() -> None:
    assert json.loads(output("config", "schema"))["properties"]["scenarios"]


def test_config_write_writes_a_plan_that_can_be_checked() -> None:
    output("config", "write", "--output", "performance.yaml")
    assert "performance (performance.yaml)" in output("check", "performance.yaml")
    assert isinstance(call("config", "write", "--output", "performance.yaml").exception, UsageError)
    assert isinstance(call("config", "write", "--output", "no/such/folder.yaml").exception, UsageError)


def test_plugins_lists_what_can_be_chosen() -> None:
    assert "poisson-rate" in output("plugins")
    assert "poisson-rate" in output("plugins", "--kind", "profile")
    assert isinstance(call("plugins", "--kind", "nonsense").exception, PluginError)


def test_check_knows_the_metrics_that_gates_may_name() -> None:
    output("init")
    Path("suite.yaml").write_text(Path("suite.yaml").read_text() + "  - p95(http.reponse_time) < 2s\n  - p95(http.response_time) < 2%\n")
    error = call("check", "suite.yaml").exception
    assert isinstance(error, PlanError)
    assert len(error.mistakes) == 2
