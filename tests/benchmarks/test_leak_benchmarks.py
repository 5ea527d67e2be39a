"""The planted leaks are named, and what a process says becomes its cause."""

from typing import Any

import pytest

from benchmarks import leak_processes, leak_sites, leaking, planted
from loadstone.judge.leak_cause import Cause


@pytest.mark.parametrize("service", [planted.Appends, planted.KeepsBuffers, planted.StartsAndForgets], ids=lambda kind: kind.__name__)
def test_a_planted_leak_is_named_by_type_or_line(service: type[Any]) -> None:
    assert any(leak_sites.named(service))


def test_every_service_has_its_leak_marked() -> None:
    lines = {leak_sites.line_of(service) for service in planted.PLANTED}
    assert len(lines) == len(planted.PLANTED) == 10


def test_every_process_has_a_known_truth() -> None:
    assert set(leak_processes.TRUTH) == {*leaking.SHAPES, "node leak", "node flat"}


def lines_of(blocks_more: int) -> list[dict[str, Any]]:
    """A process that says so for a minute, with 1 MB more a second."""
    heap = {"used_bytes": 20e6, "mapped_bytes": 0, "free_bytes": 1e6}

    def sizes(second: int) -> dict[str, Any]:
        return {"resident_bytes": 50e6 + 1e6 * second, "allocated_blocks": 50_000 + blocks_more * second, "heap": heap}

    levels: list[dict[str, Any]] = [{"at_s": float(second), **sizes(second), "descriptors": 9, "threads": 1} for second in range(60)]
    checkpoint = {"types": [{"name": "app.User"}], "sites": [], "traced_bytes": 0, "tracer_bytes": 0, **sizes(60)}
    return [*levels, {"trim": dict.fromkeys(("before", "collected", "trimmed"), sizes(60))}, {"first": checkpoint, "then": checkpoint}]


@pytest.mark.parametrize(("blocks_more", "cause"), [(8000, Cause.PYTHON_OBJECTS), (0, Cause.MAPPED)])
def test_readings_of_a_process_become_a_verdict_and_a_cause(blocks_more: int, cause: Cause) -> None:
    verdict, found = leak_processes.from_inside(lines_of(blocks_more))
    assert verdict == leak_processes.LEAK
    assert found is not None
    assert found.cause is cause
    assert found.types == ("app.User",)
