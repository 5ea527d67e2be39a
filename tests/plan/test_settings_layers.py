"""File, environment and flags on top of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import PlanError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides, Setting, setting_places, variable
from loadstone.plan.websocket import Reconnect

FILE = """\
target: http://file
seed: 5
http:
  timeouts: {connect: 1s}
  headers: {Authorization: Bearer abc, X-Plain: yes it is}
  auth: {basic: "user:pass"}
scenarios:
  browse:
    profile: {rate: 5/s, duration: 30s}
    steps: [{get: /}]
  ask:
    profile: {kind: stages, stages: [{duration: 5s, users: 5}, {duration: 10s, users: 1}]}
    think: 1s..3s
    steps: [{get: /}]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(FILE)


def loaded(flags: dict[str, Any] | None = None, **others: Any) -> tuple[Plan, dict[str, Setting]]:
    plan, settings = load(["suite.yaml"], Overrides(flags or {}, **others))
    return plan, {setting.name: setting for setting in settings}


def test_each_layer_stands_above_the_one_before_and_is_named() -> None:
    environment = {"LOADSTONE_TARGET": "http://environment", "LOADSTONE_SEED": "6", "LOADSTONE_HTTP_TIMEOUTS_TOTAL": "9s"}
    plan, settings = loaded({"seed": "7", "workers": None}, environment=environment)
    assert (plan.target, plan.seed, plan.http.timeouts.total_s, plan.http.timeouts.connect_s) == ("http://environment", 7, 9, 1)
    assert settings["target"].origin == "environment LOADSTONE_TARGET"
    assert settings["seed"].origin == "flag --seed"
    assert settings["http.timeouts.total"].origin == "environment LOADSTONE_HTTP_TIMEOUTS_TOTAL"
    assert settings["http.timeouts.connect"].origin == "file suite.yaml:4"
    assert settings["http.timeouts.first_byte"].origin == "default"
    assert settings["scenarios.browse.profile.rate"].origin == "file suite.yaml:9"
    assert settings["scenarios.ask.think"] == Setting("scenarios.ask.think", "1s..3s", "file suite.yaml:13")
    assert settings["workers"].origin == "default"


@pytest.mark.parametrize(
    ("in_file", "in_environment", "asked"),
    [
        ("", "true", True),
        ("endpoints: [/a]\n", "/b, /c", ("/a", "/b", "/c")),
        ("endpoints: [/a]\n", "false", False),
        ("endpoints: true\n", "/b", ("/b",)),
    ],
)
def test_endpoints_are_yes_no_or_paths_which_add_up(in_file: str, in_environment: str, asked: object) -> None:
    Path("suite.yaml").write_text(in_file + FILE)
    assert loaded(environment={"LOADSTONE_ENDPOINTS": in_environment})[0].endpoints == asked


def test_secrets_do_not_show() -> None:
    _, settings = loaded()
    assert settings["http.headers.Authorization"].value == "**********"
    assert settings["http.headers.X-Plain"].value == "yes it is"
    assert "pass" not in str(settings["http.auth.basic"])


def test_a_rate_for_all_replaces_rates_and_turns_users_into_a_rate() -> None:
    plan, settings = loaded({"rate": "2/s"})
    browse, ask = (scenario.profile for scenario in plan.scenarios)
    assert (browse.kind, browse.model_dump()["rate"], browse.duration_s) == ("constant-rate", 2, 30)
    assert (ask.kind, ask.model_dump()["rate"], ask.duration_s) == ("constant-rate", 2, 15)
    assert settings["scenarios.ask.profile.rate"].origin == "flag --rate"


def test_users_and_duration_for_all() -> None:
    plan, _ = loaded({"users": "3", "duration": "1m"})
    assert [(each.profile.kind, each.profile.duration_s) for each in plan.scenarios] == [("constant-users", 60)] * 2


def test_a_duration_alone_is_ambiguous_for_a_ramp_that_holds() -> None:
    ramp = "{kind: ramping-users, from_users: 0, to_users: 5, duration: 10s, hold: 20s}"
    Path("ramp.yaml").write_text(f"target: http://file\nscenarios: {{main: {{profile: {ramp}, steps: [{{get: /}}]}}}}\n")
    with pytest.raises(PlanError, match="the length of a profile with a hold follows from its parts"):
        load(["ramp.yaml"], Overrides({"duration": "8s"}))


def test_a_duration_alone_is_ambiguous_for_stages() -> None:
    with pytest.raises(PlanError, match=r"flag --duration scenarios\.ask.profile: the length of a profile of kind stages follows"):
        loaded({"duration": "1m"})


def test_users_and_rate_together_are_refused_but_a_flag_beats_the_environment() -> None:
    with pytest.raises(PlanError, match="flag --users and flag --rate: a load is either users or a rate"):
        loaded({"users": 1, "rate": "1/s"})
    plan, _ = loaded({"rate": "1/s"}, environment={"LOADSTONE_USERS": "5"})
    assert {scenario.profile.kind for scenario in plan.scenarios} == {"constant-rate"}


def test_a_wrong_value_names_the_layer_that_it_came_from() -> None:
    with pytest.raises(PlanError) as caught:
        loaded(
            {"rate": "-1"}, sets=("scenarios.ask.warmup=3s", "scenarios.ask.steps.0.expect=99"), environment={"LOADSTONE_WORKERS": "many"}
        )
    told = str(caught.value)
    assert "flag --rate scenarios.browse.profile.rate = -1: must be more than 0 requests/s" in told
    assert "flag --set scenarios.ask.warmup scenarios.ask.warmup: unknown key. Try: warm_up" in told
    assert "scenarios.ask.steps[0].expect = 99: must be a status" in told
    assert "environment LOADSTONE_WORKERS workers = 'many': must be a whole number" in told


def test_any_place_can_be_set() -> None:
    sets = ("scenarios.browse.profile.rate=9/s", "scenarios.ask.steps.0.checks=[status == 200]", "http.verify=false", "patience=2s")
    plan, settings = loaded(sets=sets)
    assert plan.scenarios[0].profile.model_dump()["rate"] == 9
    assert plan.scenarios[1].steps[0].checks == ("status == 200",)
    assert (plan.http.verify, plan.patience_s) == (False, 2)
    assert settings["http.verify"].origin == "flag --set http.verify"


@pytest.mark.parametrize("text", ["seed", "=3", "a..b=1", "scenarios.ask.steps.7.get=/", "seed.x=1"])
def test_a_set_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(PlanError):
        loaded(sets=(text,))


def test_tags_come_from_all_layers() -> None:
    plan, settings = loaded(tags=("version=1.2", "by=me"), environment={"LOADSTONE_TAGS": "site=ci,version=1.1"})
    assert plan.tags == {"site": "ci", "version": "1.2", "by": "me"}
    assert settings["tags.site"].origin.startswith("environment LOADSTONE_TAGS")
    with pytest.raises(PlanError, match="'nonsense' is not a tag"):
        loaded(tags=("nonsense",))


def test_settings_of_the_run_are_handed_on() -> None:
    _, settings = loaded({"out": "results"}, environment={"LOADSTONE_QUIET": "true"})
    assert settings["out"] == Setting("out", "results", "flag --out")
    assert settings["quiet"] == Setting("quiet", True, "environment LOADSTONE_QUIET")


def test_a_misspelt_variable_is_told_and_a_foreign_one_is_not() -> None:
    with pytest.raises(PlanError, match=r"environment LOADSTONE_WORKRS: unknown setting\. Try: LOADSTONE_WORKERS"):
        loaded(environment={"LOADSTONE_WORKRS": "1"})
    loaded(environment={"LOADSTONE_HOME": "/x", "PATH": "/bin"})


def test_loading_twice_gives_the_same() -> None:
    assert loaded({"users": 3})[0] == loaded({"users": 3})[0]


def test_every_single_setting_has_a_variable() -> None:
    places = setting_places()
    assert places["http_timeouts_connect"] == ("http", "timeouts", "connect")
    assert {"target", "seed", "workers", "patience", "graceful_stop", "http_verify", "stop_error_share"} <= set(places)
    assert variable("http_verify") == "LOADSTONE_HTTP_VERIFY"


def test_a_policy_that_the_file_switches_on_can_have_its_parts_set() -> None:
    Path("suite.yaml").write_text(f"{FILE}websocket: {{reconnect: true}}\n")
    plan, settings = loaded(environment={"LOADSTONE_WEBSOCKET_RECONNECT_ATTEMPTS": "3"})
    assert plan.websocket.reconnect == Reconnect(attempts=3)
    assert settings["websocket.reconnect.attempts"].origin == "environment LOADSTONE_WEBSOCKET_RECONNECT_ATTEMPTS"


def test_a_switch_that_is_no_mapping_has_no_parts() -> None:
    with pytest.raises(PlanError, match=r"http\.verify"):
        loaded(sets=("http.verify=true", "http.verify.host=true"))


def test_too_few_workers_come_with_what_to_try() -> None:
    with pytest.raises(PlanError, match=r"flag --workers workers = 0: must be more than 0\. Try: workers: 2"):
        loaded({"workers": "0"})
