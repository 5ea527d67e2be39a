"""Names of a run's files that no other run into the same folder has."""

from datetime import UTC, datetime
from pathlib import Path

from loadstone.cli.own_stamp import own_stamp
from loadstone.report.file_names import stamp_of
from loadstone.report.series import SnapshotLog, log_name

BEGAN = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
PLAIN = stamp_of(BEGAN)


def test_three_runs_that_begin_in_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    with own_stamp(tmp_path, BEGAN) as first, own_stamp(tmp_path, BEGAN) as second, own_stamp(tmp_path, BEGAN) as third:
        assert [first, second, third] == [PLAIN, f"{PLAIN}_2", f"{PLAIN}_3"]


def test_a_run_that_has_ended_keeps_its_files_and_one_that_was_refused_leaves_none(tmp_path: Path) -> None:
    with own_stamp(tmp_path, BEGAN) as stamp:
        SnapshotLog(tmp_path / log_name(stamp)).close()
    with own_stamp(tmp_path, BEGAN) as refused:
        assert refused != stamp
    assert [path.name for path in tmp_path.iterdir()] == [log_name(PLAIN)]


def test_without_a_folder_or_in_one_that_takes_no_files_the_stamp_is_the_time(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "gone"):
        with own_stamp(folder, BEGAN) as stamp:
            assert stamp == PLAIN
