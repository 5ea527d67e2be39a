"""A script that forgets `await` asks nothing and is told nothing: each such pass is a failed one, with the line that asked."""

from __future__ import annotations

import asyncio
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from loadstone.load.script_error import is_ours

MESSAGE = r"coroutine '(.+)' was never awaited"
_LINE = re.compile(r'File "(.+)", line (\d+)')

found: dict[asyncio.Task[object], str] = {}  # by the task in whose pass a coroutine was dropped: what, and where


class NeverAwaited(Exception):
    """A pass made a coroutine and dropped it."""


def complain() -> None:
    """Raise what the current task's pass dropped, if it did; costs a look-up only where any pass dropped something."""
    task = asyncio.current_task()
    text = found.pop(task, "") if task is not None else ""
    if text:
        raise NeverAwaited(text)


@contextmanager
def watched() -> Iterator[None]:
    """Python's own warning is told once a line and to stderr alone; here each one reaches the pass that it belongs to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", MESSAGE, RuntimeWarning)
        show, depth = warnings.showwarning, sys.get_coroutine_origin_tracking_depth()

        def catch(
            message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
        ) -> None:
            named = re.match(MESSAGE, str(message))
            task = _current_task()
            if named is None or task is None:
                show(message, category, filename, lineno, file, line)
                return
            made = _LINE.findall(str(message))
            where, at = made[-1] if made else (filename, lineno)
            place = f" ({Path(where).name}:{at})"
            if is_ours(where):  # it was dropped at the end of its function: only where it was made tells more, which costs time
                sys.set_coroutine_origin_tracking_depth(1)
                place = ""
            found.setdefault(task, f"{named[1].rpartition('.')[2]}() did nothing, `await` is missing{place}")

        warnings.showwarning = catch
        try:
            yield
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)
            found.clear()


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
