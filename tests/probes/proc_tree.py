"""A /proc and a /sys/fs/cgroup of a test's own."""

from pathlib import Path

from loadstone.clock import SECOND
from loadstone.measure.snapshot import Series
from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import Readings
from loadstone.probes.process import ProcessProbe

PAGES = 100


class ProcTree:
    """Processes that a test makes, changes and ends."""

    def __init__(self, root: Path) -> None:
        self.proc, self.cgroups = root / "proc", root / "cgroup"
        (self.proc / "net").mkdir(parents=True)
        self.cgroups.mkdir()
        self.now_ns = 10 * SECOND

    def put(
        self,
        pid: int,
        *,
        parent: int = 1,
        name: str = "app",
        start: int = 5,
        ticks: int = 0,
        waited: int = 0,
        pages: int = PAGES,
        faults: int = 0,
        words: str = "",
        state: str = "S",
        disk: int = 0,
        sockets: tuple[int, ...] = (),
    ) -> None:
        """A process, new or with other numbers."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        (folder / "net").mkdir(exist_ok=True)
        (folder / "ns").mkdir(exist_ok=True)
        if not (folder / "ns" / "net").is_symlink():
            (folder / "ns" / "net").symlink_to("net:[1]")
        fields = [state, parent, 0, 0, 0, 0, 0, faults, 0, 0, 0, ticks, 0, waited, 0, 20, 0, 3, 0, start, 0, pages, 0, 0]
        (folder / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, fields))}\n")
        (folder / "cmdline").write_text(words.replace(" ", "\0"))
        (folder / "io").write_text(f"rchar: 1\nread_bytes: {disk}\nwrite_bytes: {2 * disk}\n")
        (folder / "smaps_rollup").write_text(
            "00 ---p 00 00:00 0 [rollup]\nPss: 50 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 20 kB\nSwapPss: 4 kB\n"
        )
        (folder / "cgroup").write_text("0::/box\n")
        for number, inode in enumerate(sockets):
            (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")

    def end(self, pid: int) -> None:
        """The process is gone."""
        folder = self.proc / str(pid)
        folder.rename(self.proc / f"ended-{pid}-{self.now_ns}")

    def tcp(self, pid: int | str, lines: list[tuple[int, str, int]]) -> None:
        """Connections of a namespace: local port, state, inode."""
        folder = self.proc / str(pid) / "net" if pid else self.proc / "net"
        text = "".join(f"0: 0100007F:{port:04X} 0:0 {state} 0:0 0:0 0 0 0 {inode} 1\n" for port, state, inode in lines)
        (folder / "tcp").write_text(f"sl local\n{text}")

    def probe(self, watches: str, **settings: object) -> ProcessProbe:
        """A probe of this /proc, opened, with a clock that only `read` moves."""
        plan = ProbePlan(kind="process", watches=watches, settings={"name": "it", **settings})
        probe = ProcessProbe(plan, "", proc=str(self.proc), cgroups=str(self.cgroups))
        probe.open(lambda: self.now_ns)
        return probe

    def read(self, probe: ProcessProbe, seconds: float = 1.0) -> dict[str, float]:
        """What the next reading says, so much later, without the tag of the probe."""
        self.now_ns += round(seconds * SECOND)
        readings = Readings()
        probe.sample(readings)
        return {_short(series): value for series, value in readings.gauges.items()}


def _short(series: Series) -> str:
    return str(Series(series.metric, tuple(pair for pair in series.tags if pair[0] != "probe")))
