from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loadstone.errors import UsageError
from loadstone.load import pressure as pressure_module
from loadstone.load.pressure import Pressure, commands
from loadstone.plan.pressure import PressurePlan

ONE = PressurePlan.model_validate({"cpu": 1, "for": "30s"})
Install = Callable[[str], Path]


@pytest.fixture
def stress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a script in the place of stress-ng; the pipe it is given ends when the last of its processes has."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def install(script: str) -> Path:
        program = tmp_path / "stress-ng"
        program.write_text(f'#!/bin/sh\nexec 3>"{pipe}"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return pipe

    return install


def pressed(pipe: Path, asked: PressurePlan = ONE) -> tuple[Pressure, str]:
    """Pressure that was begun and ended, and all that the program and its children said."""

    async def press() -> tuple[Pressure, str]:
        pressure = Pressure(asked)
        pressure.start()
        opened = await asyncio.to_thread(pipe.open)
        with opened:
            first = await asyncio.to_thread(opened.readline)
            pressure.stop()
            pressure.stop()
            return pressure, first + await asyncio.to_thread(opened.read)

    return asyncio.run(press())


def test_the_program_and_its_children_end_with_the_load(stress: Install) -> None:
    pressure, said = pressed(stress('echo "$*" >&3\nsleep 60 &\nwait'))
    assert said.split() == ["--cpu", "1", "--timeout", "30s", "--quiet"]
    assert (pressure.missed, pressure.applied) == ("", "1 core for 30 s from 0 s on, cut short by the end of the load")


def test_those_that_do_not_listen_are_ended_by_force(stress: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure_module, "END_WITHIN_S", 0.01)
    pressure, said = pressed(stress("trap '' TERM\nsleep 60 &\necho up >&3\nwait"))
    assert said == "up\n"
    assert pressure.missed == ""


def test_a_program_that_fails_is_told_with_its_own_words(stress: Install) -> None:
    async def press(pipe: Path) -> Pressure:
        pressure = Pressure(ONE)
        pressure.start()
        with await asyncio.to_thread(pipe.open) as opened:
            await asyncio.to_thread(opened.read)  # until it has ended
        (process,) = pressure._processes
        await asyncio.to_thread(process.wait)
        pressure.stop()
        return pressure

    pressure = asyncio.run(press(stress("echo no such stressor >&2\nexit 2")))
    assert pressure.applied == ""
    assert pressure.missed == "stress-ng ended with exit code 2: no such stressor"


def test_pressure_that_was_to_begin_after_the_end_is_told_as_missed(stress: Install) -> None:
    async def press() -> Pressure:
        pressure = Pressure(PressurePlan.model_validate({"cpu": 1, "for": "1s", "start": "1h"}))
        pressure.start()
        pressure.stop()
        return pressure

    stress("exit 0")
    assert asyncio.run(press()).missed == "the load ended before the pressure was to begin"


def test_without_the_program_nothing_happens_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    pressure = Pressure(ONE)
    pressure.check()
    pressure.start()
    pressure.stop()
    assert (pressure.missed, pressure.applied) == ("stress-ng is not installed", "")


def test_without_a_wish_there_is_nothing_to_say() -> None:
    pressure = Pressure(None)
    pressure.check()
    pressure.start()
    pressure.stop()
    assert (pressure.missed, pressure.applied) == ("", "")


def test_memory_that_is_not_there_is_refused_before_the_load() -> None:
    with pytest.raises(UsageError, match=r"900 TB are more than 90% of the") as refused:
        Pressure(PressurePlan.model_validate({"memory": "900TB", "for": "1s"})).check()
    assert refused.value.where == "pressure.memory"


def test_memory_is_taken_by_one_process_for_whole_seconds() -> None:
    asked = PressurePlan.model_validate({"memory": "500MB", "for": "1500ms"})
    assert commands(asked) == [["--vm", "1", "--vm-bytes", "500000000b", "--vm-keep", "--timeout", "2s", "--quiet"]]


def test_each_core_is_kept_busy_by_a_session_of_its_own(stress: Install) -> None:
    pipe = stress("ps -o sid= -p $$ >&3; echo >&3; sleep 60")
    three = PressurePlan.model_validate({"cpu": 3, "for": "30s"})
    assert commands(three) == [["--cpu", "1", "--timeout", "30s", "--quiet"]] * 3

    async def press() -> list[str]:
        pressure = Pressure(three)
        pressure.start()
        with await asyncio.to_thread(pipe.open) as opened:
            said: list[str] = []
            while len(said) < 3:
                said += (await asyncio.to_thread(opened.readline)).split()
            pressure.stop()
            return said

    assert len(set(asyncio.run(press()))) == 3
