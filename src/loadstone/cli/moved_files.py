"""Files that a plan names, found again where the run is repeated: in another checkout, or beside the bundle."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadstone.errors import StoreError
from loadstone.store.rows import RunRow


def find_again(tree: dict[str, Any], row: RunRow, here: Path) -> list[str]:
    """Put the place of each file that is not where it was into the plan; gives a line for each that lies elsewhere.

    A file is looked for below `here` by as much of its old path as fits, the longest part first; a module by its name.
    raises: StoreError for a file that is nowhere
    """
    told = []
    for holder in _holders(tree.get("scenarios", [])):
        old = Path(holder["file"])
        if old.is_file():
            continue
        new = _of_module(str(holder.get("module") or "")) or _below(here, old)
        if new is None:
            checkout = f"a checkout of commit {row.git_commit[:12]}" if row.git_commit else "the folder that has it"
            raise StoreError(f"run {row.id} needs the file {old}, which is not here", where="rerun", hint=f"call it in {checkout}")
        holder["file"] = str(new)
        told.append(f"file: then {old}, now {new}")
    return list(dict.fromkeys(told))


def _holders(part: Any) -> Iterator[dict[str, Any]]:
    """Every mapping that names a file."""
    if isinstance(part, dict):
        if isinstance(part.get("file"), str) and part["file"]:
            yield part
        for inner in part.values():
            yield from _holders(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _holders(inner)


def _below(here: Path, old: Path) -> Path | None:
    parts = [part for part in old.parts if part not in (old.anchor, "..")]
    tails = (here.joinpath(*parts[at:]) for at in range(len(parts)))
    return next((path for path in tails if path.is_file()), None)


def _of_module(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name) if name else None
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None
