"""Ctrl-C before the program has begun."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest

from loadstone.cli.start import main
from loadstone.errors import ExitCode


class InterruptedImport(ModuleType):
    """A module whose import meets Ctrl-C."""

    def __getattr__(self, _name: str) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_while_the_program_is_imported_ends_it_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loadstone.cli.main", InterruptedImport("loadstone.cli.main"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.INTERRUPTED


def test_what_is_closed_at_the_start_is_there_and_takes_what_is_printed() -> None:
    say = (
        "import sys; from loadstone.cli.start import open_streams; open_streams(); print('out'); sys.stdin.read(); sys.stderr.write('err')"
    )
    tell = "import os; sys.exit(sum(os.path.samestat(os.fstat(n), os.stat(os.devnull)) for n in range(3)))"
    closed = 'exec "$0" -c "$1" <&- >&- 2>&-'
    ended = subprocess.run(["/bin/sh", "-c", closed, sys.executable, f"{say}; {tell}"], env=dict(os.environ), timeout=120, check=False)
    assert ended.returncode == 3
