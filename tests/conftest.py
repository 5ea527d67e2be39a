"""No test keeps runs unless it names a store of its own: neither in this process nor in the commands it starts."""

import os
import shutil
import signal
from pathlib import Path

from hypothesis import settings

os.environ["LOADSTONE_STORE"] = "none"

pytest_plugins = ["pytester", "tests.browser", "tests.postgres", "tests.lanes"]

# Stores wait for the disk at each commit: a fifth of the suite's time, and nothing that a test asks about. Memory waits for nobody.
MEMORY = Path("/dev/shm")  # noqa: S108  folders within it are made by pytest, for this user alone
ROOM_BYTES = 2 * 1024**3


def _may_hold_files() -> bool:
    """Is there a file system in memory, with room, from which programs may be started?"""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return False
    return not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC


if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _may_hold_files():
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = str(MEMORY)

# A machine that is busy with other tests makes no example wrong.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Where these tests are a background job of a script, Ctrl-C is ignored, and would be by every program that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
