"""Ctrl-C before the program has begun."""

from __future__ import annotations

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
