"""`probes:` of a plan."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loadstone.errors import PlanError
from loadstone.plan.model import Plan
from loadstone.plan.probe import ProbePlan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

URL = "http://127.0.0.1:8000/metrics"
BODY = "target: http://127.0.0.1:8000\nscenarios: {a: {profile: {rate: 1/s, duration: 5s}, steps: [{get: /}]}}\n"


def plan_of(tmp_path: Path, text: str, **overrides: Any) -> Plan:
    file = tmp_path / "suite.yaml"
    file.write_text(BODY + text)
    return load([str(file)], Overrides(**overrides))[0]


@pytest.mark.parametrize("written", [URL, {"prometheus": URL}, {"kind": "prometheus", "watches": URL}])
def test_a_probe_has_short_forms(written: object) -> None:
    assert ProbePlan.model_validate(written) == ProbePlan(kind="prometheus", watches=URL)


def test_settings_stand_beside_the_kind(tmp_path: Path) -> None:
    (probe,) = plan_of(tmp_path, f"probes: [{{prometheus: {URL}, every: 5s, metrics: [up]}}]").probes
    assert (probe.kind, probe.watches, probe.every_s, probe.settings) == ("prometheus", URL, 5.0, {"metrics": ["up"]})


def test_flags_and_the_environment_add_probes_to_those_of_the_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, f"probes: [{URL}]", flags={"probe": ("http://h:1", "h:2")}, environment={"LOADSTONE_PROBE": "h:3,h:4"})
    assert [probe.watches for probe in plan.probes] == [URL, "h:3", "h:4", "http://h:1", "h:2"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("probes: [{prometeus: http://h}]", "names no kind of probe. Try: prometheus"),
        ("probes: [{prometheus: 'ftp://h'}]", "suite.yaml:3 probes.0.*not an http or https URL"),
        ("probes: [{prometheus: http://h, every: 1ms}]", "must be 0.1 s or more"),
        ("probes: [{prometheus: http://h, metrisc: [up]}]", "unknown setting 'metrisc'.*Try: one of headers, metrics"),
        ("probes: [5]", "probes.0"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(PlanError, match=what):
        plan_of(tmp_path, text)


def test_probes_stay_with_the_parent_and_secrets_are_masked() -> None:
    probe = {"prometheus": URL, "headers": {"Authorization": "Bearer abc"}}
    scenario = {"profile": {"rate": 1, "duration": 1}, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": "http://h", "scenarios": {"a": scenario}, "probes": [probe]})
    assert "probes" not in plan.wire()
    assert Plan.from_wire(plan.wire()).probes == ()
    assert "abc" not in plan.model_dump_json()
    assert plan.probes[0].settings["headers"]["Authorization"] == "Bearer abc"


def test_a_secret_from_the_environment_is_not_filled_in_when_the_plan_is_read(tmp_path: Path) -> None:
    (probe,) = plan_of(tmp_path, "probes: [{prometheus: /metrics, headers: {Authorization: 'Bearer ${env:NOT_SET}'}}]").probes
    assert probe.settings["headers"] == {"Authorization": "Bearer ${env:NOT_SET}"}


def test_each_setting_of_a_probe_is_shown_as_it_was_written_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(f"{BODY}probes:\n  - prometheus: {URL}\n    metrics: [up]\n")
    shown = {each.name: (each.value, each.origin) for each in load([str(file)], Overrides(flags={"probe": ("h:1",)}))[1]}
    assert shown["probes.0.prometheus"] == (URL, f"file {file}:4")
    assert shown["probes.0.metrics"] == (["up"], f"file {file}:5")
    assert shown["probes.0.every"] == (1.0, "default")
    assert shown["probes.1.prometheus"] == ("h:1", "flag --probe")


def test_something_else_is_no_probe() -> None:
    with pytest.raises(ValidationError):
        ProbePlan.model_validate(5)
