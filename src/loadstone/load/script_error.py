"""What a user's own code raised, told as that user needs it: what, and which line of their file."""

from __future__ import annotations

import traceback
from pathlib import Path

from loadstone.clients.failure import bounded

_OURS = str(Path(__file__).parents[1])


def describe(error: BaseException, file: str = "") -> str:
    """`ValueError: message (shop.py:12)`; the line is the last one in the script's file.

    file: the script's path; "" takes the last line outside of Loadstone
    """
    cause = innermost(error)
    place = place_of(cause, file)
    text = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    # The place must survive a long message: it is what the reader needs most.
    room = f" ({place})" if place else ""
    return bounded(text)[: 120 - len(room)] + room


def place_of(error: BaseException, file: str = "") -> str:
    """`shop.py:12`; "" when no line of the script took part."""
    frames = traceback.extract_tb(error.__traceback__)
    wanted = str(Path(file).resolve()) if file else ""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{Path(error.filename).name}:{error.lineno}"
    for frame in reversed(frames):
        if frame.filename == wanted or (not wanted and not is_ours(frame.filename)):
            return f"{Path(frame.filename).name}:{frame.lineno}"
    return ""


def is_ours(file: str) -> bool:
    """Is it a file of Loadstone itself, or none at all?"""
    return file.startswith((_OURS, "<"))


def innermost(error: BaseException) -> BaseException:
    """The first real error of a group of errors, as a task group raises them."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
