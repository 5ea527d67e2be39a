"""A finished run that no store took, in a file on this machine: `loadstone runs import` takes it when the store is back."""

from __future__ import annotations

from pathlib import Path

from loadstone.store.bundle import SUFFIX, write_bundle
from loadstone.store.location import default_folder
from loadstone.store.rows import RunParts, RunRow

FOLDER = "unkept"


def rescue(row: RunRow, parts: RunParts, start: Path | None = None) -> Path:
    """Write the bundle of a run into `.loadstone/unkept`; raises OSError when it cannot be written."""
    path = default_folder(start) / FOLDER / f"{row.id}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_bundle(row, parts))
    return path
