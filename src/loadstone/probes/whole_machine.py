"""The machine that we run on as a probe: CPU, steal, memory, disks, network, and pressure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.resources import MACHINE
from loadstone.plan.probe import ProbePlan
from loadstone.probes import procfs
from loadstone.probes.growth import Growth
from loadstone.probes.network import Interfaces
from loadstone.probes.probe import NoReading, Readings

SECTOR = 512  # of /proc/diskstats, whatever the disk's own are (Documentation/admin-guide/iostats)
IDLE, IOWAIT, STEAL, GUEST = 3, 4, 7, 8
PRESSURES = ("cpu", "memory", "io")


class MachineProbe:
    """Reads /proc; inside a container most of that is still the whole machine's.

    proc, blocks: where the kernel shows processes and disks
    """

    def __init__(self, plan: ProbePlan, target: str, *, proc: str = procfs.PROC, blocks: str = "/sys/block") -> None:  # noqa: ARG002  a probe's call
        unknown = next((key for key in plan.settings if key != "name"), None)
        if unknown or plan.watches not in {"", "local"}:
            raise UsageError(f"a probe of the machine knows no {unknown or plan.watches!r}", hint="probes: [machine]")
        self.name = str(plan.settings.get("name", "machine"))
        names = {name for name, *_ in MACHINE}
        self.metrics = tuple(metric for metric in BUILT_IN if metric.name in names)
        self._proc, self._blocks = Path(proc), Path(blocks)
        self._clock: Callable[[], int] = now_ns

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe."""
        self._clock, self._growth = clock, Growth()
        self._cpu: list[int] = []
        self._interfaces, self._read_ns = Interfaces(self._proc / "net" / "dev"), clock()
        try:
            self._disks = {
                block.name for block in self._blocks.iterdir() if not block.name.startswith(("loop", "ram", "dm-", "md", "zram"))
            }
        except OSError:
            self._disks = set()

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        readings.at_ns = self._clock()
        self._growth.begin(readings.at_ns)

        def tell(metric: str, value: float | None, **tags: str) -> None:
            if value is not None:
                readings.gauge(metric, value, probe=self.name, **tags)

        self._tell_cpu(tell)
        self._tell_memory(tell)
        for metric, total in zip(("machine.disk_read", "machine.disk_write"), self._disk_bytes(), strict=False):
            tell(metric, self._growth.per_second(self._growth.of(metric, total)))
        seconds, self._read_ns = (readings.at_ns - self._read_ns) / SECOND, readings.at_ns
        both = self._interfaces.grown()
        if both and seconds > 0:
            tell("machine.network_in", both[0] / seconds)
            tell("machine.network_out", both[1] / seconds)
        self._tell_pressure(tell)

    def close(self) -> None:
        """See Probe: nothing is held open."""

    def _tell_cpu(self, tell: Callable[..., None]) -> None:
        """Guests' time is in user time already, and so is left out of the whole (proc_stat(5))."""
        text = self._text("stat")
        fields = text.splitlines()[0].split() if text else []
        if not text or fields[0] != "cpu" or len(fields) < 9:
            raise NoReading("other", f"this system has no {self._proc / 'stat'}")
        now = [int(field) for field in fields[1 : GUEST + 1]]
        grown = [max(0, after - before) for after, before in zip(now, self._cpu, strict=False)]
        self._cpu, whole = now, sum(grown)
        if whole:
            tell("machine.cpu", 100 * (whole - grown[IDLE] - grown[IOWAIT] - grown[STEAL]) / whole)
            tell("machine.steal", 100 * grown[STEAL] / whole)
            tell("machine.iowait", 100 * grown[IOWAIT] / whole)
        loads = self._text("loadavg").split()
        tell("machine.load", float(loads[0]) if loads else None)

    def _tell_memory(self, tell: Callable[..., None]) -> None:
        fields = procfs.pairs(self._text("meminfo").encode())
        whole, available = fields.get("MemTotal"), fields.get("MemAvailable")
        if whole and available is not None:
            tell("machine.memory", 1024 * (whole - available))
            tell("machine.memory_used", 100 * (whole - available) / whole)
        if "SwapTotal" in fields and "SwapFree" in fields:
            tell("machine.swap", 1024 * (fields["SwapTotal"] - fields["SwapFree"]))

    def _disk_bytes(self) -> tuple[int, ...]:
        """Read and written by whole disks: partitions and what is built of disks would count the same bytes again."""
        lines = [line.split() for line in self._text("diskstats").splitlines()]
        mine = [line for line in lines if len(line) > 9 and line[2] in self._disks]
        return (SECTOR * sum(int(line[5]) for line in mine), SECTOR * sum(int(line[9]) for line in mine)) if mine else ()

    def _tell_pressure(self, tell: Callable[..., None]) -> None:
        """Pressure stall information: the growth of the total, not the kernel's own averages over ten seconds and more."""
        for resource in PRESSURES:
            for line in self._text(f"pressure/{resource}").splitlines():
                kind, _, rest = line.partition(" ")
                total = rest.rpartition("total=")[2]
                if total.isdigit():
                    stalled = self._growth.per_second(self._growth.of((resource, kind), int(total)))
                    tell("machine.pressure", None if stalled is None else min(100.0, stalled / 1e4), resource=resource, kind=kind)

    def _text(self, name: str) -> str:
        try:
            return (self._proc / name).read_text()
        except OSError:  # a kernel without pressure stall information says so when it is read
            return ""
