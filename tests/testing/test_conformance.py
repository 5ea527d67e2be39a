"""The built-in plug-ins through the suites that other packages' authors use, and the suites against plug-ins that are wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadstone.judge.panel import Asked, Gate, Statement
from loadstone.judge.verdict import Status, Verdict
from loadstone.live.terminal import TerminalView
from loadstone.measure.catalogue import BUILT_IN as METRICS
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.sink import Sink, Watched
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.any_profile import read_profile
from loadstone.plan.gate_text import GateSpec, parse_gate
from loadstone.plugins import BUILT_IN, Plugins
from loadstone.report.told import Told
from loadstone.testing.conformance import (
    GateConformance,
    MetricConformance,
    ProfileConformance,
    ReportConformance,
    SinkConformance,
    odd_seconds,
)

PLUGINS = Plugins(points={})
PROFILES: dict[str, dict[str, Any]] = {
    "burst": {"size": 5, "every": "2s", "duration": "9s"},
    "constant-rate": {"rate": "7/s", "duration": "3s"},
    "constant-users": {"users": 3, "duration": "3s"},
    "gamma": {"rate": "7/s", "duration": "3s", "burstiness": 0.5},
    "per-user-iterations": {"iterations": 4, "users": 3},
    "poisson-rate": {"rate": "7/s", "duration": "3s"},
    "ramping-rate": {"from_rate": "1/s", "to_rate": "9/s", "duration": "3s", "hold": "1s"},
    "ramping-users": {"from_users": 1, "to_users": 9, "duration": "3s", "hold": "1s"},
    "shared-iterations": {"iterations": 4, "users": 3},
    "soak": {"users": 4, "duration": "20s", "ramp_up": "2s"},
    "spike": {"rate": "5/s", "peak": 4, "at": "1s", "for": "1s"},
    "trace": {"file": "trace.jsonl", "speed": 2, "repeat": 2},
    "stages": {"stages": [{"duration": "2s", "users": 3}, {"duration": "2s", "users": 0}]},
}


def checks(suite: type) -> list[str]:
    return [name for name in dir(suite) if name.startswith("test_")]


def run(suite: Any, name: str) -> None:
    getattr(suite, name)()


class AnySink(SinkConformance):
    def __init__(self, factory: Callable[[Watched], Sink]) -> None:
        self.factory = factory

    def make(self, watched: Watched) -> Sink:
        return self.factory(watched)


class AnyReport(ReportConformance):
    def __init__(self, factory: Callable[[Told], bytes]) -> None:
        self.factory = factory

    def render(self, told: Told) -> bytes:
        return self.factory(told)


class AnyProfile(ProfileConformance):
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def make(self) -> Any:
        return read_profile(self.settings)


class AnyGate(GateConformance):
    def __init__(self, factory: Callable[[Asked], Gate], text: str = "") -> None:
        self.factory, self.text = factory, text

    def make(self, asked: Asked) -> Gate:
        return self.factory(asked)

    def spec(self) -> GateSpec:
        return parse_gate(self.text) if self.text else super().spec()


class AnyMetric(MetricConformance):
    def __init__(self, name: str, *declared: Metric) -> None:
        self.name, self.declared = name, declared


def drawn(watched: Watched) -> TerminalView:
    return TerminalView(watched.plan.name, watched.duration_s, watched.stream, start=False)


@pytest.mark.parametrize("check", checks(SinkConformance))
@pytest.mark.parametrize("factory", [PLUGINS.get("sink", "lines"), PLUGINS.get("sink", "log"), drawn], ids=["lines", "log", "terminal"])
def test_built_in_sinks_conform(factory: Callable[[Watched], Sink], check: str) -> None:
    run(AnySink(factory), check)


@pytest.mark.parametrize("check", checks(ReportConformance))
@pytest.mark.parametrize("name", PLUGINS.names("report"))
def test_built_in_reports_conform(name: str, check: str) -> None:
    if name in {"png", "svg"}:
        pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'loadstone[images]'")
    run(AnyReport(PLUGINS.get("report", name)), check)


@pytest.mark.parametrize("check", checks(ProfileConformance))
@pytest.mark.parametrize("kind", BUILT_IN["profile"])
def test_built_in_profiles_conform(kind: str, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"timestamp": at_ms, "input_length": 10, "output_length": 5} for at_ms in (0, 300, 300, 2_000)]
    Path("trace.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run(AnyProfile({"kind": kind, **PROFILES[kind]}), check)


@pytest.mark.parametrize("check", checks(GateConformance))
@pytest.mark.parametrize("text", ["p95(http.response_time) < 2s", "rate(http.errors) < 1% over 2s", "rate(http.errors) < 5% abort"])
def test_statements_conform(text: str, check: str) -> None:
    run(AnyGate(Statement, text), check)


@pytest.mark.parametrize("check", checks(MetricConformance))
@pytest.mark.parametrize("declared", [Metric("acme.wait", "ms", Kind.DISTRIBUTION, "lower", "time in the queue", scale=1e6)])
def test_a_declared_metric_conforms(declared: Metric, check: str) -> None:
    run(AnyMetric("acme", declared), check)


# -- plug-ins that are wrong ---------------------------------------------------------------------------------------------


class Deaf:
    """A sink that cannot be closed twice, and empties what it is shown."""

    def __init__(self, watched: Watched) -> None:
        self.stream: io.StringIO | None = io.StringIO(watched.stamp)

    def snapshot(self, snapshot: Snapshot) -> None:
        snapshot.counts.clear()  # type: ignore[attr-defined]

    def close(self) -> None:
        assert self.stream is not None
        self.stream = None


class Blind:
    """A gate that passes whatever it sees, and names another gate."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def see(self, _snapshot: Snapshot) -> Verdict | None:
        return None

    def check(self, _view: View) -> Verdict:
        return Verdict(GateSpec.in_code("other", "other"), Status.PASS, 1.0, 1.0, "1", 1, "")


def moody(told: Told) -> bytes:
    return f"{datetime.now(UTC).timestamp()} {told.document.provenance.plan}".encode()


@pytest.mark.parametrize(
    ("suite", "failing"),
    [
        (AnySink(Deaf), {"test_it_can_be_closed_without_a_second_and_twice", "test_it_leaves_the_seconds_as_they_are"}),
        (AnyReport(lambda _story: b""), {"test_it_tells_any_story"}),
        (AnyReport(moody), {"test_it_tells_the_same_story_in_the_same_bytes", "test_names_from_outside_bring_no_control_characters"}),
        (
            AnyGate(Blind),
            {
                "test_it_passes_a_good_run_and_fails_a_bad_one",
                "test_nothing_measured_is_no_data",
                "test_a_verdict_carries_its_gate_and_a_reason_of_one_line",
            },
        ),
        (AnyMetric("acme", METRICS[0]), {"test_its_names_are_its_own", "test_a_suite_could_declare_the_same"}),
        (AnyMetric("acme", Metric("acme.x", "msec", Kind.GAUGE, "lower", "")), {"test_a_suite_could_declare_the_same"}),
    ],
)
def test_the_suites_find_what_is_wrong(suite: Any, failing: set[str]) -> None:
    found = set()
    for check in checks(type(suite)):
        try:
            run(suite, check)
        except Exception:  # noqa: BLE001  whatever tells the author
            found.add(check)
    assert found == failing


def test_the_odd_seconds_are_odd() -> None:
    seconds = odd_seconds()
    assert any(not snapshot.judged for snapshot in seconds)
    assert any(not snapshot.counts for snapshot in seconds)
    assert any(snapshot.failures for snapshot in seconds)
