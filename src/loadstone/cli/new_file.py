"""Write a file that must not replace another by accident."""

from __future__ import annotations

from pathlib import Path

from loadstone.errors import UsageError


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write the file; raises UsageError when it is there (unless forced) or cannot be written."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError("is there already", where=str(path), hint="--force to overwrite it, or another name") from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from None
