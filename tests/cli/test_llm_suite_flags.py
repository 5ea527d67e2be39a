"""The llm suite's flags, variables and file of targets and gates; `loadstone load`; `loadstone config write`."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from loadstone.errors import PlanError, UsageError
from loadstone.suites.llm import suite as llm_suite
from tests.cli.calls import call, output

TARGETS = (
    "api_response_p95_ms",
    "llm_provider_p95_ms",
    "transformation_p95_ms",
    "concurrent_requests_per_second",
    "memory_optimization_percent",
    "cache_hit_ratio_percent",
)
GATES = (
    "max_response_time_ms",
    "min_throughput_rps",
    "max_memory_mb",
    "min_cache_hit_ratio",
    "max_error_rate",
    "max_regression_percent",
)
VARIABLES = (
    "PERF_API_RESPONSE_TARGET",
    "PERF_LLM_RESPONSE_TARGET",
    "PERF_TRANSFORMATION_TARGET",
    "PERF_THROUGHPUT_TARGET",
    "PERF_MEMORY_TARGET",
    "PERF_CACHE_TARGET",
    "PERF_TEST_DURATION",
    "PERF_CONCURRENT_USERS",
    "PERF_REQUEST_RATE",
    "PERF_FAIL_ON_REGRESSION",
    "PERF_SKIP_SLOW_TESTS",
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def shown(*arguments: str) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in output("config show", "llm", *arguments).splitlines())
    return {line[0].removeprefix("options."): " ".join(line[1].split()) for line in lines if line[0].startswith("options.")}


def gates(*arguments: str) -> list[str]:
    _, _, text = output("check", "llm", *arguments).partition("\ngates\n")
    return [line.strip() for line in text.partition("\n\n")[0].splitlines()]


def file_with(**sections: object) -> str:
    Path("performance.json").write_text(json.dumps(sections, indent=1))
    return "performance.json"


def test_every_variable_and_key_of_the_catalogue_belongs_to_an_option() -> None:
    assert {option.env for option in llm_suite.OPTIONS if option.env} == set(VARIABLES)
    places = [f"performance_targets.{key}" for key in TARGETS] + [f"performance_gates.{key}" for key in GATES]
    assert [option.place for option in llm_suite.OPTIONS if option.place] == places


def test_the_file_stands_between_preset_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    name = file_with(
        performance_targets={"api_response_p95_ms": 300, "llm_provider_p95_ms": 900}, performance_gates={"max_error_rate": 0.02}
    )
    monkeypatch.setenv("PERF_LLM_RESPONSE_TARGET", "700")
    found = shown("--config", name, "--max-error-rate", "3%")
    assert found["api_response_target"].startswith("0.3s file performance.json:3 ")
    assert found["llm_response_target"] == "0.7s environment PERF_LLM_RESPONSE_TARGET"
    assert found["max_error_rate"] == "0.03 flag --max-error-rate"
    assert found["transformation_target"] == "1s default"


def test_values_of_the_file_are_the_limits_of_the_gates() -> None:
    name = file_with(
        performance_targets={"cache_hit_ratio_percent": 90, "memory_optimization_percent": 40, "concurrent_requests_per_second": 200},
        performance_gates={"max_memory_mb": 64, "max_regression_percent": 12, "min_throughput_rps": 20},
    )
    found = gates("--config", name)
    for text in (
        "rate(cache.hits{phase=steady}) > 90%",
        "max(service.memory) < 64MB   (memory)",
        "throughput(http.requests{scenario=api}) >= 20/s   (throughput)",
    ):
        assert any(line.startswith(text) for line in found), (text, found)
    assert any("(regression_check)" in line for line in found)
    assert any("(memory saving" in line for line in found)
    assert any(">= 200/s over" in line for line in found)


def test_every_mistake_of_a_file_and_a_flag_is_told_at_once_with_the_nearest_name() -> None:
    name = file_with(
        performance_targts={},
        performance_targets={"api_respons_p95_ms": 5, "llm_provider_p95_ms": "soon", "cache_hit_ratio_percent": 0.85},
        performance_gates={"max_error_rate": 5, "max_memory_mb": True},
    )
    result = call("check", "llm", "--config", name, "--users", "many")
    assert isinstance(result.exception, PlanError)
    told = [str(mistake) for mistake in result.exception.mistakes]
    assert [text for text in told if "performance_targts" in text and "Try: performance_targets" in text]
    assert [text for text in told if "performance.json:4: unknown key 'api_respons_p95_ms'. Try: api_response_p95_ms" in text]
    for part in (
        "llm_provider_p95_ms = 'soon'",
        "Try: 85",
        "max_error_rate = '5'",
        "max_memory_mb: must be one number",
        "--users = 'many'",
    ):
        assert [text for text in told if part in text], (part, told)


def test_a_file_that_is_not_there_or_no_mapping_is_told_without_a_traceback() -> None:
    Path("list.json").write_text("[1]")
    for name in ("none.json", "list.json"):
        result = call("check", "llm", "--config", name)
        assert isinstance(result.exception, PlanError)
        assert name in str(result.exception)


@pytest.mark.parametrize("name", ["performance.json", "performance.yaml"])
def test_a_written_file_says_what_holds_without_it(name: str) -> None:
    output("config write", "llm", "--output", name)
    written = yaml.safe_load(Path(name).read_text())
    assert list(written["performance_targets"]) == list(TARGETS)
    assert list(written["performance_gates"]) == list(GATES)
    assert gates("--config", name) == gates()
    assert isinstance(call("config write", "llm", "--output", name).exception, UsageError)


def test_config_write_without_a_suite_goes_by_the_ending_of_the_file() -> None:
    assert "loadstone run llm --config performance.json" in output("config write", "--output", "performance.json")
    output("config write", "--output", "plan.yaml")
    assert "The plan is valid" in output("check", "plan.yaml")
    assert "takes no file" in str(call("config write", "demo", "--output", "demo.json").exception)


def test_load_runs_only_the_load_and_refuses_suites_that_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, object]] = []
    load = import_module("loadstone.cli.load")
    monkeypatch.setattr(load.run, "callback", lambda **flags: given.append(flags))
    output("load", "llm", "--scenario", "llm", "--users", "3")
    assert given[0]["load"] == "true"
    assert (given[0]["scenario"], given[0]["users"]) == ("llm", "3")
    assert "chat has no load" in str(call("load", "chat").exception)


@pytest.mark.parametrize(
    ("arguments", "scenarios"),
    [
        (["--load"], ["llm", "api", "memory"]),
        (["--load", "--scenario", "llm"], ["llm", "memory"]),
        (["--parts", "flow,transform"], ["memory of transform", "transform", "parallel", "flow", "memory"]),
        (["--only", "flow,transform"], ["memory of transform", "transform", "parallel", "flow", "memory"]),
        (["--only", "flow", "--parts", "cache"], ["flow", "memory"]),
        (["--parts", "cache", "--skip-slow-tests"], ["prepare", "first", "cache", "pairs", "memory"]),
        (["--url", "--model", "m", "--parts", "llm,cache"], ["llm", "first", "cache", "pairs", "pressure", "after pressure"]),
    ],
)
def test_only_the_chosen_parts_are_run(arguments: list[str], scenarios: list[str]) -> None:
    lines = output("check", "llm", *arguments).splitlines()
    assert [line.removeprefix("scenario ").partition(":")[0] for line in lines if line.startswith("scenario ")] == scenarios


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "api"], "loadstone load llm --scenario api"),
        (["--url", "http://h"], "--model NAME"),
        (["--parts", "llm,cahce"], "unknown part 'cahce'"),
        (["--only", "llm,cahce"], "unknown part 'cahce'"),
    ],
)
def test_choices_that_do_not_fit_say_what_does(arguments: list[str], said: str) -> None:
    assert said in str(call("check", "llm", *arguments).exception)


OTHER = ("--url", "http://127.0.0.1:1", "--model", "other")
KINDS = {"duration": "9s", "rate": "9/s", "millis": "900", "percent": "9", "share": "0.09", "number": "9", None: "9"}


def told_by(option: object) -> str:
    """A value that the option takes and does not have."""
    kind, default = getattr(option, "kind", None), getattr(option, "default", None)
    return "true" if isinstance(default, bool) else KINDS.get(kind, "9")


@pytest.mark.parametrize("option", [each for each in llm_suite.OPTIONS if each.env], ids=lambda each: each.env)
def test_each_variable_sets_its_option_for_another_service_as_well(option: object, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, name = option.env, option.name.replace("-", "_")  # type: ignore[attr-defined]
    before = shown(*OTHER)[name]
    monkeypatch.setenv(variable, told_by(option))
    after = shown(*OTHER)[name]
    assert after.endswith(f"environment {variable}")
    assert after.split()[0] != before.split()[0]
    assert gates(*OTHER)


@pytest.mark.parametrize("option", [each for each in llm_suite.OPTIONS if each.place], ids=lambda each: each.place)
def test_each_key_of_the_file_sets_its_option_for_another_service_as_well(option: object) -> None:
    section, _, key = option.place.partition(".")  # type: ignore[attr-defined]
    before = shown(*OTHER)[option.name.replace("-", "_")]  # type: ignore[attr-defined]
    file = file_with(**{section: {key: float(told_by(option).removesuffix("/s"))}})
    after = shown(*OTHER, "--config", file)[option.name.replace("-", "_")]  # type: ignore[attr-defined]
    assert f"file {file}:" in after
    assert after.split()[0] != before.split()[0]


def test_slow_tests_that_are_skipped_leave_short_parts() -> None:
    text = output("check", "llm", "--preset", "full", "--skip-slow-tests")
    assert "scenario flow: constant-users, for 5 s" in text


def test_a_service_that_tells_no_memory_has_no_memory_gate_unless_it_is_asked_for() -> None:
    other = ["--url", "http://h", "--model", "m"]
    assert not [line for line in gates(*other) if "service.memory" in line]
    assert [line for line in gates(*other, "--max-memory", "100") if "service.memory" in line]
