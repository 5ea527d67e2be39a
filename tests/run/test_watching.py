"""Watching without a load: a level whose course is known, and processes that are real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from loadstone.cli.main import main
from loadstone.errors import ExitCode
from loadstone.judge.verdict import Status
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import GateLine
from loadstone.probes.watch import Watch
from loadstone.watch import Seen, leak_gates, watch

MEMORY = Series("target.memory", (("probe", "known"),))
MISSED = Series("probe.missed", (("kind", "missing"), ("probe", "known")))
LEAK = leak_gates(["target.memory"])
PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]


class Known(Watch):
    """Reads a level that is a function of time; None where there is nothing to read."""

    def __init__(self, level: Callable[[float], float | None]) -> None:
        super().__init__([])
        self.level = level
        self.seconds: list[float] = []

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """See Watch."""
        self.seconds.append(snapshot.end_s - snapshot.start_s)
        value = self.level(snapshot.end_s)
        gauges = {} if value is None else {MEMORY: Gauge.of(value)}
        counts = {MISSED: 1} if value is None else {}
        return Snapshot(snapshot.seq, snapshot.start_s, snapshot.end_s, judged=snapshot.judged, gauges=gauges, counts=counts)


def watched(
    level: Callable[[float], float | None], seconds: float = 300, *, held_up_s: float = 0.0, warm_up_s: float = 0.0
) -> tuple[Seen, Known]:
    """In time of our own, which may stand still once, at second 20, for so long."""
    probes, now, held = Known(level), [0.0], [held_up_s]

    def sleep(wait_s: float) -> None:
        now[0] += wait_s
        if now[0] > 20:
            now[0] += held[0]
            held[0] = 0.0

    seen = watch(probes, LEAK, seconds, warm_up_s=warm_up_s, clock=lambda: round(now[0] * 1e9), sleep=sleep)
    return seen, probes


def test_a_level_that_rises_steadily_leaks_and_one_that_does_not_does_not() -> None:
    assert watched(lambda at: 50e6 + 200e3 * at)[0].status is Status.FAIL
    assert watched(lambda _at: 50e6)[0].status is Status.PASS


def test_too_few_readings_are_no_pass() -> None:
    assert watched(lambda _at: 50e6, 20)[0].status is Status.NO_DATA


def test_who_ends_early_is_told_and_judged_until_then() -> None:
    seen, _ = watched(lambda at: 50e6 if at < 100 else None)
    assert seen.gone
    assert seen.status is Status.PASS
    assert seen.seconds < 110


def test_nothing_to_read_at_all_is_no_pass() -> None:
    seen, _ = watched(lambda _at: None, 60)
    assert (seen.status, seen.gone) == (Status.NO_DATA, False)
    assert seen.missed == {("known", "missing"): 60}


def test_time_in_which_we_were_held_up_is_one_long_second_and_no_burst() -> None:
    seen, probes = watched(lambda _at: 50e6, 300, held_up_s=120.0)
    assert max(probes.seconds) == pytest.approx(121, abs=0.2)
    assert len(probes.seconds) == pytest.approx(180, abs=2)
    assert not seen.gone


def test_the_warm_up_is_watched_and_not_judged() -> None:
    seen, probes = watched(lambda at: min(50e6, 1e6 * at), 100, warm_up_s=60)
    assert seen.status is Status.PASS
    assert (len(probes.seconds), seen.seconds) == (160, 100)


def test_other_gates_stand_beside_those_on_leaks() -> None:
    gates = [GateLine(gate="max(target.memory) < 10MB")]
    now = [0.0]
    seen = watch(
        Known(lambda _at: 50e6), gates, 5, clock=lambda: round(now[0] * 1e9), sleep=lambda wait_s: now.__setitem__(0, now[0] + wait_s)
    )
    assert seen.status is Status.FAIL


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else's that does nothing."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_process_of_somebody_elses_is_watched_by_its_pid(sleeper: subprocess.Popen[bytes]) -> None:
    words = ["watch", "--pid", str(sleeper.pid), "-d", "1s", "--every", "100ms", "--json"]
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120)
    document = json.loads(done.stdout)
    assert done.returncode == document["exit_code"] == ExitCode.INCONCLUSIVE, done.stderr  # ten readings cannot tell
    assert {gate["gate"] for gate in document["gates"]} >= {"leak(target.memory) = none", "leak(target.descriptors) = none"}
    assert any(name.startswith("target.memory") for name in document["levels"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["watch"], "nothing to watch"),
        (["watch", "--probe", "machine"], "nothing is judged"),
        (["watch", "--pid", "1", "-d", "0s"], "more than 0"),
        (["watch", "--pid", "1", "--every", "1ms"], "0.1 s or more"),
    ],
)
def test_what_cannot_be_watched_is_told(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == ExitCode.USAGE
    assert says in capsys.readouterr().err
