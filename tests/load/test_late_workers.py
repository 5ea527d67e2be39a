"""What is said to workers, and of one that did not end in time."""

from typing import Any

from loadstone.clock import SECOND
from loadstone.load.fleet import LocalFleet, _Member, how_it_was_late
from loadstone.load.frames import Setup, pack


def test_a_worker_that_still_told_its_seconds_was_too_busy_and_did_not_hang() -> None:
    assert "too busy" in how_it_was_late(SECOND)
    assert "hung" not in how_it_was_late(SECOND)


def test_a_worker_that_fell_silent_hung_in_the_code_of_the_suite() -> None:
    assert "hung in the suite's code" in how_it_was_late(6 * SECOND)


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
