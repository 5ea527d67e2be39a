"""What is said to workers, and of one that did not end in time."""

from typing import Any

import pytest

from loadstone.clock import SECOND
from loadstone.load.fleet import LocalFleet, _Member, how_it_was_late
from loadstone.load.frames import Setup, pack

USERS = {"users": 1, "duration": "1s"}


def test_a_worker_that_still_told_its_seconds_was_too_busy_and_did_not_hang(make_plan: Any) -> None:
    assert "too busy" in how_it_was_late(SECOND, make_plan(USERS))
    assert "hung" not in how_it_was_late(SECOND, make_plan(USERS))


@pytest.mark.parametrize("theirs", [{"steps": [{"call": "suite:slow"}]}, {"code": {"file": "suite.py", "classes": ["Slow"]}, "steps": ()}])
def test_a_worker_that_fell_silent_hung_in_the_code_of_the_suite(make_plan: Any, theirs: Any) -> None:
    assert "hung in the suite's code" in how_it_was_late(6 * SECOND, make_plan(USERS, **theirs))


def test_a_worker_of_a_plan_without_code_that_fell_silent_did_not_hang_in_any(make_plan: Any) -> None:
    assert "was it stopped?" in how_it_was_late(6 * SECOND, make_plan(USERS))
    assert "code" not in how_it_was_late(6 * SECOND, make_plan(USERS))


def test_an_order_that_the_pipe_takes_in_parts_arrives_whole() -> None:
    class InParts:
        def __init__(self) -> None:
            self.stdin, self.written = self, bytearray()

        def write(self, data: bytes) -> int:
            self.written += data[:7]
            return len(data[:7])

    nobody: Any = None
    process: Any = InParts()
    setup = Setup("a plan", 0, 1)
    LocalFleet(nobody)._send(_Member(0, process, nobody, nobody), setup)
    assert process.written == pack(setup)
