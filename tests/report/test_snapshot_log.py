"""The seconds of a run as JSON lines."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadstone.errors import UsageError
from loadstone.load.control import Applied, Control, Pause, Resume, Scale, SetRate, SetUsers, Spike, Stop
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.report.series import SnapshotLog, read_changes, read_snapshots
from loadstone.testing.samples import make_snapshot


def same(one: Snapshot, other: Snapshot) -> bool:
    names = ("seq", "start_s", "end_s", "judged", "phase", "distributions", "counts", "gauges", "failures")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def written(path: Path, count: int = 3) -> list[Snapshot]:
    failures = {Failure("status", "home", "503 \x1b[31m\n\udc80 é"): 2}
    snapshots = [make_snapshot(second, failures=failures, judged=second > 0, dropped=1, target_rate=101) for second in range(count)]
    log = SnapshotLog(path)
    for snapshot in snapshots:
        log.snapshot(snapshot)
    log.close()
    log.close()
    return snapshots


def test_what_was_written_reads_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.jsonl"
    snapshots = written(path)
    assert all(same(one, other) for one, other in zip(snapshots, read_snapshots(path), strict=True))


def test_a_cut_last_line_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.jsonl"
    snapshots = written(path)
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in (last + 1, last + 40, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert all(same(one, other) for one, other in zip(snapshots[:-1], read_snapshots(path), strict=True))


def test_a_damaged_line_before_the_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.jsonl"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b'{"seq": 0}\n', *lines[2:]]))
    with pytest.raises(UsageError, match=r"snapshots\.jsonl:2: not a line of a snapshot log"):
        list(read_snapshots(path))


@pytest.mark.parametrize("content", [b"hello\n", b'{"format": "other/9"}\n', b"[]\n", b"\xff\xfe\n"])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"other\.txt:1"):
        list(read_snapshots(path))


def test_a_missing_file_and_a_missing_directory_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        list(read_snapshots(tmp_path / "none"))
    with pytest.raises(UsageError, match="cannot write"):
        SnapshotLog(tmp_path / "none" / "log")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_stops_the_log_and_not_the_run() -> None:
    log = SnapshotLog(Path("/dev/full"))
    for second in range(3):
        log.snapshot(make_snapshot(second))
    log.close()
    assert log.failure == "/dev/full: No space left on device"


WRITER = """
import os, signal, sys
from pathlib import Path
from loadstone.report.series import SnapshotLog
from loadstone.testing.samples import make_snapshot
log = SnapshotLog(Path(sys.argv[1]))
for second in range(5):
    log.snapshot(make_snapshot(second))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_every_second_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.jsonl"
    ended = subprocess.run([sys.executable, "-c", WRITER, os.fspath(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [snapshot.seq for snapshot in read_snapshots(path)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("control", [Pause(), Resume(), Scale(1.25), Spike(3.0, 10.0, "shop"), SetRate(7.5), SetUsers(3), Stop()], ids=str)
def test_what_people_did_to_the_load_reads_back_and_is_no_second(tmp_path: Path, control: Control) -> None:
    path = tmp_path / "snapshots.jsonl"
    applied = Applied(control, 1.25, "dashboard")
    log = SnapshotLog(path)
    log.snapshot(make_snapshot(0))
    log.changed(applied)
    log.snapshot(make_snapshot(1))
    log.close()
    assert list(read_changes(path)) == [applied]
    assert [each.seq for each in read_snapshots(path)] == [0, 1]


@pytest.mark.parametrize("record", ['{"do":"fly"}', "3", '{"at_s":1,"by":"","do":"scale","factor":0}', "{"])
def test_a_control_that_nobody_can_have_made_is_damage(tmp_path: Path, record: str) -> None:
    path = tmp_path / "snapshots.jsonl"
    written(path)
    with path.open("a") as file:
        file.write(f'{{"control":{record}}}\n')
    damage: list[str] = []
    assert len(list(read_snapshots(path, damage))) == 3
    assert "snapshots.jsonl:5 is damaged" in damage[0]
    assert list(read_changes(path)) == []
