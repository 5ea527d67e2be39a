"""Several modules of tests at once, `pytest -n 4`: most of their time is waiting for commands that they start.

A module stays whole, and so does a folder whose modules read the same runs. Modules with a browser come last (`tests.browser` sorts
them), on whichever worker is free: each has a Chromium of its own.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest

TOGETHER = ("tests/suites/",)  # their runs are started once, by a fixture of the session
# What takes longest begins first, so that the end waits for none. A name that is missing here costs time, nothing else.
FIRST = (
    "tests/suites/",
    "tests/docs/test_commands.py",
    "tests/cli/test_duet_command.py",
    "tests/cli/test_ws_command.py",
    "tests/cli/test_runs_commands.py",
    "tests/cli/test_suite_files.py",
    "tests/run/test_processes.py",
)
# Whose tests only compute: they let go of a processor as soon as a test with a real run wants it.
COMPUTING = tuple(f"tests/{name}/" for name in ("benchmarks", "capacity", "charts", "judge", "measure", "plan", "report", "stats", "synth"))
NICENESS = 10


def lane(test: str) -> str:
    """What a test, by its id, shares a worker with: its folder or its module."""
    return next((folder for folder in TOGETHER if test.startswith(folder)), test.partition("::")[0])


def longest_first(lanes: Iterable[str]) -> list[str]:
    """The lanes in the order in which they begin."""
    return sorted(lanes, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs what: asked only where pytest-xdist is installed and more than one worker is wanted."""
    from xdist.scheduler import LoadScopeScheduling

    class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # a library without type information
        def _split_scope(self, nodeid: str) -> str:
            return lane(nodeid)

    config.option.loadscopereorder = False
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; the sort is stable, and `tests.browser` sorts after this."""
    order = {name: place for place, name in enumerate(longest_first(dict.fromkeys(lane(item.nodeid) for item in items)))}
    items.sort(key=lambda item: order[lane(item.nodeid)])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """On one of several workers: who computes steps back. Only who may come forward again does so (root, or a limit for it)."""
    if "PYTEST_XDIST_WORKER" in os.environ and "browser" not in getattr(item, "fixturenames", ()):
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness(item.nodeid) if os.geteuid() == 0 else 0)


def niceness(test: str) -> int:
    """Of a test, by its id."""
    return NICENESS if test.startswith(COMPUTING) else 0
