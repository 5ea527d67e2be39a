"""The workflow suite against a job server that is not ours: other paths, other fields, and jobs that are done later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import free_port, wait_until_it_listens
from loadstone.errors import ExitCode, UsageError
from loadstone.plan.compress import compressed
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
SERVICE = Path(__file__).with_name("job_service.py")
PATHS = ["--workflow-path", "/jobs", "--run-path", "/jobs/{id}", "--id-field", "job.uuid", "--done", "phase=Succeeded"]
ELSE = ["--health-path", "/up", "--api-path", "/catalogue"]
BODY = '{"input": {"message": "{text}"}}'
LINES = {
    "usual": ["--levels", "4", "--duration", "2s", "--throughput-duration", "2s", "--connections", "30", "--workflow-body", BODY],
    "failing": ["--load", "--levels", "2", "--duration", "2s", "--workflow-body", BODY.replace("{text}", "never {text}")],
    "spike": ["--spike", "--duration", "1s", "--workflow-body", BODY, "--instances", "json:URL/capacity#status.readyReplicas"],
    "stress": [
        "--only",
        "stress",
        "--without-pressure",
        "--duration",
        "2s",
        "--stress-rate",
        "64/s",
        "--stress-connections",
        "40",
        "--workflow-body",
        BODY,
    ],
    "soak": ["--soak", "--duration", "3s", "--soak-users", "3", "--workflow-body", BODY],
}
MONITOR = ["--every", "500ms", "--window", "5s", "--duration", "6s", "--quiet", "--no-default-alerts"]
ALERTS = [
    "slow: p95(http.response_time) critical > 1us",
    "held: max(target.memory) warning > 1MB",
    "bad: rate(http.errors) warning > 1%",
]
LIMIT_S = 120
FINE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    code: int
    document: dict[str, Any]

    def requirements(self) -> dict[str, str]:
        """Each requirement's status."""
        return {name: each["status"] for name, each in self.document["requirements"].items()}

    def gate(self, part: str) -> dict[str, Any]:
        """The one gate whose name or text has that part."""
        (found,) = [gate for gate in self.document["gates"] if part in gate["name"] or part in gate["gate"]]
        return dict(found)


@dataclass(frozen=True)
class Monitored:
    """A monitor that is over, and what it kept."""

    code: int
    alerts: list[dict[str, Any]]
    history: str


def monitored(url: str, pid: int, folder: Path) -> Monitored:
    store, alerts = folder / "monitor.sqlite", folder / "alerts.jsonl"
    flags = [*MONITOR, "--store", str(store), "--alert-file", str(alerts), *(word for rule in ALERTS for word in ("--alert", rule))]
    words = [*PROGRAM, "monitor", f"{url}/up", "--pid", str(pid), *flags]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert alerts.exists(), done.stderr
    words = [*PROGRAM, "monitor", "--history", "--store", str(store)]
    told = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # 1, as a rule is critical
    assert not told.stderr
    return Monitored(done.returncode, [json.loads(line) for line in alerts.read_text().splitlines()], told.stdout)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mapping[str, Ended], Monitored]]:
    folder, port = tmp_path_factory.mktemp("monitor"), free_port()
    url = f"http://127.0.0.1:{port}"

    def ended(name: str) -> Ended:
        words = ["run", "workflow", "--url", url, *PATHS, *ELSE, *(word.replace("URL", url) for word in LINES[name]), "--json"]
        environment = {**os.environ, "LOADSTONE_STORE": "none"}
        done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, env=environment, timeout=LIMIT_S, check=False)
        assert done.stdout, done.stderr
        return Ended(done.returncode, json.loads(done.stdout))

    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([sys.executable, str(SERVICE), str(port)], stdout=log, stderr=log) as service,
        ThreadPoolExecutor(len(LINES) + 1) as room,
    ):
        try:
            wait_until_it_listens(service, port, folder / "log", LIMIT_S)
            started = {name: room.submit(ended, name) for name in LINES}
            beside = room.submit(monitored, url, service.pid, folder)
            yield {name: run.result() for name, run in started.items()}, beside.result()
        finally:
            service.terminate()


@pytest.fixture(scope="module")
def runs(everything: tuple[Mapping[str, Ended], Monitored]) -> Mapping[str, Ended]:
    return everything[0]


def test_levels_throughput_connections_and_resources_of_somebody_elses_service_are_judged(runs: Mapping[str, Ended]) -> None:
    run = runs["usual"]
    assert set(run.requirements()) == {
        "load_level_4",
        "throughput_health",
        "throughput_api",
        "throughput_workflow",
        "throughput_connections",
        "resources",
    }
    assert run.gate("light load: more than 99% succeed")["status"] == "pass"
    assert run.gate("30 connections at once")["value"] == 30
    assert run.gate("memory")["value"] > 10  # MB: the process that listens at that port is found and read
    assert run.gate("CPU")["status"] != "no_data"


def test_a_job_that_goes_on_is_asked_for_until_it_is_done(runs: Mapping[str, Ended]) -> None:
    run = runs["usual"]
    steps = {(each["scenario"], each["step"]): each["metrics"]["http.requests"]["count"] for each in run.document["steps"]}
    assert steps[("4 users", "read run")] >= steps[("4 users", "run workflow")]
    assert run.document["metrics"]["workflow.duration"]["p50"] >= 0.02  # a job takes 30 ms; it is asked for 20 ms and 60 ms after its start
    assert run.document["metrics"]["workflow.unfinished"]["count"] == 0
    assert run.gate("workflows come to their end")["status"] == "pass"


def test_jobs_that_fail_are_seen_although_every_request_was_answered(runs: Mapping[str, Ended]) -> None:
    run = runs["failing"]
    assert run.code in {ExitCode.GATE_FAILED, ExitCode.UNTRUSTWORTHY}
    assert run.gate("workflows come to their end")["status"] == "fail"
    metrics = run.document["metrics"]
    assert metrics["workflow.unfinished"]["count"] == metrics["workflow.runs"]["count"] > 0
    assert run.document["load"]["errors"] == 0


def test_spikes_are_made_and_the_instances_of_that_service_are_read(runs: Mapping[str, Ended]) -> None:
    run = runs["spike"]
    assert run.requirements()["spike_errors"] == "pass"
    assert run.requirements()["spike_scaling"] in {"pass", "fail", "no_data"}
    assert run.document["metrics"]["target.instances"]["max"] >= 1
    assert {each["scenario"] for each in run.document["steps"]} == {"spikes 10x", "spikes 100x", "gradual 10x"}


def test_stress_finds_its_own_endpoints_there(runs: Mapping[str, Ended]) -> None:
    run = runs["stress"]
    assert run.requirements()["stress_pool"] == "pass"
    assert {"stress_breaking_point", "stress_connections", "stress_recovery"} <= set(run.requirements())
    steps = {each["scenario"]: each["metrics"] for each in run.document["steps"]}
    assert set(steps) == {"breaking point", "connections", "pool"}
    assert not [name for name, metrics in steps.items() if not metrics["http.requests"]["count"]]


def test_a_soak_of_seconds_serves_and_cannot_tell_of_leaks(runs: Mapping[str, Ended]) -> None:
    run = runs["soak"]
    assert run.requirements()["soak_service"] == "pass"
    assert run.requirements()["soak_leaks"] == "no_data"
    assert run.code in {ExitCode.INCONCLUSIVE, ExitCode.UNTRUSTWORTHY}


def test_somebody_elses_service_is_monitored_and_what_is_wrong_is_told_once(everything: tuple[Mapping[str, Ended], Monitored]) -> None:
    found = everything[1]
    assert found.code == ExitCode.GATE_FAILED  # a critical alert
    assert {(alert["rule"], alert["kind"], alert["level"]) for alert in found.alerts} == {
        ("slow", "raised", "critical"),
        ("held", "raised", "warning"),
    }
    assert "slow" in found.history
    assert "MB" in found.history  # the process's memory, in the hour that is kept


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"workflow_path": "jobs"}, "no path"),
        ({"run_path": "/jobs"}, r"no path with \{id\}"),
        ({"workflow_body": "{text}"}, "no JSON"),
        ({"done": "Succeeded"}, "not FIELD=VALUE"),
        ({"spike": "true", "instances": "http://host/status"}, "how they are counted"),
    ],
)
def test_a_system_that_cannot_be_meant_is_a_mistake(flags: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load(["workflow"], Overrides({"url": "http://127.0.0.1:1", **flags}))


@pytest.mark.parametrize(("preset", "hours"), [("soak", 1), ("soak-12h", 12), ("soak-24h", 24), ("soak-72h", 72)])
def test_a_soak_lasts_as_its_name_says_and_judges_leaks_drift_and_the_generator(preset: str, hours: int) -> None:
    plan, _ = load(["workflow"], Overrides({"preset": preset}))
    (scenario,) = plan.scenarios
    assert scenario.length_s == hours * 3600
    assert {line.requirement for line in plan.gates} >= {"soak_service", "soak_trends", "soak_leaks", "soak_generator", "resources"}


@pytest.mark.parametrize(("inside", "watched"), [("false", False), ("true", True)])
def test_a_soak_looks_inside_only_when_it_is_asked_to(inside: str, watched: bool) -> None:
    plan, _ = load(["workflow"], Overrides({"soak": "true", "inside": inside}))
    assert any(probe.kind == "inside" for probe in plan.probes) is watched
    assert any(line.gate == "leak(target.tasks) = none" for line in plan.gates) is watched


def test_a_soak_with_its_clock_sixty_times_as_fast_takes_a_minute_and_says_so() -> None:
    plan, _ = load(["workflow"], Overrides({"preset": "soak"}))
    plan = compressed(plan, 60)
    (scenario,) = plan.scenarios
    assert scenario.length_s == pytest.approx(60)
    assert scenario.length_s - scenario.warm_up_s >= 48  # the fewest readings that a verdict on a leak needs
    assert "compressed 60x" in plan.name


def test_pressure_and_resources_are_left_out_for_a_system_of_another_machine() -> None:
    plan, _ = load(["workflow"], Overrides({"url": "http://elsewhere:8000", "only": "stress,load"}))
    assert plan.pressure is None
    assert not plan.probes
    assert "resources" not in {line.requirement for line in plan.gates}
