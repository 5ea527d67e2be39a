"""Instances of a target that is not ours, counted by a probe that the user names: the scaler's answer to a spike is told."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.measure.snapshot import Gauge, Snapshot
from loadstone.plan.model import Plan
from loadstone.plan.probe import ProbePlan
from loadstone.plugins import installed
from loadstone.probes.probe import Readings
from loadstone.probes.prometheus import PrometheusProbe
from loadstone.report.told import Told
from loadstone.run import judge_again
from loadstone.testing.samples import make_snapshot

SPIKE_S, BEHIND_S, ENDS_S = 30, 8, 70  # the scaler sees a spike of 40 s after 8 s


def ready_at(second: int) -> int:
    return 9 if SPIKE_S + BEHIND_S <= second < ENDS_S else 2


class Orchestrator(HTTPServer):
    """Answers as an orchestrator does: a deployment's status as JSON, and all deployments on a page of metrics."""

    second = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Orchestrator)
        ready = ready_at(self.server.second)
        if self.path == "/metrics":
            name = "kube_deployment_status_replicas_ready"
            text = (
                f'# TYPE {name} gauge\n{name}{{deployment="web",namespace="shop"}} {ready}\n{name}{{deployment="db",namespace="shop"}} 50\n'
            )
        else:
            text = json.dumps({"kind": "Deployment", "status": {"replicas": 9, "readyReplicas": ready}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def orchestrator() -> Iterator[Orchestrator]:
    server = Orchestrator(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "probe",
    [
        {"json": "URL/apis/deployments/web", "paths": {"instances": "status.readyReplicas"}},
        {"json": "URL/apis/deployments/web", "paths": {"web_replicas": "status.readyReplicas"}},
        {"prometheus": "URL/metrics", "metrics": {"instances": 'kube_deployment_status_replicas_ready{deployment="web"}'}},
        {
            "command": """python3 -c 'import urllib.request as u; print(u.urlopen("URL/x").read().decode())'""",
            "paths": {"replicas": "status.readyReplicas"},
            "timeout": "60s",
        },
    ],
    ids=["json", "json of another name", "prometheus", "command"],
)
def test_the_scaler_of_a_target_that_is_not_ours_is_timed(orchestrator: Orchestrator, probe: dict[str, Any]) -> None:
    given = {key: value.replace("URL", orchestrator.url) if isinstance(value, str) else value for key, value in probe.items()}
    scenario = {"profile": {"rate": "20/s", "duration": "100s"}, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": "http://127.0.0.1:9", "probes": [given], "scenarios": {"shop": scenario}})
    one = plan.probes[0]
    reader = installed().get("probe", one.kind)(one, plan.target)
    reader.open(lambda: 0)
    every = 10 if one.kind == "command" else 1  # starting a process a hundred times would take long
    seconds: list[Snapshot] = []
    levels: dict[Any, Gauge] = {}
    for at in range(100):
        if at % every == 0:
            orchestrator.second, readings = at, Readings()
            reader.sample(readings)
            levels = {series: Gauge.of(value) for series, value in readings.gauges.items()}
        second = make_snapshot(at, steps={"home": (20, 20.0)}, target_rate=200.0 if SPIKE_S <= at < ENDS_S else 20.0)
        seconds.append(replace(second, gauges={**second.gauges, **levels}))
    reader.close()
    (found,) = Told.of(judge_again(plan, seconds, datetime.now(UTC))).document.recovery
    assert (found.instances_before, found.instances_most, found.instances_enough) == (2, 9, 9)
    assert found.reacted_s == found.scaled_s == pytest.approx(BEHIND_S if every == 1 else 10, abs=0.6)
    assert (found.overshoot, found.undershoot) == (0, 7)


@pytest.mark.parametrize("metrics", [{"instances": "two words"}, {"instances": 'up{job="web'}, {"instances": 3}, {"cpu": "node_load1"}])
def test_a_name_that_fits_no_series_is_refused(metrics: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PrometheusProbe(ProbePlan(kind="prometheus", watches="http://127.0.0.1:9", settings={"metrics": metrics}), "")
