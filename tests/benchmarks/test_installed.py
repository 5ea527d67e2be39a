"""The installed size counts what is needed, and only that."""

from pathlib import Path

import pytest

from benchmarks import installed
from benchmarks.processes import Failed


def test_the_core_needs_its_dependencies_and_theirs_but_no_extra() -> None:
    needed = installed.needed("loadstone")
    assert {"loadstone", "numpy", "pydantic", "pydantic-core"} <= needed.keys()
    assert "mypy" not in needed


def test_an_editable_installation_is_measured_by_its_sources() -> None:
    sources = sum(file.stat().st_size for file in (Path(__file__).parents[2] / "src" / "loadstone").rglob("*.py"))
    assert installed.size_of(installed.needed("loadstone")["loadstone"]) >= sources


def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(Failed, match="not-there-at-all is not installed"):
        installed.size("Not_There.at-all")
