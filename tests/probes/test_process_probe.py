"""What a process tree takes, read from a /proc whose truth is known, and from real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.plan.probe import ProbePlan
from loadstone.probes import procfs
from loadstone.probes.probe import NoReading, Probe, Readings
from loadstone.probes.process import ProcessProbe
from loadstone.probes.process_choice import Choice
from loadstone.testing.probe_contract import ProbeContract
from tests.probes.proc_tree import PAGES, ProcTree

RSS = PAGES * procfs.PAGE


@pytest.fixture
def tree(tmp_path: Path) -> ProcTree:
    return ProcTree(tmp_path)


def test_a_tree_is_the_process_and_all_that_it_started(tree: ProcTree) -> None:
    tree.put(10)
    tree.put(11, parent=10, name="worker")
    tree.put(9, parent=11, name="worker")  # a PID below its parent's
    tree.put(50, parent=1, name="stranger")
    values = tree.read(tree.probe("10"))
    assert values["target.processes"] == 3
    assert values["target.memory"] == 3 * RSS
    assert values["target.process_memory{process=worker}"] == 2 * RSS
    assert values["target.threads"] == 9
    assert values["target.pss"] == 3 * 50 * 1024
    assert values["target.uss"] == 3 * 30 * 1024
    assert values["target.swap"] == 3 * 4 * 1024


def test_rates_need_two_readings_and_are_per_second(tree: ProcTree) -> None:
    tree.put(10, ticks=100, faults=7, disk=1000)
    probe = tree.probe("10")
    assert "target.cpu" not in tree.read(probe)
    tree.put(10, ticks=100 + procfs.TICKS_PER_S, faults=11, disk=5000)
    values = tree.read(probe, seconds=2.0)
    assert values["target.cpu"] == 50
    assert values["target.page_faults{kind=minor}"] == 2
    assert (values["target.disk_read"], values["target.disk_write"]) == (2000, 4000)


def test_children_that_come_and_go_leave_their_cpu_with_the_tree(tree: ProcTree) -> None:
    tree.put(10, ticks=0)
    probe = tree.probe("10")
    tree.read(probe)
    tree.put(11, parent=10, ticks=20, start=50)  # began since
    assert tree.read(probe)["target.cpu"] == 100 * 20 / procfs.TICKS_PER_S
    tree.end(11)
    tree.put(10, waited=30)  # it had used ten more when it ended
    values = tree.read(probe)
    assert values["target.cpu"] == 100 * 10 / procfs.TICKS_PER_S
    assert values["target.memory"] == RSS


def test_a_child_whose_parent_has_ended_stays_in_the_tree(tree: ProcTree) -> None:
    tree.put(10)
    tree.put(11, parent=10)
    tree.put(12, parent=11)
    probe = tree.probe("10")
    tree.read(probe)
    tree.end(11)
    tree.put(12, parent=1)
    assert tree.read(probe)["target.processes"] == 2


def test_a_pid_that_was_given_to_another_process_is_gone(tree: ProcTree) -> None:
    tree.put(10, start=5)
    probe = tree.probe("10")
    tree.read(probe)
    tree.put(10, start=6)
    for _ in range(3):  # and stays gone
        with pytest.raises(NoReading) as nothing:
            tree.read(probe)
        assert nothing.value.reason == "gone"


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_process_that_ended_and_was_not_waited_for_is_gone(tree: ProcTree, state: str) -> None:
    tree.put(10, state=state)
    with pytest.raises(NoReading, match="no such process"):
        tree.read(tree.probe("10"))


def test_a_name_finds_programs_scripts_and_modules_and_what_takes_their_place(tree: ProcTree) -> None:
    tree.put(10, name="python", words="/usr/bin/python -m uvicorn app:app")
    tree.put(11, name="python", words="/usr/bin/python /srv/uvicorn.py")
    tree.put(12, name="grep", words="grep -r x uvicorn")
    probe = tree.probe("uvicorn")
    assert tree.read(probe)["target.processes"] == 2
    tree.end(10)
    tree.end(11)
    with pytest.raises(NoReading):
        tree.read(probe)
    tree.put(20, name="uvicorn", start=99)
    values = tree.read(probe)
    assert (values["target.processes"], values["target.restarts"]) == (1, 1)


@pytest.mark.parametrize(
    ("looks", "sockets", "between", "restarts"),
    [
        (6, (7,), 0, 1),
        (6, (7,), 1, 1),  # a supervisor takes a moment
        (6, (7,), 5, 0),  # somebody else came, much later
        (3, (7,), 0, 0),  # made for a task
        (6, (8,), 0, 0),  # a database's process for a connection
        (6, (), 0, 0),  # a tool
    ],
)
def test_a_worker_that_its_supervisor_replaces_is_a_restart(
    tree: ProcTree, looks: int, sockets: tuple[int, ...], between: int, restarts: int
) -> None:
    for pid, start, parent, holds in ((10, 5, 1, (7, 8)), (11, 5, 10, sockets)):
        tree.put(pid, parent=parent, start=start, sockets=holds)
        tree.tcp(pid, [(8000, "0A", 7), (8000, "01", 8)])
    probe = tree.probe("10")
    for _ in range(looks):
        assert tree.read(probe)["target.restarts"] == 0
    tree.end(11)
    for _ in range(between):
        assert tree.read(probe)["target.restarts"] == 0
    tree.put(12, parent=10, start=99)
    assert tree.read(probe)["target.restarts"] == restarts
    assert tree.read(probe)["target.restarts"] == restarts


def test_a_worker_on_a_unix_socket_is_one(tree: ProcTree) -> None:
    for pid, parent in ((10, 1), (11, 10)):
        tree.put(pid, parent=parent, sockets=(7,))
        (tree.proc / str(pid) / "net" / "unix").write_text(
            "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 0001 01 7 /app\n"
        )
    probe = tree.probe("10")
    for _ in range(6):
        tree.read(probe)
    tree.end(11)
    tree.put(12, parent=10, start=99)
    assert tree.read(probe)["target.restarts"] == 1


def test_workers_that_come_and_go_with_the_load_are_no_restarts(tree: ProcTree) -> None:
    tree.put(10, sockets=(7,))
    probe = tree.probe("10")
    for pid in (11, 12, 13):
        tree.put(pid, parent=10, start=pid, sockets=(7,))
        tree.tcp(pid, [(8000, "0A", 7)])
        tree.read(probe)
    for _ in range(6):
        tree.read(probe)
    tree.end(11)
    for _ in range(3):
        values = tree.read(probe)
    tree.end(12)
    assert (tree.read(probe)["target.restarts"], values["target.processes"]) == (0, 3)


def test_the_process_that_is_nearest_to_its_limit_of_descriptors_is_told(tree: ProcTree) -> None:
    for pid, sockets, limit in ((10, (1, 2, 3, 4), "5"), (11, (5,), "1024"), (12, (6,), "unlimited")):
        tree.put(pid, parent=1 if pid == 10 else 10, name="app", words="app", sockets=sockets)
        (tree.proc / str(pid) / "limits").write_text(f"Limit  Soft Limit  Hard Limit  Units\nMax open files  {limit}  4096  files\n")
    values = tree.read(tree.probe("app"))
    assert values["target.descriptors"] == 6
    assert values["target.descriptors_limit"] == 1029
    assert values["target.descriptors_used"] == 80


def test_without_a_limit_of_descriptors_nothing_is_said_of_one(tree: ProcTree) -> None:
    tree.put(10, name="app", words="app", sockets=(1, 2))
    values = tree.read(tree.probe("app"))
    assert not {"target.descriptors_limit", "target.descriptors_used"} & values.keys()


def test_a_port_finds_who_listens_on_it_and_sockets_are_told_by_state(tree: ProcTree) -> None:
    lines = [(8000, "0A", 77), (8000, "01", 78), (8000, "01", 79), (8000, "06", 0)]
    tree.put(10, sockets=(77, 78, 79, 80))
    tree.put(11, sockets=(81,))
    tree.tcp("", lines)
    tree.tcp(10, lines)
    values = tree.read(tree.probe(":8000"))
    assert values["target.processes"] == 1
    assert values["target.descriptors"] == 4
    states = {name: value for name, value in values.items() if name.startswith("target.connections")}
    assert states == {
        "target.connections{state=established}": 2,
        "target.connections{state=listen}": 1,
        "target.connections{state=other}": 1,
    }
    with pytest.raises(NoReading, match="port 9"):
        tree.read(tree.probe("port:9"))


def test_a_cgroup_is_every_process_in_it_with_its_limits(tree: ProcTree) -> None:
    box = tree.cgroups / "box"
    (box / "inner").mkdir(parents=True)
    (box / "cgroup.procs").write_text("10\n")
    (box / "inner" / "cgroup.procs").write_text("11\n")
    (box / "memory.max").write_text("1000000\n")
    (box / "memory.current").write_text("250000\n")
    (box / "cpu.max").write_text("150000 100000\n")
    (box / "cpu.stat").write_text("nr_periods 100\nnr_throttled 10\n")
    for pid in (10, 11):
        tree.put(pid)
    probe = tree.probe("cgroup:box")
    values = tree.read(probe)
    assert values["target.processes"] == 2
    assert (values["target.memory_limit"], values["target.memory_limit_used"]) == (1e6, 25)
    assert values["target.cpu_limit"] == 150
    (box / "cpu.stat").write_text("nr_periods 110\nnr_throttled 15\n")
    assert tree.read(probe)["target.throttled"] == 50
    with pytest.raises(NoReading, match="no cgroup nosuch"):
        tree.read(tree.probe("cgroup:nosuch"))


def test_a_cgroup_of_a_mixed_system_may_have_its_processes_in_version_1_alone(tree: ProcTree) -> None:
    for part, pids in (("unified", ""), ("memory", "10\n")):
        box = tree.cgroups / part / "box"
        box.mkdir(parents=True)
        (box / "cgroup.procs").write_text(pids)
    tree.put(10)
    assert tree.read(tree.probe("cgroup:box"))["target.processes"] == 1


def test_version_1_says_its_limits_in_other_files_and_none_as_a_very_large_number(tree: ProcTree) -> None:
    tree.put(10)
    (tree.proc / "10" / "cgroup").write_text("4:memory:/box\n2:cpu,cpuacct:/box\n")
    memory, cpu = tree.cgroups / "memory" / "box", tree.cgroups / "cpu" / "box"
    memory.mkdir(parents=True)
    cpu.mkdir(parents=True)
    (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (memory.parent / "memory.limit_in_bytes").write_text("4096\n")
    (cpu / "cpu.cfs_quota_us").write_text("-1\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")
    values = tree.read(tree.probe("10"))
    assert values["target.memory_limit"] == 4096
    assert "target.cpu_limit" not in values


def test_what_may_not_be_read_is_named_and_never_0(tree: ProcTree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put(10)
    tree.put(11, parent=10)

    def read(path: str) -> bytes:
        if path.endswith(("/11/io", "/11/smaps_rollup")):
            raise PermissionError(path)
        return Path(path).read_bytes()

    monkeypatch.setattr(procfs, "read", read)
    values = tree.read(tree.probe("10"))
    assert values["probe.unreadable{value=disk}"] == 1
    assert values["probe.unreadable{value=pss}"] == 1
    assert values["target.memory"] == 2 * RSS
    assert not {"target.disk_read", "target.pss", "target.uss", "target.swap"} & values.keys()


def test_dear_readings_wait_until_they_have_earned_what_they_cost(tree: ProcTree, monkeypatch: pytest.MonkeyPatch) -> None:
    read, looks = procfs.read, []

    def slow(path: str) -> bytes:
        if path.endswith("smaps_rollup"):
            looks.append(path)
            tree.now_ns += 5_000_000
        return read(path)

    monkeypatch.setattr(procfs, "read", slow)
    tree.put(10)
    tree.put(11, parent=10)
    probe = tree.probe("10")
    assert "target.pss" not in tree.read(probe)  # one of two has been read
    for _ in range(4):
        tree.read(probe)
    assert len(looks) == 1  # 5 ms are a thousandth of 5 s
    values = [tree.read(probe).get("target.pss") for _ in range(3)]
    assert len(looks) == 2
    assert values[-1] == 2 * 50 * 1024


def test_memory_can_be_pss_instead(tree: ProcTree) -> None:
    tree.put(10)
    assert tree.read(tree.probe("10", memory="pss"))["target.memory"] == 50 * 1024


def test_a_tree_that_changes_all_the_time_makes_no_more_series(tree: ProcTree) -> None:
    tree.put(10)
    probe = tree.probe("10")
    seen: set[str] = set()
    for number in range(100, 140):
        tree.put(number, parent=10, name=f"job{number}", start=number)
        seen |= tree.read(probe).keys()
        tree.end(number)
    assert len([name for name in seen if name.startswith("target.process_memory")]) == 11


@pytest.mark.parametrize(
    ("text", "read"),
    [("4711", "pid 4711"), ("uvicorn", "name uvicorn"), (":8000", "port 8000"), ("name:42", "name 42"), ("cgroup:a/b", "cgroup a/b")],
)
def test_a_choice_has_short_forms(text: str, read: str) -> None:
    assert str(Choice.read(text)) == read


@pytest.mark.parametrize("text", ["", "pid:", "pid:x", "pid:0", ":99999", ":http"])
def test_what_names_no_process_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="Try: process: 4711"):
        Choice.read(text)


def test_unknown_settings_are_told() -> None:
    for settings in ({"memroy": "pss"}, {"memory": "vsz"}):
        with pytest.raises(UsageError):
            ProcessProbe(ProbePlan(kind="process", watches="1", settings=settings), "")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
class TestRealProcess(ProbeContract):
    @pytest.fixture(autouse=True)
    def _child(self) -> Iterator[None]:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; held = bytearray(30_000_000); print(1, flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with child:
            assert child.stdout is not None
            child.stdout.readline()
            self.pid = child.pid
            yield
            child.communicate()

    def make(self) -> Probe:
        return ProcessProbe(ProbePlan(kind="process", watches=str(self.pid)), "")

    def make_dead(self) -> Probe:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        return ProcessProbe(ProbePlan(kind="process", watches=str(ended.pid)), "")

    def test_it_sees_the_memory_that_the_child_holds(self) -> None:
        probe = self.make()
        probe.open(now_ns)
        values = {series.metric: value for series, value in self.read(probe).gauges.items()}
        assert 30e6 < values["target.memory"] < 200e6
        assert values["target.processes"] == values["target.threads"] == 1
        assert 30e6 < values["target.uss"] <= values["target.pss"] <= values["target.memory"]
        assert values["target.descriptors"] == len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


def test_we_ourselves_are_never_found_by_name() -> None:
    stat = procfs.stat(procfs.PROC, os.getpid())
    assert stat is not None
    assert os.getpid() not in Choice("name", stat.name).find(procfs.PROC, "/nowhere")


def test_a_machine_without_proc_says_so(tmp_path: Path) -> None:
    probe = ProcessProbe(ProbePlan(kind="process", watches="name:x"), "", proc=str(tmp_path / "none"))
    probe.open(now_ns)
    with pytest.raises(NoReading, match="this system has no"):
        probe.sample(Readings())
