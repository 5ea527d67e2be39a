"""The time in the names of a run's files: runs that begin in one second have a number behind it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path


@contextlib.contextmanager
def own_stamp(folder: Path | None, began: datetime) -> Iterator[str]:
    """A stamp that no other run into this folder has, also one of another process.

    The log of that stamp is made at once, which only one can do; it is taken away again when the run came to nothing.
    """
    from loadstone.report.file_names import stamp_of

    plain = stamp_of(began)
    if folder is None:
        yield plain
        return
    from loadstone.report.series import log_name

    stamp = next(each for each in _numbered(plain) if _made(folder / log_name(each)))
    try:
        yield stamp
    finally:
        log = folder / log_name(stamp)
        with contextlib.suppress(OSError):
            if not log.stat().st_size:
                log.unlink()


def _numbered(stamp: str) -> Iterator[str]:
    yield stamp
    yield from (f"{stamp}_{number}" for number in itertools.count(2))


def _made(log: Path) -> bool:
    try:
        log.open("x").close()
    except FileExistsError:
        return False
    except OSError:
        pass  # a folder that takes no files: who writes the first one says so
    return True
