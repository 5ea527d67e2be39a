"""The one loop that measures, and is measured with."""

import asyncio
import sys

import pytest

from loadstone.event_loop import new_event_loop


def test_it_is_uvloops_where_there_is_one() -> None:
    uvloop = pytest.importorskip("uvloop", reason="NO UVLOOP")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop)


def test_it_is_asyncios_where_there_is_no_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert type(runner.get_loop()).__module__.startswith("asyncio")
