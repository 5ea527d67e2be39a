"""Flags that suites bring to run, check and config show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadstone.cli.suite_options import suites_in
from loadstone.errors import PlanError, UsageError
from loadstone.suites.chat import suite as chat_suite
from tests.cli.calls import call, output


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AI_BACKEND_URL", "MAX_CONCURRENT_USERS", "TEST_DURATION_MINUTES", "MAX_WEBSOCKET_CONNECTIONS", "LOADSTONE_USERS"):
        monkeypatch.delenv(name, raising=False)


def shown(*arguments: str) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in output("config show", *arguments).splitlines())
    return {line[0]: " ".join(line[1].split()) for line in lines}


def test_help_of_a_suite_shows_its_options_beside_the_general_ones() -> None:
    text = output("run", "chat", "--help")
    assert "Options of chat:" in text
    for option in chat_suite.OPTIONS:
        assert f"--{option.name}" in text
        assert option.env in text
    assert "--preset quick|ci|full" in text
    assert "--out DIR" in text
    assert "Options of" not in output("run", "--help")


def test_every_flag_and_variable_of_the_catalogue_is_there() -> None:
    flags = "all load-test websocket-test memory-test concurrent-users users duration connections url"
    variables = (
        "AI_BACKEND_URL WEBSOCKET_URL MAX_CONCURRENT_USERS TEST_DURATION_MINUTES MAX_WEBSOCKET_CONNECTIONS MONITORING_INTERVAL "
        "MEMORY_LEAK_THRESHOLD_MB"
    )
    assert set(flags.split()) <= {option.name for option in chat_suite.OPTIONS}
    assert set(variables.split()) == {option.env for option in chat_suite.OPTIONS if option.env}


@pytest.mark.parametrize(
    ("name", "value", "setting", "shown_as"),
    [
        ("AI_BACKEND_URL", "http://h:1", "target", "http://h:1 "),
        ("WEBSOCKET_URL", "ws://h:2", "options.websocket_url", "ws://h:2 "),
        ("MAX_CONCURRENT_USERS", "7", "options.users", "7 "),
        ("TEST_DURATION_MINUTES", "2", "options.duration", "120s "),
        ("MAX_WEBSOCKET_CONNECTIONS", "9", "options.connections", "9 "),
        ("MONITORING_INTERVAL", "2s", "options.monitoring_interval", "2s "),
        ("MEMORY_LEAK_THRESHOLD_MB", "80", "options.memory_leak_threshold", "80"),
    ],
)
def test_every_variable_of_the_catalogue_sets_what_it_names(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, setting: str, shown_as: str
) -> None:
    monkeypatch.setenv(name, value)
    assert shown("chat")[setting].startswith(shown_as)


def test_without_flags_chat_has_the_defaults_of_the_catalogue() -> None:
    found = shown("chat")
    values = {name: found[f"options.{name}"].split()[0] for name in ("users", "duration", "connections")}
    assert values == {"users": "25", "duration": "180s", "connections": "100"}


@pytest.mark.parametrize("flag", ["--verbose", "-v"])
def test_verbose_stands_after_the_suite_too(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    from loadstone.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["check", "chat", flag])
    assert ended.value.code == 0
    assert "The plan is valid" in capsys.readouterr().out


def test_a_mistyped_option_names_the_nearest_and_is_wrong_usage() -> None:
    result = call("run", "chat", "--connection", "5")
    assert result.exit_code == 2
    assert "--connections" in result.output


def test_a_mistyped_suite_is_told_before_the_flags_that_it_would_have() -> None:
    result = call("run", "chatt", "--preset", "quick")
    assert isinstance(result.exception, PlanError)
    assert "unknown suite 'chatt'" in str(result.exception)
    assert "chat" in result.exception.mistakes[0].hint


def test_values_come_from_preset_environment_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_CONCURRENT_USERS", "9")
    monkeypatch.setenv("TEST_DURATION_MINUTES", "2")
    found = shown("chat", "--preset", "full", "--connections", "7", "--duration", "90s")
    assert found["options.users"] == "9 environment MAX_CONCURRENT_USERS"
    assert found["options.duration"] == "90s flag --duration"
    assert found["options.connections"] == "7 flag --connections"
    assert found["options.preset"] == "full flag --preset"
    assert shown("chat", "--preset", "full")["options.duration"] == "120s environment TEST_DURATION_MINUTES"


def test_a_url_without_a_value_is_the_usual_local_one_and_without_the_flag_the_reference_backend() -> None:
    assert shown("chat")["embedded"].startswith("true")
    found = shown("chat", "--url", "--users", "3")
    assert found["target"].startswith("http://localhost:8000")
    assert found["embedded"].startswith("false")
    assert shown("chat", "--url", "http://h:1")["target"].startswith("http://h:1 ")


def test_embedded_stands_above_a_file_that_names_a_target_but_not_above_a_flag() -> None:
    Path("plan.yaml").write_text("target: http://h\nscenarios: {a: {profile: {users: 1, duration: 1s}, steps: [{get: /}]}}\n")
    assert "against the reference backend, started for the run" in output("check", "plan.yaml", "--embedded")
    assert "against http://other" in output("check", "plan.yaml", "--embedded", "--target", "http://other")


def test_an_embedded_plan_may_name_paths_without_a_target() -> None:
    Path("plan.yaml").write_text("embedded: true\nscenarios: {a: {profile: {users: 1, duration: 1s}, steps: [{get: /health}]}}\n")
    assert "The plan is valid" in output("check", "plan.yaml")


@pytest.mark.parametrize("preset", ["quick", "ci", "full"])
@pytest.mark.parametrize("suite", ["chat", "llm", "workflow"])
def test_every_preset_of_every_suite_is_a_valid_plan(suite: str, preset: str) -> None:
    assert "The plan is valid" in output("check", suite, "--preset", preset)


def test_the_demo_is_a_valid_plan_of_less_than_twenty_seconds() -> None:
    from loadstone.plan.resolve import load

    plan, _ = load(["demo"])
    assert plan.embedded
    assert max(scenario.start_s + scenario.profile.duration_s for scenario in plan.scenarios if scenario.name != "callers") <= 15
    assert all(gate.requirement for gate in plan.gates)


def test_levels_that_are_no_numbers_are_told_with_an_example() -> None:
    result = call("check", "workflow", "--levels", "10,x")
    assert isinstance(result.exception, PlanError)
    assert "10,100,1000" in str(result.exception)


@pytest.mark.parametrize("suite", ["chat", "llm", "workflow", "demo"])
def test_a_copy_of_a_suite_takes_the_same_options(suite: str) -> None:
    said = output("init", "--from", suite)
    assert f"loadstone run {suite}.py" in said
    assert "The plan is valid" in output("check", f"{suite}.py")
    ours, copied = ({name for name in shown(each) if name.startswith("options.")} for each in (suite, f"{suite}.py"))
    assert ours == copied
    assert isinstance(call("init", "--from", suite).exception, UsageError)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["chat"], ["chat"]),
        (["--seed", "chat", "x.yaml"], []),
        (["--users", "5", "chat", "workflow"], ["chat", "workflow"]),
        (["missing.py", "broken.py", "plain.py"], []),
    ],
)
def test_suites_are_found_among_the_words_of_a_command_line(words: list[str], found: list[str]) -> None:
    Path("broken.py").write_text("OPTIONS = 1 / 0\n")
    Path("plain.py").write_text("raise AssertionError('a file without options is not imported early')\n")
    declared: list[Any] = list(suites_in(words, {"--seed", "--users"}))
    assert [name for name, _ in declared] == found


@pytest.mark.parametrize(("words", "parts"), [("memory", {"memory"}), ("users,memory", {"users", "memory"}), ("websockets", {"sockets"})])
def test_only_names_the_parts_of_chat(words: str, parts: set[str]) -> None:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    plan, _ = load(["chat"], Overrides({"only": words}))
    gates = {gate.gate for gate in plan.gates}
    scenarios = {scenario.name for scenario in plan.scenarios}
    assert ("leak(target.memory) = none" in gates) == ("memory" in parts)
    assert bool(plan.settle_s) == any(probe.kind == "inside" for probe in plan.probes) == ("memory" in parts)
    assert ("sockets" in scenarios) == ("sockets" in parts)
    assert ("visitors" in scenarios) == ("users" not in parts)


def test_a_part_that_chat_does_not_have_is_told_with_those_that_it_has() -> None:
    result = call("check", "chat", "--only", "memorry")
    assert result.exit_code == 2 or isinstance(result.exception, (PlanError, UsageError))
    assert "users,visitors,websockets,memory" in str(getattr(result.exception, "hint", "")) + str(result.exception) + result.output


@pytest.mark.parametrize(
    ("given", "levels", "endpoints"),
    [
        ({}, True, True),
        ({"only": "load"}, True, False),
        ({"only": "throughput"}, False, True),
        ({"only": "throughput, load"}, True, True),
        ({"load": "true"}, True, False),
        ({"preset": "soak"}, False, False),
        ({"only": "spike"}, False, False),
        ({"only": "spike,load"}, True, False),
    ],
)
def test_only_names_the_parts_of_workflow(given: dict[str, str], levels: bool, endpoints: bool) -> None:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    plan, _ = load(["workflow"], Overrides(given))
    names = [scenario.name for scenario in plan.scenarios]
    assert (any(name.endswith(" users") for name in names), "health" in names) == (levels, endpoints)


def test_the_process_of_a_url_on_this_machine_is_found_by_its_port() -> None:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    kinds = {
        url: [probe.kind for probe in load(["chat"], Overrides({"only": "memory", "url": url, "inside": inside}))[0].probes]
        for url, inside in (("http://localhost:8000", False), ("http://127.0.0.1:81", True), ("http://elsewhere:8000", False))
    }
    assert list(kinds.values()) == [["process"], ["process", "inside"], []]


@pytest.mark.parametrize("words", [["chat", "--url", "http://h:1"], ["chat", "--sweep", "users=1,2"]])
def test_faults_are_for_the_reference_backend_alone(words: list[str]) -> None:
    result = call("run", *words, "--fault", "leak=10kB")
    assert isinstance(result.exception, UsageError)
    assert "--fault" in str(result.exception.where)
