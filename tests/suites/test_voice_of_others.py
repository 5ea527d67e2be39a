"""The voice suite against a backend that is not ours: its tools, its sessions across a kill, its speech service."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.processes import end, free_port, wait_until_it_listens
from loadstone.clients.voice.wav import write_wav
from loadstone.errors import TargetUnreachable, UsageError
from loadstone.load.stage import stage
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.voice import measuring
from loadstone.suites.voice.restarts import Commanded, store_killed_in_the_midst
from loadstone.suites.voice.sessions import killed_in_the_midst
from loadstone.testing.talk import Talk

LIMIT_S = 120
SERVICE = Path(__file__).with_name("voice_service.py")
SOUND = write_wav(np.round(9_000 * np.sin(np.arange(8_000) / 5)).astype("<i2").tobytes(), 16_000)
STORES = """
import json, pathlib

class Forgetful:
    def __init__(self): self.kept = {}
    def create(self, user): return self.kept.setdefault(str(len(self.kept)), []) and "" or str(len(self.kept) - 1)
    def insert(self, session, text): self.kept[session].append(text)
    def query(self, session): return self.kept.get(session, [])
    def delete(self, session): pass

class Lines:
    "A file of lines for each session, written by `async` methods."
    async def create(self, user):
        number = len(list(pathlib.Path("lines").iterdir()))
        pathlib.Path("lines", str(number)).touch()
        return number
    async def insert(self, session, text):
        with pathlib.Path("lines", str(session)).open("a") as file: file.write(json.dumps(text) + "\\n")
    async def query(self, session):
        return [json.loads(line) for line in pathlib.Path("lines", str(session)).read_text().splitlines()]
    async def delete(self, session): pass

class Broken(Lines):
    def create(self, user): raise RuntimeError("the disk is full")
"""


def command(port: int, *more: str) -> str:
    return shlex.join([sys.executable, str(SERVICE), str(port), *more])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The backend of others, on a free port."""
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    with (folder / "log").open("wb") as out:
        argv = shlex.split(command(port, str(folder / "kept.db")))
        process = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
        try:
            wait_until_it_listens(process, port, folder / "log", LIMIT_S)
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def planned(**flags: Any) -> Plan:
    return load(["voice"], Overrides({name: str(value) for name, value in flags.items()}, (), (), {}))[0]


def played(plan: Plan, times: int = 3, *, target: str = "") -> Aggregate:
    """What one user of each of a plan's scenarios measures, so many times over."""
    talk = Talk(target=target)

    async def play(_: Any) -> None:
        assert talk.wire is not None
        for scenario in plan.scenarios:
            scene = stage(plan, scenario, talk.wire, talk.recorder, Catalogue(declared(plan.metrics)))
            session = scene.enter(0)
            await scene.start(session)
            for _time in range(times):
                await scene.iterate(session)
            await scene.end(session)

    talk.hold(play)
    return talk.measured


# -- tools ------------------------------------------------------------------------------------------------------------


def test_tools_of_another_service_are_found_and_run_over_http(service: str) -> None:
    measured = played(planned(only="tools", tools=f"{service}/tools", users=2))
    for scenario in ("tools one at a time", "tools at once"):
        for step in ("tool lookup", "tool run"):
            assert measured.count("http.requests", {"scenario": scenario, "step": step}) == 3
    assert measured.count("http.errors") is measured.count("check.failures") is None


def test_tools_behind_a_callable_of_somebody_else_are_found_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "statistics_tools.py").write_text("import platform, time\ntools = lambda: {'clock': time.time, 'host': platform.node}\n")
    monkeypatch.syspath_prepend(tmp_path)
    measured = played(planned(only="tools", tools="statistics_tools:tools", users=2))
    assert measured.count("call.requests", {"step": "tool run"}) == 6
    assert measured.count("call.errors") is None


# -- memory -----------------------------------------------------------------------------------------------------------


def test_the_memory_of_another_service_is_read_while_its_sessions_are_used(service: str) -> None:
    plan = planned(only="sessions", url=service, memory=1, duration="20s", messages=1)
    watchers = [each for each in plan.scenarios if each.name.startswith("memory of")]
    assert [each.settings["part"] for each in watchers] == ["sessions", "large sessions"]
    measured = played(plan.model_copy(update={"scenarios": watchers}), 2)
    found = measured.gauge("service.memory", {"part": "sessions"})
    assert found is not None
    assert found.count == 2
    assert 10 < found.mean < 500


# -- what measuring costs ---------------------------------------------------------------------------------------------


def test_what_measuring_costs_is_told_of_nothing_and_of_a_tool_and_weighed_against_the_larger_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_tools.py").write_text("import time\ntools = lambda: {'wait': lambda: time.sleep(0.02)}\n")
    monkeypatch.syspath_prepend(tmp_path)
    measured = played(planned(only="measuring", tools="slow_tools:tools"), 1)
    names = ("parts.measuring", "parts.operation", "parts.measuring_share", "parts.measuring_allowed")
    for operation, limit_ms in ((measuring.NOTHING, 0.02), ("wait", None)):
        (added, call, share, of_allowed) = (one(measured, name, {"operation": operation}) for name in names)
        assert share == pytest.approx(added / call, rel=0.02, abs=0.01)
        allowed = limit_ms or 0.05 * call  # 5 % of 20 ms are more than 20 us
        assert of_allowed == pytest.approx(added / allowed, rel=0.02, abs=0.01)
    assert one(measured, "parts.operation", {"operation": "wait"}) >= 20


def one(measured: Aggregate, name: str, tags: dict[str, str]) -> float:
    """The only value of a metric."""
    found = measured.distribution(name, tags)
    assert found is not None
    assert found.count == 1
    return found.max / 1e6


@given(st.floats(0, 1e10), st.floats(1, 1e3))
def test_measuring_may_cost_whichever_is_larger(operation_ns: float, limit_us: float) -> None:
    allowed = measuring.allowed_ns(operation_ns, limit_us)
    assert allowed >= limit_us * 1e3
    assert allowed >= 0.05 * operation_ns
    assert allowed in {limit_us * 1e3, 0.05 * operation_ns}


def test_a_long_operation_is_called_a_few_times_and_a_short_one_often() -> None:
    calls: list[None] = []
    assert measuring.how_many(lambda: calls.append(None)) > measuring.FEWEST_CALLS
    assert len(calls) == 1


# -- sessions that survive --------------------------------------------------------------------------------------------


def test_a_backend_of_others_that_is_killed_and_started_by_its_command_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    port = free_port()
    acknowledged, lost = killed_in_the_midst(0.3, command=command(port, str(tmp_path / "kept.db")), url=f"http://127.0.0.1:{port}")
    assert acknowledged > 0
    assert lost == 0


def test_a_backend_of_others_that_keeps_sessions_in_memory_alone_is_found(tmp_path: Path) -> None:
    port = free_port()
    acknowledged, lost = killed_in_the_midst(
        0.3, command=command(port, str(tmp_path / "kept.db"), "forgetful"), url=f"http://127.0.0.1:{port}"
    )
    assert lost == acknowledged > 0


def test_a_kill_reaches_what_the_command_started(tmp_path: Path) -> None:
    port = free_port()
    backend = Commanded(shlex.join(["sh", "-c", command(port, str(tmp_path / "kept.db")) + "; true"]), f"http://127.0.0.1:{port}")
    try:
        backend.start()
        backend.kill()
        backend.stop()
        backend.start()  # its port is free again
    finally:
        backend.stop()


def test_a_backend_that_was_there_before_the_command_is_not_taken_for_it(service: str) -> None:
    with pytest.raises(UsageError, match="somebody listens there"):
        Commanded("true", service).start()


@pytest.mark.parametrize(("line", "message"), [("false", "exit code 1"), ("sh -c 'echo no such file >&2; exit 3'", "no such file")])
def test_a_command_that_ends_says_its_last_words(line: str, message: str) -> None:
    with pytest.raises(TargetUnreachable, match=message):
        Commanded(line, f"http://127.0.0.1:{free_port()}").start()


def test_a_command_that_is_no_program_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="cannot be started"):
        Commanded("/no/such/program", f"http://127.0.0.1:{free_port()}").start()


@pytest.mark.parametrize(("where", "keeps"), [("sqlite:mine.db", True), ("stores:Lines", True), ("stores:Forgetful", False)])
def test_a_store_in_process_is_judged_by_what_the_next_process_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, *, keeps: bool
) -> None:
    (tmp_path / "stores.py").write_text(STORES)
    (tmp_path / "lines").mkdir()
    monkeypatch.chdir(tmp_path)
    acknowledged, lost = store_killed_in_the_midst(where, 0.1)
    assert acknowledged > 0
    assert lost == (0 if keeps else acknowledged)


def test_a_store_that_acknowledges_nothing_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stores.py").write_text(STORES)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the disk is full"):
        store_killed_in_the_midst("stores:Broken", 0.1)


# -- speech over HTTP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{}, {"format": "text"}, {"format": "json"}, {"stream": True}])
def test_a_recogniser_of_others_writes_down_what_it_hears(service: str, asked: dict[str, Any]) -> None:
    talk = Talk(target=service)
    came = talk.speak("speech", lambda speech: speech.transcribe(SOUND, expected="Turn the light off.", **asked))
    assert (came.ok, came.text, came.words, came.errors) == (True, "turn the light on", 4, 1)
    measured = talk.measured
    times, first = measured.distribution("voice.stt_time"), measured.distribution("voice.stt_first_text")
    assert times is not None
    assert times.max >= 40_000_000
    if asked.get("stream"):
        assert first is not None
        assert first.max + 80_000_000 < times.max  # three more words follow the first, each after 40 ms


@pytest.mark.parametrize("asked", [{}, {"format": "pcm", "rate_hz": 24_000}])
def test_a_synthesiser_of_others_is_heard_whole_or_piece_by_piece(service: str, asked: dict[str, Any]) -> None:
    talk = Talk(target=service)
    came = talk.speak("speech", lambda speech: speech.synthesize("ten letter", **asked))
    assert (came.ok, came.sound.rate_hz, came.sound.seconds) == (True, 24_000, 0.5)
    measured = talk.measured
    first, times = measured.distribution("voice.tts_first_byte"), measured.distribution("voice.tts_time")
    assert first is not None
    assert times is not None
    if asked:
        assert first.max + 80_000_000 < times.max


def test_speech_of_others_that_runs_dry_is_told_with_the_time_a_listener_waited(service: str) -> None:
    talk = Talk(target=service)
    came = talk.speak("speech", lambda speech: speech.synthesize("ten letter", format="pcm", rate_hz=24_000, voice="stutters"))
    # A tenth of a second is there when the next piece takes more than half a second.
    assert came.stall_s >= 0.4


# -- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "stalls", "faked", "shared"), [("plain", 0, None, 0), ("frozen", 1, None, 0), ("faked", 0, 1, 39), ("shared", 0, None, 30)]
)
def test_what_is_wrong_with_a_stream_of_others_is_told(service: str, model: str, stalls: int, faked: int | None, shared: int) -> None:
    talk = Talk(target=service)
    answer = talk.speak("llm", lambda llm: llm.chat("forty words"), llm={"model": model, "stall": "500ms"})
    measured = talk.measured
    assert answer.ok
    assert len(answer.text.split()) == 40
    assert measured.count("llm.faked_streams") == faked
    # At the least: a machine that is busy with others adds stalls, and reads pieces together.
    assert (measured.count("llm.stalls") or 0) >= stalls
    gaps, together = measured.distribution("llm.token_gap"), measured.distribution("llm.token_gap", {"shared": "yes"})
    assert gaps is not None
    assert gaps.count == 39
    assert (together.count if together else 0) >= shared
    if stalls:
        frozen = measured.distribution("llm.stall_time")
        assert frozen is not None
        assert frozen.max >= 600_000_000
