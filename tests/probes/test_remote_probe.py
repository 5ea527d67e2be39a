"""Readings from another machine: a token, two clocks, and what goes wrong."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import Metric
from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import NoReading, Probe, Readings
from loadstone.probes.remote import RemoteProbe, offset_of
from loadstone.probes.remote_server import RemoteServer, Source
from loadstone.testing.probe_contract import ProbeContract
from loadstone.testing.server import ScriptedServer, answer, response
from tests.clients.conftest import Authority

TOKEN = "a token of enough letters"  # noqa: S105  of this test


class Fixed:
    """A probe over there."""

    name = "fixed"
    metrics: tuple[Metric, ...] = ()

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def open(self, clock: Any) -> None: ...

    def sample(self, readings: Readings) -> None:
        if self._error:
            raise self._error
        readings.gauge("target.memory", 5e6, probe="pid 7")
        readings.gauge("target.unheard_of", 1, probe="pid 7")

    def close(self) -> None: ...


def serve(*probes: Probe, certificate: tuple[str, str] | None = None) -> Iterator[str]:
    with RemoteServer(Source(probes), "127.0.0.1", 0, TOKEN, certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def there() -> Iterator[str]:
    yield from serve(Fixed())


def remote(watches: str, **settings: object) -> RemoteProbe:
    probe = RemoteProbe(
        ProbePlan(kind="remote", watches=watches, settings={"token": TOKEN, "name": "far", "timeout": "10s", **settings}), ""
    )
    probe.open(now_ns)
    return probe


def read(probe: RemoteProbe) -> dict[str, float]:
    readings = Readings()
    probe.sample(readings)
    return {str(series): value for series, value in readings.gauges.items()}


class TestRemoteProbe(ProbeContract):
    @pytest.fixture(autouse=True)
    def _server(self, there: str) -> None:
        self.there = there

    def make(self) -> Probe:
        return RemoteProbe(ProbePlan(kind="remote", watches=self.there, settings={"token": TOKEN, "timeout": "10s"}), "")

    def make_dead(self) -> Probe:
        with ScriptedServer() as gone:
            return RemoteProbe(ProbePlan(kind="remote", watches=gone.url, settings={"token": TOKEN}), "")


def test_what_is_read_there_is_read_here_and_the_clocks_are_compared(there: str) -> None:
    values = read(remote(there))
    assert values["target.memory{probe=far pid 7}"] == 5e6
    assert "target.unheard_of{probe=far pid 7}" not in values
    assert abs(values["probe.clock_offset{probe=far}"]) <= values["probe.clock_error{probe=far}"] + 50
    assert "target.unheard_of{probe=far pid 7}" in read(remote(there, metrics=["unheard_of"]))


@pytest.mark.parametrize("token", ["another token of enough letters", "å" * 20])
def test_without_the_token_nothing_is_told(there: str, token: str) -> None:
    with pytest.raises(NoReading) as nothing:
        read(remote(there, token=token.encode("ascii", "replace").decode()))
    assert nothing.value.reason == "status"


def test_a_probe_that_fails_there_leaves_the_others_and_alone_is_no_reading() -> None:
    for there in serve(Fixed(ValueError("bug")), Fixed()):
        assert "target.memory{probe=far pid 7}" in read(remote(there))
    for there in serve(Fixed(NoReading("gone"))):
        with pytest.raises(NoReading) as nothing:
            read(remote(there))
        assert nothing.value.reason == "gone"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"hello",
        json.dumps({"received_ns": 1, "at_ns": 1, "sent_ns": 1, "wall_ns": 1, "gauges": [[1, 2]], "missed": []}).encode(),
    ],
)
def test_somebody_else_on_that_port_is_no_reading(body: bytes) -> None:
    with ScriptedServer([answer(response(body))]) as server:
        with pytest.raises(NoReading) as nothing:
            read(remote(server.url))
        assert nothing.value.reason == "malformed"


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_true_offset_lies_within_the_stated_error(ahead: int, there: int, work: int, back: int) -> None:
    asked = 10**12
    received = asked + there + ahead
    found = offset_of(asked, received, received + work, asked + there + work + back)
    assert abs(found.ahead_ns - ahead) <= found.error_ns + 1


def test_a_token_that_can_be_guessed_and_one_that_is_missing_are_refused() -> None:
    with pytest.raises(UsageError, match="16 printable characters"):
        RemoteServer(Source([]), "127.0.0.1", 0, "short")
    with pytest.raises(UsageError, match="needs its token"):
        RemoteProbe(ProbePlan(kind="remote", watches="h:1"), "")


def test_with_a_certificate_nothing_is_told_in_the_clear_and_who_says_nothing_holds_up_nobody(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pem = authority.pem("127.0.0.1")
    for there in serve(Fixed(), certificate=(pem, pem)):
        host, _, port = there.partition(":")
        with socket.create_connection((host, int(port))):
            assert "target.memory{probe=far pid 7}" in read(remote(f"https://{there}", ca=authority.ca_file))
            for url in (f"https://{there}", f"http://{there}"):
                with pytest.raises(NoReading) as nothing:
                    read(remote(url))
                assert nothing.value.reason in {"tls", "reset", "malformed"}
