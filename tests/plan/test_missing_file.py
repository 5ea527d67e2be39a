"""What is said of a file that cannot be read."""

from __future__ import annotations

from pathlib import Path

from loadstone.plan.verify import missing_file


def test_a_device_is_there_and_yet_no_file(tmp_path: Path) -> None:
    assert missing_file("/dev/null") == "is a device or a pipe, not a file"
    assert missing_file(str(tmp_path)) == "is a folder, not a file"
    (tmp_path / "suite.yaml").touch()
    assert missing_file(str(tmp_path / "suite.yaml")) == ""
    assert missing_file(str(tmp_path / "suit.yaml")) == "no such file; near: suite.yaml"


def test_an_empty_name_is_not_taken_for_the_folder_in_which_one_is() -> None:
    assert "empty name" in missing_file("")
