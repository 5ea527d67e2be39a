"""What the system says of this very process: cheap enough for every second."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

_SELF = Path("/proc/self")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes() -> int | None:
    """Resident memory; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((_SELF / "statm").read_bytes().split()[1]) * _PAGE_BYTES
    return None


def descriptors() -> int | None:
    """Open descriptors, less the one that looking takes; None where the system does not say."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208  no Path per descriptor
    return None


def threads() -> int:
    """Threads, those of native libraries included; Python's own where the system does not say."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208
    return threading.active_count()
