"""What others took from target and generator, from a made-up /proc."""

from dataclasses import astuple
from pathlib import Path

import pytest

from loadstone.plan.model import Plan
from loadstone.probes.contention import Contention, Stretch, processes_of
from loadstone.probes.process_choice import Choice

LIMIT_S = 0.2
TARGET, OWN = 40, 50


class Machine:
    """A /proc with two processes of one thread each; times add up in seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, 0.0
        self.busy_s = self.stolen_s = 0.0
        self.threads, self.turns = {TARGET: [0.0, 0.0], OWN: [0.0, 0.0]}, 0
        self.write()

    def write(self) -> None:
        ticks = [round(value * 100) for value in (self.busy_s, 0, 0, 2 * self.now_s - self.busy_s - self.stolen_s, 0, 0, 0, self.stolen_s)]
        (self.folder / "stat").write_text(f"cpu  {' '.join(map(str, ticks))} 0 0\ncpu0 0\n")
        for pid, (ran, waited) in self.threads.items():
            task = self.folder / str(pid) / "task" / str(pid)
            task.mkdir(parents=True, exist_ok=True)
            (task / "schedstat").write_text(f"{int(ran * 1e9)} {int(waited * 1e9)} {self.turns}\n")
            (self.folder / str(pid) / "stat").write_text(f"{pid} (server) S 1 " + "0 " * 15 + "0 77 " + "0 " * 10)

    def second(
        self,
        *,
        target: tuple[float, float],
        own: tuple[float, float] = (0.1, 0.0),
        others: float = 0.0,
        stolen: float = 0.0,
        turns: int = 100,
    ) -> None:
        self.now_s += 1.0
        for pid, (ran, waited) in ((TARGET, target), (OWN, own)):
            self.threads[pid][0] += ran
            self.threads[pid][1] += waited
        self.busy_s += target[0] + own[0] + others
        self.stolen_s += stolen
        self.turns += turns
        self.write()

    def contention(self) -> Contention:
        found = Contention([Choice("pid", str(TARGET))], str(self.folder), Choice("pid", str(OWN)), lambda: self.now_s)
        self.second(target=(0.1, 0.0))
        found.look()
        return found


def seen(folder: Path, **second: object) -> Stretch:
    machine = Machine(folder)
    contention = machine.contention()
    machine.second(**second)  # type: ignore[arg-type]
    stretch = contention.look()
    assert stretch is not None
    return stretch


def test_a_full_target_that_others_hold_up_says_nothing_of_itself(tmp_path: Path) -> None:
    stretch = seen(tmp_path, target=(0.6, 0.35), others=1.2)
    assert stretch.foreign is not None
    assert abs(stretch.foreign - 1.2) < 0.05
    assert stretch.target is not None
    assert astuple(stretch.target) == pytest.approx((0.6, 0.35, 0.95, 0.35, 0.0035))
    assert "the target waited 0.35 s" in stretch.spoilt(LIMIT_S)


def test_a_target_that_waits_for_itself_alone_is_at_its_own_limit(tmp_path: Path) -> None:
    assert not seen(tmp_path, target=(1.8, 0.9)).spoilt(LIMIT_S)


def test_a_target_with_time_to_spare_makes_up_for_short_waits(tmp_path: Path) -> None:
    assert not seen(tmp_path, target=(0.05, 0.05), others=1.8).spoilt(LIMIT_S)


def test_a_wait_that_a_limit_notices_spoils_a_second_of_an_idle_target(tmp_path: Path) -> None:
    stretch = seen(tmp_path, target=(0.05, 0.15), others=1.8, turns=3)
    assert "the target" in stretch.spoilt(LIMIT_S)


def test_many_short_waits_are_no_late_answer(tmp_path: Path) -> None:
    assert not seen(tmp_path, target=(0.05, 0.15), others=1.8, turns=500).spoilt(LIMIT_S)


def test_what_the_generator_waits_is_not_held_against_a_second(tmp_path: Path) -> None:
    stretch = seen(tmp_path, target=(0.1, 0.0), own=(0.7, 0.3), others=1.0)
    assert not stretch.spoilt(LIMIT_S)
    assert stretch.crowded


def test_what_the_hypervisor_took_spoils_a_second(tmp_path: Path) -> None:
    assert "hypervisor" in seen(tmp_path, target=(0.1, 0.0), stolen=0.4).spoilt(LIMIT_S)


def test_a_moment_after_a_look_there_is_nothing_to_say(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    contention = machine.contention()
    machine.now_s += 0.05
    assert contention.look() is None
    machine.second(target=(0.9, 0.2), others=1.0)
    stretch = contention.look()
    assert stretch is not None
    assert stretch.spoilt(LIMIT_S)


def test_a_target_that_is_not_here_accuses_nobody(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    contention = Contention([], str(tmp_path), Choice("pid", str(OWN)), lambda: machine.now_s)
    for _ in range(2):
        machine.second(target=(0.9, 0.2), own=(0.9, 0.1), others=1.0)
        stretch = contention.look()
    assert stretch is not None
    assert stretch.foreign is None
    assert not stretch.spoilt(LIMIT_S)


def test_the_targets_processes_are_those_watched_and_those_on_its_port() -> None:
    step = {"name": "ask", "method": "GET", "path": "/"}
    scenario = {"profile": {"kind": "constant-rate", "rate": 1, "duration": "1m"}, "steps": [step]}

    def plan(target: str) -> Plan:
        return Plan.model_validate({"target": target, "scenarios": {"s": scenario}, "probes": [{"process": 4711}]})

    assert processes_of(plan("http://127.0.0.1:8000")) == [Choice("pid", "4711"), Choice("port", "8000")]
    assert processes_of(plan("http://localhost")) == [Choice("pid", "4711"), Choice("port", "80")]
    assert processes_of(plan("http://192.0.2.7:8000")) == [Choice("pid", "4711")]
