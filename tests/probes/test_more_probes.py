"""Machine, cards, JSON endpoints and commands as probes."""

import contextlib
import ctypes
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.plan.probe import ProbePlan
from loadstone.probes.command import CommandProbe
from loadstone.probes.gpu import GpuProbe, Memory, Utilization
from loadstone.probes.json_endpoint import JsonProbe
from loadstone.probes.probe import NoReading, Probe, Readings
from loadstone.probes.whole_machine import MachineProbe
from loadstone.testing.probe_contract import ProbeContract
from loadstone.testing.server import ScriptedServer, answer, response


def of(probe: Probe) -> dict[str, float]:
    """One reading, without the tag of the probe."""
    readings = Readings()
    probe.sample(readings)
    return {
        ".".join((series.metric, *(text for key, text in series.tags if key != "probe"))): value
        for series, value in readings.gauges.items()
    }


def plan(kind: str, watches: str = "", **settings: object) -> ProbePlan:
    return ProbePlan(kind=kind, watches=watches, settings=settings)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "net").mkdir()
    (tmp_path / "block" / "sda").mkdir(parents=True)
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\nSwapTotal: 100 kB\nSwapFree: 40 kB\n")
    (tmp_path / "loadavg").write_text("1.50 1 1 1/2 3\n")
    change(tmp_path, 0)
    return tmp_path


def change(root: Path, seconds: int) -> None:
    """What the kernel shows so many seconds later, on two cores."""
    ticks = [100 + 60 * seconds, 0, 20 * seconds, 80 * seconds, 20 * seconds, 0, 0, 20 * seconds, 60 * seconds, 0]
    (root / "stat").write_text(f"cpu  {' '.join(map(str, ticks))}\ncpu0 1\n")
    disk = f"8 0 sda 1 0 {20 * seconds} 0 1 0 {40 * seconds} 0\n8 1 sda1 1 0 {20 * seconds} 0 1 0 {40 * seconds} 0\n"
    (root / "diskstats").write_text(disk)
    rows = "".join(f"{name}: {1000 * seconds} 0 0 0 0 0 0 0 {500 * seconds} 0 0 0 0 0 0 0\n" for name in ("lo", "eth0"))
    (root / "net" / "dev").write_text(f"head\nhead\n{rows}")
    (root / "pressure" / "memory").write_text(f"some avg10=0 avg60=0 avg300=0 total={250_000 * seconds}\nfull avg10=0 total=0\n")


def test_the_machine_tells_shares_of_its_time_and_rates_of_its_counters(machine: Path) -> None:
    times = iter([0, 0, 2 * SECOND])
    probe = MachineProbe(plan("machine"), "", proc=str(machine), blocks=str(machine / "block"))
    probe.open(lambda: next(times))
    of(probe)
    change(machine, 2)
    values = of(probe)
    assert (values["machine.cpu"], values["machine.steal"], values["machine.iowait"]) == (40, 10, 10)
    assert (values["machine.memory"], values["machine.memory_used"], values["machine.swap"]) == (750 * 1024, 75, 60 * 1024)
    assert (values["machine.disk_read"], values["machine.disk_write"]) == (20 * 512, 40 * 512)
    assert (values["machine.network_in"], values["machine.network_out"]) == (1000, 500)
    assert (values["machine.pressure.some.memory"], values["machine.pressure.full.memory"]) == (25, 0)
    assert values["machine.load"] == 1.5


def test_a_machine_that_tells_nothing_is_no_reading(tmp_path: Path) -> None:
    probe = MachineProbe(plan("machine"), "", proc=str(tmp_path), blocks=str(tmp_path))
    probe.open(now_ns)
    with pytest.raises(NoReading, match="this system has no"):
        of(probe)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="reads /proc")
class TestMachineProbe(ProbeContract):
    def make(self) -> Probe:
        return MachineProbe(plan("machine"), "")


class Nvml:
    """A driver with two cards; the second does not tell its power."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: 3  # NVML_ERROR_NOT_SUPPORTED

    def nvmlInit_v2(self) -> int:  # noqa: N802  the library's name
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_uint))[0] = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, card: Any) -> int:  # noqa: N802
        ctypes.cast(card, ctypes.POINTER(ctypes.c_void_p))[0] = 1000 + index.value
        return 0 if index.value < 2 else 2

    def nvmlDeviceGetUtilizationRates(self, _card: Any, busy: Any) -> int:  # noqa: N802
        ctypes.cast(busy, ctypes.POINTER(Utilization))[0] = Utilization(70, 20)
        return 0

    def nvmlDeviceGetMemoryInfo(self, _card: Any, memory: Any) -> int:  # noqa: N802
        ctypes.cast(memory, ctypes.POINTER(Memory))[0] = Memory(1000, 750, 250)
        return 0

    def nvmlDeviceGetPowerUsage(self, card: ctypes.c_void_p, number: Any) -> int:  # noqa: N802
        ctypes.cast(number, ctypes.POINTER(ctypes.c_uint))[0] = 300_000
        return 0 if card.value == 1000 else 3


def test_each_card_tells_what_it_knows() -> None:
    probe = GpuProbe(plan("gpu"), "", library=Nvml)
    probe.open()
    values = of(probe)
    assert (values["gpu.utilization.0"], values["gpu.memory.1"], values["gpu.memory_used.1"]) == (70, 250, 25)
    assert values["gpu.power.0"] == 300
    assert not {"gpu.power.1", "gpu.temperature.0"} & values.keys()


def test_a_card_that_is_not_there_and_a_driver_that_is_not_are_no_reading() -> None:
    with pytest.raises(NoReading, match="card 2: the driver answers 2"):
        GpuProbe(plan("gpu", "2"), "", library=Nvml).open()

    def none() -> Any:
        raise OSError("libnvidia-ml.so.1: cannot open")

    with pytest.raises(NoReading, match="no NVIDIA driver"):
        GpuProbe(plan("gpu"), "", library=none).open()


class TestGpuProbe(ProbeContract):
    def make(self) -> Probe:
        return GpuProbe(plan("gpu", "0"), "", library=Nvml)


class TestJsonProbe(ProbeContract):
    page = response(b'{"queue": {"depth": 7, "open": true}, "workers": [{"busy": 2.5}], "name": "x"}')

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with ScriptedServer([answer(self.page)]) as server:
            self.url = server.url
            yield

    def make(self) -> Probe:
        paths = {"queue": "queue.depth", "open": "queue.open", "busy": "workers[0].busy", "gone": "a.b", "text": "name"}
        return JsonProbe(plan("json", f"{self.url}/stats", paths=paths, timeout="10s"), self.url)

    def make_dead(self) -> Probe:
        with ScriptedServer() as gone:
            return JsonProbe(plan("json", gone.url, paths={"a": "b"}), gone.url)

    def test_numbers_are_read_and_what_is_missing_or_no_number_is_left_out(self) -> None:
        probe = self.make()
        probe.open(now_ns)
        assert of(probe) == {"target.queue": 7, "target.open": 1, "target.busy": 2.5}


@pytest.mark.parametrize("body", [b"<html>", b"", b"[[[[", b'{"a": "text"}', b'{"a": NaN}', b"[" * 100_000])
def test_rubbish_is_no_reading(body: bytes) -> None:
    with ScriptedServer([answer(response(body))]) as server:
        probe = JsonProbe(plan("json", server.url, paths={"queue": "a"}, timeout="10s"), server.url)
        probe.open(now_ns)
        with pytest.raises(NoReading) as nothing:
            of(probe)
        assert nothing.value.reason == "malformed"


class TestCommandProbe(ProbeContract):
    def make(self) -> Probe:
        return CommandProbe(plan("command", "echo jobs: 12", metric="jobs", timeout="30s"), "")

    def make_dead(self) -> Probe:
        return CommandProbe(plan("command", "exit 3", metric="jobs", timeout="30s"), "")

    def test_the_last_word_is_the_number_and_json_is_read_by_paths(self) -> None:
        assert of(self.make()) == {"target.jobs": 12}
        probe = CommandProbe(plan("command", """echo '{"a": [1, 2]}'""", paths={"second": "a[1]"}, timeout="30s"), "")
        assert of(probe) == {"target.second": 2}

    @pytest.mark.parametrize("command", ["echo many words", "true", "echo nan"])
    def test_what_is_no_number_is_no_reading(self, command: str) -> None:
        with pytest.raises(NoReading, match="printed no number"):
            of(CommandProbe(plan("command", command, metric="jobs", timeout="30s"), ""))

    def test_what_takes_too_long_is_ended_with_all_that_it_started(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        note, communicate = tmp_path / "pid", subprocess.Popen.communicate

        def once_it_has_started(running: subprocess.Popen[str], **given: Any) -> Any:
            while not (note.exists() and note.read_text().endswith("\n")):
                select.select([], [], [], 0.01)
            return communicate(running, **given)

        monkeypatch.setattr(subprocess.Popen, "communicate", once_it_has_started)
        command = f"sleep 600 & echo $! > {note}; wait"
        with pytest.raises(NoReading) as nothing:
            of(CommandProbe(plan("command", command, metric="jobs", timeout="50ms"), ""))
        assert nothing.value.reason == "timeout"
        pid = int(note.read_text())
        with contextlib.suppress(psutil.NoSuchProcess):
            assert psutil.wait_procs([psutil.Process(pid)], timeout=120)[1] == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: CommandProbe(plan("command", "nproc"), ""), "one number"),
        (lambda: CommandProbe(plan("command", "nproc", metric="a", paths={"b": "c"}), ""), "one number"),
        (lambda: CommandProbe(plan("command", "nproc", metric="memory"), ""), "has a meaning already"),
        (lambda: CommandProbe(plan("command", "nproc", metric="Jobs!"), ""), "no name of a metric"),
        (lambda: CommandProbe(plan("command", "nproc", metric=""), ""), "no name of a metric"),
        (lambda: JsonProbe(plan("json", "http://h/", paths={}), ""), "paths must be"),
        (lambda: JsonProbe(plan("json", "http://h/", paths={"a": "b..c"}), ""), "cannot read"),
        (lambda: JsonProbe(plan("json", "ftp://h/", paths={"a": "b"}), ""), "not an http"),
        (lambda: MachineProbe(plan("machine", "other"), ""), "knows no 'other'"),
        (lambda: GpuProbe(plan("gpu", "first"), ""), "knows no 'first'"),
    ],
)
def test_what_cannot_be_meant_is_told_before_the_run(make: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        make()
