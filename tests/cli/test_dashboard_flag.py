"""--dashboard on the command line: what it takes for an address, and what it refuses before anything begins."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.main import cli
from loadstone.errors import UsageError
from loadstone.live.dashboard.listen import Address, listen


def asked(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), standalone_mode=False)


@pytest.mark.parametrize("word", ["suite.yaml", "chat", "http://127.0.0.1:9/", "shop.py"])
def test_what_was_meant_for_the_command_is_no_address_of_a_dashboard(word: str) -> None:
    error = asked("run", "--dashboard", word).exception
    assert isinstance(error, UsageError)
    assert f"{word} --dashboard" in error.hint


def test_what_is_no_address_is_refused_before_the_run() -> None:
    error = asked("hit", "http://127.0.0.1:9/", "--dashboard", "a b:1").exception
    assert isinstance(error, UsageError)
    assert "no address" in error.what


def test_a_port_in_use_is_told_before_any_load_is_made(tmp_path: Path) -> None:
    held = listen(Address())
    try:
        words = ("hit", "http://127.0.0.1:9/", "--no-store", "--out", str(tmp_path), f"--dashboard=127.0.0.1:{held.port}")
        error = asked(*words).exception
    finally:
        held.socket.close()
    assert isinstance(error, UsageError)
    assert "the port is in use by process" in error.what
    assert "127.0.0.1:0" in error.hint
    assert not list(tmp_path.glob("result_*"))


def test_a_ready_suite_is_found_beside_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo").mkdir()
    assert asked("check", "demo").exit_code == 0
