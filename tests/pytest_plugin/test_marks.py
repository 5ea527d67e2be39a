"""The marks that the plug-in registers."""

import subprocess
import sys
from pathlib import Path

from loadstone.pytest_plugin import MARKS


def test_every_mark_is_known_where_marks_are_strict(tmp_path: Path) -> None:
    marks = "\n".join(f"@pytest.mark.{name}\ndef test_{name}(): pass" for name in MARKS)
    (tmp_path / "test_marked.py").write_text(f"import pytest\n{marks}\n")
    # The installed package brings the plug-in by itself: nothing here names it.
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-m", "performance", "-q", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"1 passed, {len(MARKS) - 1} deselected" in done.stdout
