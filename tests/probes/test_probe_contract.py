"""The built-in probe keeps to the contract that plug-ins are held to."""

from collections.abc import Iterator

import pytest

from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import NoReading, Probe
from loadstone.probes.prometheus import PrometheusProbe
from loadstone.testing.probe_contract import ProbeContract
from loadstone.testing.server import ScriptedServer, answer, response

PAGE = response(b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 3\n# TYPE up gauge\nup NaN\n")


def probe_of(url: str) -> PrometheusProbe:
    return PrometheusProbe(ProbePlan(kind="prometheus", watches=url, settings={"metrics": ["up"], "timeout": "10s"}), url)


class TestPrometheusProbe(ProbeContract):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with ScriptedServer([answer(PAGE)]) as server:
            self.url = server.url
            yield

    def make(self) -> Probe:
        return probe_of(self.url)

    def make_dead(self) -> Probe:
        with ScriptedServer() as gone:
            return probe_of(gone.url)

    def test_a_reading_says_what_the_page_says(self) -> None:
        probe = self.make()
        probe.open(lambda: 5)
        assert [(series.metric, value) for series, value in self.read(probe).gauges.items()] == [("target.requests_running", 3.0)]


def test_a_header_from_the_environment_is_sent_and_one_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "abc")
    with ScriptedServer([answer(PAGE)]) as server:
        plan = ProbePlan(kind="prometheus", watches=server.url, settings={"headers": {"Authorization": "Bearer ${env:METRICS_TOKEN}"}})
        probe = PrometheusProbe(plan, server.url)
        probe.open(lambda: 5)
        TestPrometheusProbe().read(probe)
        assert b"\r\nAuthorization: Bearer abc\r\n" in server.requests[0]
        monkeypatch.delenv("METRICS_TOKEN")
        with pytest.raises(NoReading, match="the environment has no METRICS_TOKEN"):
            probe.open(lambda: 5)
