"""What start-up must not pay for: a help page needs no mathematics."""

import json
import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "pydantic", "rich", "plotly", "sqlalchemy", "starlette", "uvicorn")
PROGRAM = "import json, sys, {module}; print(json.dumps([name for name in {names} if name in sys.modules]))"


@pytest.mark.parametrize("module", ["loadstone", "loadstone.cli.main", "loadstone.plugins", "loadstone.errors", "loadstone.units"])
def test_an_import_at_start_up_loads_no_heavy_library(module: str) -> None:
    program = PROGRAM.format(module=module, names=HEAVY)
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
