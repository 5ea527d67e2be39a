"""Environments of their own for peers written in Python: their dependencies must not meet ours."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from benchmarks.processes import run

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "loadstone-benchmarks"
INSTALLS_WITHIN_S = 600


class Missing(Exception):
    """A peer that is not installed; says how to install it."""


def home_of(name: str) -> Path:
    """Where the environment of that name is kept, for this version of Python."""
    return CACHE / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"


def environment(name: str, program: str, packages: list[str]) -> Path:
    """The path of a program in an environment that is made once and then kept."""
    home = home_of(name)
    path = home / "bin" / program
    if not path.exists():
        print(f"Installing {' '.join(packages)} into {home}, once.", file=sys.stderr)
        made = run([sys.executable, "-m", "venv", str(home)], core=None)
        python = str(home / "bin" / "python")
        installed = run([python, "-m", "pip", "install", "-qq", *packages], core=None, limit_s=INSTALLS_WITHIN_S)
        if made.code or installed.code or not path.exists():
            shutil.rmtree(home, ignore_errors=True)
            said = (made.stderr or installed.stderr).strip()[-200:]
            raise Missing(f"{name} could not be installed: {said}. Try: pip install {' '.join(packages)}")
    return path
