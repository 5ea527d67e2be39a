"""Native allocations by line, where memray is installed; a hint where it is not."""

import sys

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.inside.native import tracing_native


def test_without_memray_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "memray", None)
    with pytest.raises(UsageError, match=r"pip install 'loadstone\[memray\]'"), tracing_native():
        pass


def test_memory_of_native_code_is_told_by_the_line_that_called_it() -> None:
    pytest.importorskip("memray", reason="memray is not installed: pip install 'loadstone[memray]'")
    with tracing_native() as sites:
        kept = [np.ones(50_000) for _ in range(20)]  # numpy asks the C library, not the interpreter
    assert __file__ in sites[0].site
    assert sites[0].more_bytes >= sum(each.nbytes for each in kept)
