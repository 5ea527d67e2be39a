"""The table of what the target took."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadstone.errors import UsageError
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.report.resources import ResourceRecords

HEAD = "timestamp,cpu_percent,memory_mb,disk_io_read_mb,disk_io_write_mb,network_sent_mb,network_recv_mb"


def second(number: int, **levels: float) -> Snapshot:
    gauges = {Series(name.replace("__", "."), (("probe", "it"),)): Gauge.of(level) for name, level in levels.items()}
    return Snapshot(number, float(number), number + 1.0, gauges=gauges)


def records(path: Path, *seconds: Snapshot) -> list[str]:
    steps = iter([datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)])
    sink = ResourceRecords(path, lambda: next(steps))
    for each in seconds:
        sink.snapshot(each)
    sink.close()
    sink.close()
    return path.read_text().splitlines()


def test_a_second_is_a_record_and_what_nobody_read_is_an_empty_field(tmp_path: Path) -> None:
    lines = records(
        tmp_path / "a.csv",
        second(0, target__cpu=12.5, target__memory=50e6),
        second(1),
        second(2, target__cpu=0, target__memory=51e6, target__disk_write=2e6, machine__network_in=3e6, machine__memory=9e9),
    )
    assert lines == [
        HEAD,
        "2026-01-02T03:04:06.000+00:00,12.500,50.000,,,,",
        "2026-01-02T03:04:08.000+00:00,0.000,51.000,,2.000,,3.000",
    ]


def test_trees_are_added_up_and_rates_become_what_went_through_in_the_time(tmp_path: Path) -> None:
    gauges = {Series("target.memory", (("probe", name),)): Gauge.of(1e6) for name in ("a", "b")}
    gauges[Series("target.disk_read", (("probe", "a"),))] = Gauge.of(4e6)
    assert records(tmp_path / "a.csv", Snapshot(1, 0.0, 0.5, gauges=gauges))[1].split(",")[1:4] == ["", "2.000", "2.000"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        ResourceRecords(tmp_path / "none" / "a.csv")
