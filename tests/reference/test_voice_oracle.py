"""The oracle of voice calls in a time that the test moves: every switch shows its truth, to the millisecond."""

from __future__ import annotations

import asyncio
import heapq
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from loadstone.reference.sockets.outbox import BINARY, TEXT
from loadstone.reference.sockets.talks import Misunderstood
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.oracle import Oracle
from loadstone.reference.voice.sound import mulaw_of, pcm_of, peak, resampled, tone_frame
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.talk import VoiceTalk
from loadstone.synth.speech import names, utterance
from loadstone.synth.speech.utterance import RATES_HZ

LOUD, QUIET = tone_frame(16_000, 0), bytes(640)


class HandClock:
    """Time stands still until the test moves it; who waits is woken in order, each at its own instant."""

    def __init__(self) -> None:
        self.instant = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.instant

    async def until(self, deadline: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline, id(woken), woken))
        await woken

    async def move_to(self, instant: float) -> None:
        await _settle()
        while self._waiting and self._waiting[0][0] <= instant:
            deadline, _, woken = heapq.heappop(self._waiting)
            self.instant = max(self.instant, deadline)
            if not woken.done():
                woken.set_result(None)
                await _settle()
        self.instant = instant


async def _settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@dataclass
class Caller:
    """The other end of a call, and what it got: (instant in ms, opcode, payload)."""

    hub: Any
    query: dict[str, str]
    switches: Any = None
    got: list[tuple[float, int, bytes]] = field(default_factory=list)
    dropped: list[tuple[float, int]] = field(default_factory=list)

    def send(self, frame: bytes) -> None:
        head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
        self.got.append((self._ms(), frame[0] & 0x0F, frame[head:]))

    def send_payload(self, opcode: int, payload: bytes) -> None:
        self.got.append((self._ms(), opcode, payload))

    def drop(self, code: int) -> None:
        self.dropped.append((self._ms(), code))

    def _ms(self) -> float:
        return round(float(self.hub.voice.metronome.now()) * 1e3, 3)

    @property
    def sound_ms(self) -> list[float]:
        return [at for at, opcode, _ in self.got if opcode == BINARY]

    def events(self) -> list[tuple[float, str]]:
        return [(at, json.loads(payload)["type"]) for at, opcode, payload in self.got if opcode == TEXT]

    def at(self, name: str) -> list[float]:
        return [at for at, event in self.events() if event == name]


@dataclass
class _Hubs:
    voice: VoiceHub


def call(said: str, *, start: Any = None, until_ms: Any = 6_000, **query: Any) -> Caller:
    """One call: each letter of `said` is 100 ms, # loud and - quiet; its caller."""

    async def held() -> Caller:
        clock = HandClock()
        caller = Caller(_Hubs(VoiceHub(start or VoiceSwitches(), clock)), {name: str(value) for name, value in query.items()})
        talk = VoiceTalk(cast("Any", caller), "pcm", Oracle)
        talk.opened()
        for number in range(round(until_ms / 20)):
            await clock.move_to(number * 0.02)
            letter = said[number // 5] if number // 5 < len(said) else "-"
            talk.received(BINARY, LOUD if letter == "#" else QUIET)
        talk.closed()
        return caller

    return asyncio.run(held())


LAST_MS = 480.0  # when the last loud frame of "#####" comes


@pytest.mark.parametrize("delay_ms", [0, 300, 600, 900])
def test_the_answer_begins_exactly_so_long_after_the_last_voiced_frame(delay_ms: int) -> None:
    caller = call("#####", delay_ms=delay_ms)
    first = caller.sound_ms[0]
    assert first == (LAST_MS + delay_ms if delay_ms else 0.0)  # without a delay, after the first frame: nobody knows the future


def test_an_answer_is_sent_in_real_time_and_lasts_as_long_as_asked() -> None:
    caller = call("#####", speak_s=1, delay_ms=600)
    assert len(caller.sound_ms) == 50
    assert [at - caller.sound_ms[0] for at in caller.sound_ms] == pytest.approx([20.0 * n for n in range(50)], abs=1.001)
    assert caller.at("answer_ended") == pytest.approx([LAST_MS + 600 + 1000], abs=1.001)


def test_a_pause_shorter_than_the_delay_belongs_to_the_turn_and_a_longer_one_ends_it() -> None:
    assert call("##----##", delay_ms=600).sound_ms[0] == 780 + 600
    assert call("##-------##", delay_ms=600).sound_ms[0] == 180 + 600


def test_endpoint_and_first_token_time_add_to_the_delay_and_the_end_of_the_turn_is_told_at_the_endpoint() -> None:
    caller = call("#####", endpoint_ms=200, first_token_ms=150, delay_ms=50)
    assert caller.at("speech_started") == [0.0]
    assert caller.at("speech_ended") == [LAST_MS + 200]
    assert caller.sound_ms[0] == LAST_MS + 400


def test_who_speaks_over_the_answer_is_given_way_after_exactly_the_stop_time() -> None:
    caller = call("#####----------##", delay_ms=300, stop_ms=130)
    assert caller.at("clear") == [1500 + 130]
    assert caller.at("answer_started") == [LAST_MS + 300, 1680 + 300]
    assert not [at for at in caller.sound_ms if 1630 < at < 1980]


def test_a_caller_who_is_brief_is_not_given_way_to_before_the_least_length() -> None:
    assert call("#####----------##", delay_ms=300, yield_after_ms=400).at("clear") == []
    assert call("#####----------######", delay_ms=300, yield_after_ms=400).at("clear") == [1900]


@pytest.mark.parametrize("switch", [{"yields": "off"}, {"deaf": "on"}])
def test_an_agent_that_does_not_yield_or_is_deaf_says_all_of_its_answer(switch: dict[str, str]) -> None:
    caller = call("#####----------#####", delay_ms=300, speak_s=2, until_ms=4_000, **switch)
    assert len(caller.sound_ms) == 100
    assert caller.at("clear") == []


def test_a_greeting_comes_at_its_time_and_not_to_a_caller_who_is_faster() -> None:
    assert call("", greeting_ms=250).sound_ms[0] == 250
    assert call("#####", greeting_ms=250).sound_ms[0] == LAST_MS + 600


def test_lead_silence_is_sent_as_sound_that_cannot_be_heard() -> None:
    sound = b"".join(payload for _, opcode, payload in call("#####", lead_ms=90, speak_s=0.2).got if opcode == BINARY)
    loud = np.flatnonzero(np.abs(np.frombuffer(sound, "<i2").astype(int)) > 300)
    assert len(sound) == 2 * 16_000 * 0.29
    assert 90 <= loud[0] / 16 < 90.5


def test_a_burst_leaves_at_once_and_still_can_be_interrupted_while_it_is_heard() -> None:
    caller = call("#####---------------##", speed=0, delay_ms=300, stop_ms=100)
    assert caller.sound_ms[:100] == [LAST_MS + 300] * 100
    assert caller.at("clear") == [2000 + 100]


def test_a_stall_is_a_gap_of_its_length_at_its_place() -> None:
    sound = call("#####", stall_ms=300, stall_at_s=0.5).sound_ms
    assert np.diff(sound).max() == pytest.approx(320, abs=1.001)
    assert sound[25] - sound[0] == pytest.approx(800, abs=1.001)


def test_shares_of_frames_are_dropped_doubled_and_swapped_exactly() -> None:
    played = {name: call("#####", speak_s=2, **{name: "10%"}) for name in ("drop", "duplicate", "reorder")}
    assert {name: len(caller.sound_ms) for name, caller in played.items()} == {"drop": 90, "duplicate": 110, "reorder": 100}
    assert [getattr(played[name].hub.voice.counts, count) for name, count in (("drop", "dropped"), ("duplicate", "duplicated"))] == [10, 10]
    frames = [payload for _, opcode, payload in played["reorder"].got if opcode == BINARY]
    assert frames[8:11] == [tone_frame(16_000, number) for number in (8, 10, 9)]


def test_who_never_answers_is_silent_and_who_answers_at_once_does_not_wait_for_the_end() -> None:
    assert call("#####", answers="never").sound_ms == []
    assert call("#####", answers="at_once").sound_ms[0] == 0.0


def test_an_endless_answer_is_still_going_on_at_the_end_of_the_call() -> None:
    assert call("#####", endless="on", speak_s=0.5, until_ms=4_000).sound_ms[-1] > 3_950


def test_the_call_is_closed_in_the_middle_of_the_word() -> None:
    caller = call("#####", close_at_s=0.4)
    assert len(caller.sound_ms) == 20
    assert [code for _, code in caller.dropped] == [1011]
    assert caller.dropped[0][0] == pytest.approx(LAST_MS + 600 + 400, abs=1.001)


def test_another_rate_text_for_sound_unknown_events_and_broken_json_are_what_they_say() -> None:
    assert next(len(payload) for _, opcode, payload in call("#####", sent_rate=8_000).got if opcode == BINARY) == 320
    assert call("#####", text="on").sound_ms == []
    assert "surprise" in [event for _, event in call("#####", unknown="on").events()]
    assert b'{"type":' in [payload for _, _, payload in call("#####", garbage="on").got]


def test_a_transcript_comes_its_time_after_the_last_voiced_frame() -> None:
    caller = call("#####", transcript="what time is it", transcript_ms=120)
    assert caller.at("transcript") == [LAST_MS + 120]
    assert call("#####", transcript="late", transcript_ms=800).at("transcript") == [LAST_MS + 800]


def test_each_third_answer_of_the_backend_fails_and_says_so() -> None:
    caller = call("##--------" * 4, start=VoiceSwitches(fail_every=3), delay_ms=100, speak_s=0.1)
    assert (len(caller.at("answer_started")), len(caller.at("error"))) == (3, 1)


def test_a_call_may_ask_for_its_own_failures_and_the_next_one_has_none() -> None:
    caller = call("##--------" * 2, fail_every="1", delay_ms=100, speak_s=0.1)
    assert (len(caller.at("answer_started")), len(caller.at("error"))) == (0, 2)
    assert not call("##--------", delay_ms=100, speak_s=0.1).at("error")


def test_each_call_loses_the_memory_it_is_told_to() -> None:
    voice = call("", leak="10kB").hub.voice
    assert voice.counts.leaked_bytes == sum(map(len, voice.leaked)) == 10_000


def test_a_call_above_the_pool_waits_for_a_place() -> None:
    async def held() -> list[int]:
        hub = VoiceHub(VoiceSwitches(pool=1), HandClock())
        callers = [Caller(_Hubs(hub), {}) for _ in range(2)]
        talks = [VoiceTalk(cast("Any", caller), "pcm", Oracle) for caller in callers]
        for talk in talks:
            talk.opened()
        before = len(callers[1].got)
        talks[0].closed()
        return [len(callers[0].got), before, len(callers[1].got), hub.counts.waited]

    assert asyncio.run(held()) == [1, 0, 1, 1]


def test_a_session_is_agreed_to_only_when_its_call_has_a_place() -> None:
    async def held() -> tuple[int, int]:
        hub = VoiceHub(VoiceSwitches(pool=1), HandClock())
        callers = [Caller(_Hubs(hub), {}) for _ in range(2)]
        talks = [VoiceTalk(cast("Any", caller), "realtime", Oracle) for caller in callers]
        for talk in talks:
            talk.opened()
        talks[1].received(TEXT, b'{"type": "session.update", "session": {}}')
        before = len(callers[1].got)
        talks[0].closed()
        return before, len(callers[1].got)

    assert asyncio.run(held()) == (0, 2)


def test_mulaw_and_other_rates_keep_the_sound() -> None:
    pcm = np.arange(-32_000, 32_000, 7).astype("<i2")
    back = np.frombuffer(pcm_of(mulaw_of(pcm.tobytes())), "<i2").astype(int)
    assert (np.abs(back - pcm) <= np.maximum(np.abs(pcm.astype(int)) / 16, 8)).all()
    assert len(resampled(LOUD, 16_000, 24_000)) == 960
    assert len(resampled(LOUD, 16_000, 8_000)) == 320


@pytest.mark.parametrize("protocol", ["twilio", "realtime"])
def test_a_bad_rate_or_an_unknown_switch_is_refused_with_its_name(protocol: str) -> None:
    for query in ({"rate": "16000"}, {"dely_ms": "3"}, {"pool": "3"}):
        with pytest.raises(Misunderstood, match=r"Hz|dely_ms|pool"):
            VoiceTalk(cast("Any", Caller(_Hubs(VoiceHub(VoiceSwitches(), HandClock())), query)), protocol, Oracle)


def test_twilio_and_realtime_carry_the_same_truth_in_their_own_events() -> None:
    async def held(protocol: str, hello: list[Any], frame: Any, event_of: Any) -> list[Any]:
        clock = HandClock()
        caller = Caller(_Hubs(VoiceHub(VoiceSwitches(), clock)), {"delay_ms": "300", "stop_ms": "100"})
        talk = VoiceTalk(cast("Any", caller), protocol, Oracle)
        talk.opened()
        for message in hello:
            talk.received(TEXT, json.dumps(message).encode())
        for number in range(150):
            await clock.move_to(number * 0.02)
            loud = number < 25 or 75 <= number < 80
            talk.received(TEXT, json.dumps(frame(loud)).encode())
        talk.received(TEXT, b"no json")
        talk.closed()
        assert caller.hub.voice.counts.wrong_in == 1
        return [event_of(at, json.loads(payload)) for at, _, payload in caller.got]

    def media(loud: bool) -> Any:
        return {"event": "media", "media": {"payload": b64encode(mulaw_of(tone_frame(8_000, 0) if loud else bytes(320))).decode()}}

    def append(loud: bool) -> Any:
        return {"type": "input_audio_buffer.append", "audio": b64encode(tone_frame(24_000, 0) if loud else bytes(960)).decode()}

    start = [{"event": "connected"}, {"event": "start", "streamSid": "MZ1", "start": {"streamSid": "MZ1"}}]
    twilio = asyncio.run(held("twilio", start, media, lambda at, event: (at, event["event"], event.get("streamSid"))))
    assert next(event for event in twilio if event[1] == "media") == (LAST_MS + 300, "media", "MZ1")
    assert [event[0] for event in twilio if event[1] == "clear"] == [1600.0]
    update = [{"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcm"}}}}}]
    realtime = asyncio.run(held("realtime", update, append, lambda at, event: (at, event["type"], len(b64decode(event.get("delta", ""))))))
    assert [event[1] for event in realtime[:2]] == ["session.created", "session.updated"]
    assert next(event for event in realtime if event[2]) == (LAST_MS + 300, "response.output_audio.delta", 960)
    assert [event[0] for event in realtime if event[1].endswith("speech_started")] == [0.0, 1600.0]


@pytest.mark.parametrize("mulaw", [False, True])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", names())
def test_the_last_frame_that_the_oracle_hears_is_that_of_the_last_voiced_sample(name: str, rate_hz: int, mulaw: bool) -> None:
    said, width, level = utterance(name, rate_hz), rate_hz // 50 * 2, VoiceSwitches().level
    frames = [said.pcm[start : start + width] for start in range(0, len(said.pcm), width)]
    loud = [peak(mulaw_of(frame) if mulaw else frame, mulaw=mulaw) >= level for frame in frames]
    assert max(at for at, heard in enumerate(loud) if heard) == (said.voiced[-1][1] - 1) // (rate_hz // 50)
