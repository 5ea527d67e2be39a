"""check, config, init and plugins as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadstone.errors import PlanError, PluginError, UsageError
from loadstone.plan.resolve import load
from tests.cli.calls import call, output


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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


def test_the_columns_of_plugins_stand_below_each_other() -> None:
    lines = output("plugins").splitlines()
    assert len({line.index(" loadstone ") for line in lines}) == 1


def test_check_knows_the_metrics_that_gates_may_name() -> None:
    output("init")
    Path("suite.yaml").write_text(Path("suite.yaml").read_text() + "  - p95(http.reponse_time) < 2s\n  - p95(http.response_time) < 2%\n")
    error = call("check", "suite.yaml").exception
    assert isinstance(error, PlanError)
    assert len(error.mistakes) == 2


def test_every_gate_and_band_that_fits_no_metric_is_told_with_its_line_and_the_nearest_name() -> None:
    Path("one.yaml").write_text("""\
target: http://h
scenarios: {a: {profile: {rate: 5/s, duration: 2s}, steps: [{get: /}]}}
gates:
  - p95(http.respons_time) < 1s
  - {gate: p95(http.errors) < 1%, name: errors}
  - recovery(http.respons_time) < 30s within 1.5x for 5s
  - kind: at-mots
bands:
  - {value: p95(http.respons_time), good: 10ms, issue: 20ms}
""")
    Path("two.yaml").write_text("gates: [p95(other.metric) < 1s]\n")
    error = call("check", "one.yaml", "two.yaml").exception
    assert isinstance(error, PlanError)
    told = str(error).splitlines()
    assert [line.partition(" = ")[0].partition(": ")[0] for line in told] == [
        "one.yaml:4 gates[0]",
        "one.yaml:5 gates[1].gate",
        "one.yaml:6 gates[2]",
        "one.yaml:7 gates[3].kind",
        "one.yaml:9 bands[0].value",
        "two.yaml:1 gates[4]",
    ]
    assert "did you mean 'http.response_time'?" in told[0]
    assert "http.errors is a count and has no 'p95'; it has count, sum" in told[1]
    assert "unknown gate 'at-mots'. Try: one of baseline, " in told[3]


def test_where_a_gate_was_written_is_no_part_of_what_it_says() -> None:
    scenario = "target: http://h\nscenarios: {a: {profile: {rate: 5/s, duration: 2s}, steps: [{get: /}]}}\n"
    plans = []
    for name, above in (("one.yaml", ""), ("two.yaml", "\n\n")):
        Path(name).write_text(f"{scenario}{above}gates: [count(http.requests) > 1]\n")
        plans.append(load([name])[0])
    one, two = plans
    assert one.gates[0].at.startswith("one.yaml:3 gates[0]")
    assert two.gates[0].at.startswith("two.yaml:5 gates[0]")
    assert one.gates == two.gates
    assert one.gates[0].spec() == two.gates[0].spec()
    assert type(one).model_validate(one.model_dump()).gates == one.gates
