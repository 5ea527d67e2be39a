"""Builds the optional compiled part when Loadstone is installed; without a compiler, or without Python's headers, it is left out.

`LOADSTONE_PURE=1` leaves it out, too. What is missing then is told by `loadstone doctor`; all else is the same.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/loadstone/clients/_compiled.c")
COMPILES_WITHIN_S = 120


class CompiledPart(BuildHookInterface):  # type: ignore[type-arg,unused-ignore]
    """Compiles `_compiled.c` beside its source for an editable installation, and into the wheel for any other."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See BuildHookInterface; never fails."""
        source = Path(self.root) / SOURCE
        module = source.with_name(f"_compiled{sysconfig.get_config_var('EXT_SUFFIX')}")
        if self.target_name != "wheel":
            return
        if version == "editable":
            module.unlink(missing_ok=True)
            self._told(compiled(source, module))
            return
        self._folder = tempfile.mkdtemp()
        built = Path(self._folder) / module.name
        why = compiled(source, built)
        self._told(why)
        if not why:
            build_data["pure_python"], build_data["infer_tag"] = False, True
            build_data["force_include"][str(built)] = f"loadstone/clients/{module.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """See BuildHookInterface."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)

    def _told(self, why: str) -> None:
        if why:
            self.app.display_info(f"The optional compiled part is left out: {why}")


def compiled(source: Path, module: Path) -> str:
    """Compile; gives why not, "" when it is done. A module that cannot be imported is no module."""
    if why := unwanted():
        return why
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        compiler = ["cc"]
    headers = sysconfig.get_path("include")
    if shutil.which(compiler[0]) is None or not Path(headers, "Python.h").exists():
        return f"there is no C compiler, or no Python.h in {headers}"
    flags = ["-O2", "-fPIC", "-shared", "-fno-strict-aliasing", f"-I{headers}", f'-DSOURCE="{fingerprint(source)}"']
    importing = "import sys; sys.path.insert(0, sys.argv[1]); import _compiled"
    why = failed([*compiler, *flags, str(source), "-o", str(module)])
    why = why or failed([sys.executable, "-c", importing, str(module.parent)])
    if why:
        module.unlink(missing_ok=True)
    return why


def fingerprint(source: Path) -> str:
    """Of the text that a part is built from; clients/compiled.py holds it against what lies beside the part."""
    text = b"".join(path.read_bytes() for path in sorted(source.parent.glob("_compiled*.[ch]")))
    return hashlib.sha256(text).hexdigest()[:16]


def unwanted() -> str:
    """Why nothing is to be compiled here."""
    if os.environ.get("LOADSTONE_PURE"):
        return "LOADSTONE_PURE is set"
    if sys.platform != "linux" or sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it is written for Linux and for CPython with its lock"
    return ""


def failed(argv: list[str]) -> str:
    """Run a command; gives why it failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMPILES_WITHIN_S, check=False)  # noqa: S603  a compiler
    except (OSError, subprocess.SubprocessError) as error:
        return f"{argv[0]}: {error}"
    return f"{argv[0]} failed: {done.stderr.strip()[-300:]}" if done.returncode else ""
