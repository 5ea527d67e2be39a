"""The optional compiled part never fails an installation: each reason is told, and nothing half-built is left."""

import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.compiled import _is_outdated

pytest.importorskip("hatchling", reason="NO HATCHLING: pip install hatchling")

HOOK = Path(__file__).parents[2] / "hatch_build.py"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in ("LOADSTONE_PURE", "CC"):
        monkeypatch.delenv(name, raising=False)
    return runpy.run_path(str(HOOK))


def sources(folder: Path, text: str) -> tuple[Path, Path]:
    source = folder / "_compiled.c"
    source.write_text(text)
    return source, folder / "_compiled.so"


def test_nothing_is_compiled_where_it_is_not_wanted(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADSTONE_PURE", "1")
    assert hook["compiled"](*sources(tmp_path, "")) == "LOADSTONE_PURE is set"


@pytest.mark.skipif(sys.platform != "linux", reason="LINUX ONLY")
def test_a_machine_without_a_compiler_is_told_so(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no C compiler" in hook["compiled"](*sources(tmp_path, ""))


@pytest.mark.skipif(sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc")), reason="NO C COMPILER")
@pytest.mark.parametrize("text", ["this is no C", "int nothing;"], ids=["does not compile", "is no module"])
def test_what_cannot_be_built_or_imported_leaves_nothing(hook: dict[str, Any], tmp_path: Path, text: str) -> None:
    source, module = sources(tmp_path, text)
    assert hook["compiled"](source, module)
    assert not module.exists()


def test_what_is_installed_has_no_source_to_hold_the_compiled_part_against() -> None:
    from hatchling.builders.wheel import WheelBuilder

    files = {Path(each.distribution_path) for each in WheelBuilder(str(HOOK.parent)).recurse_included_files()}
    assert Path("loadstone/clients/compiled.py") in files
    assert not [path for path in files if path.suffix in {".c", ".h"}]


def test_a_part_is_outdated_only_beside_another_source(hook: dict[str, Any], tmp_path: Path) -> None:
    assert not _is_outdated("anything", tmp_path)
    source, _ = sources(tmp_path, "int one;")
    (tmp_path / "_compiled_slots.h").write_text("int two;")
    built_from = hook["fingerprint"](source)
    assert not _is_outdated(built_from, tmp_path)
    source.write_text("int three;")
    assert _is_outdated(built_from, tmp_path)
