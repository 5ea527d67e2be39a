"""A real voice agent: hears by a voice activity detector, recognises, replies by script and tools, and speaks with a synthesizer."""

from __future__ import annotations

import asyncio
from collections import deque

from loadstone.errors import UsageError
from loadstone.reference.sockets.talks import Misunderstood
from loadstone.reference.voice import parts, whisper
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.metronome import Beat
from loadstone.reference.voice.mouth import Mouth
from loadstone.reference.voice.script import is_backchannel, needs_tool
from loadstone.reference.voice.sound import framed, pcm_of, resampled
from loadstone.reference.voice.studio import Studio
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.wording import SPEECH_ENDED, SPEECH_STARTED, Wording
from loadstone.reference.voice.workers import PartFailed

ENDPOINT_MS = 500.0
GREETING = "Hello. You have reached the reference agent. What can I do for you?"
# Speech begins when this many of the last frames were voiced: one alone is a click.
_BEGIN_OF, _BEGIN_VOICED = 5, 3
_BEFORE = 15  # frames kept from before the beginning: detectors miss soft first sounds
_LONGEST_S = 60.0  # of one turn; more is cut off at its beginning


class Agent:
    """One call."""

    def __init__(self, hub: VoiceHub, wording: Wording, switches: VoiceSwitches, mouth: Mouth) -> None:
        _check(hub, switches)
        try:
            self._vad = parts.vad(switches.vad)
        except UsageError as error:
            raise Misunderstood(str(error)) from None
        self._hub, self._wording, self._switches, self._mouth = hub, wording, switches, mouth
        self._studio: Studio = hub.studio
        self._endpoint_s = (ENDPOINT_MS if switches.endpoint_ms is None else switches.endpoint_ms) / 1e3
        self._rest = b""
        self._recent: deque[bool] = deque(maxlen=_BEGIN_OF)
        self._before: deque[bytes] = deque(maxlen=_BEFORE)
        self._turn: list[bytes] = []
        self._in_turn = False
        self._voiced_at = self._begun_at = 0.0
        self._beat: Beat | None = None
        self._yield: Beat | None = None
        self._thinking: asyncio.Task[None] | None = None
        self._conversation = ""

    def opened(self, at: float) -> None:
        """See Mind."""
        self._studio.start()
        self._conversation = self._studio.conversations.begin()
        if self._switches.greeting_ms is not None:
            self._thinking = asyncio.ensure_future(self._greet(at + self._switches.greeting_ms / 1e3))

    def heard(self, native: bytes, at: float) -> None:
        """See Mind."""
        if self._switches.deaf and self._mouth.speaking:
            return
        pcm = pcm_of(native) if self._wording.mulaw else native[: len(native) & ~1]
        data = self._rest + resampled(pcm, self._wording.rate_hz, parts.RATE_HZ)
        for start in range(0, len(data) - parts.FRAME_BYTES + 1, parts.FRAME_BYTES):
            self._frame(data[start : start + parts.FRAME_BYTES], at)
        self._rest = data[len(data) - len(data) % parts.FRAME_BYTES :]

    def said(self) -> None:
        """See Mind."""

    def closed(self) -> None:
        """See Mind."""
        for beat in (self._beat, self._yield):
            if beat is not None:
                beat.cancel()
        if self._thinking is not None:
            self._thinking.cancel()
        self._mouth.hush()

    def _frame(self, frame: bytes, at: float) -> None:
        voiced = self._vad(frame)
        self._recent.append(voiced)
        if voiced:
            self._hub.counts.voiced_in += 1
            self._voiced_at = at
        if self._in_turn:
            self._turn.append(frame)
            if len(self._turn) > _LONGEST_S * 50:
                del self._turn[:50]
            self._consider_yielding(at)
        elif sum(self._recent) >= _BEGIN_VOICED:
            self._begin_turn(frame, at)
        else:
            self._before.append(frame)

    def _begin_turn(self, frame: bytes, at: float) -> None:
        self._in_turn, self._begun_at = True, at
        if self._thinking is not None and not self._mouth.speaking:
            # It was no end, only a pause: what was said before belongs to this turn.
            self._thinking.cancel()
            self._turn += [*self._before, frame]
        else:
            self._turn = [*self._before, frame]
        self._thinking = None
        self._before.clear()
        if not self._mouth.speaking:
            self._mouth.tell(self._wording.event(SPEECH_STARTED))
        self._consider_yielding(at)
        self._beat = self._hub.metronome.at(self._voiced_at + self._endpoint_s, self._consider_end)

    def _consider_yielding(self, at: float) -> None:
        switches = self._switches
        if not self._mouth.speaking or not switches.yields or self._yield is not None:
            return
        if at - self._begun_at >= switches.yield_after_ms / 1e3 - 1e-6:
            stop_s = (switches.stop_ms or 0.0) / 1e3
            self._yield = self._hub.metronome.at(max(at, self._begun_at + stop_s), self._give_way)

    def _give_way(self) -> None:
        self._yield = None
        if self._mouth.speaking:
            self._mouth.give_way()

    def _consider_end(self) -> None:
        """The caller may have finished: silence is as long as the endpoint asks, or the appointment moves."""
        self._beat = None
        end = self._voiced_at + self._endpoint_s
        if end > self._hub.metronome.now():
            self._beat = self._hub.metronome.at(end, self._consider_end)
            return
        self._in_turn = False
        self._recent.clear()
        self._hub.counts.turns += 1
        if not self._mouth.speaking:
            self._mouth.tell(self._wording.event(SPEECH_ENDED))
        if self._switches.answers != "never":
            self._thinking = asyncio.ensure_future(self._answer(b"".join(self._turn), end))

    async def _answer(self, pcm: bytes, end: float) -> None:
        fault = self._switches.fail_part if self._hub.fails(self._switches.fail_every) else ""
        try:
            _fail_if(fault, "vad")
            said = await self._studio.workers.recognise(pcm, self._switches.stt)
            _fail_if(fault, "stt")
            if said:
                self._mouth.tell(self._wording.transcript(said, of_caller=True))
            if self._switches.reply == "script" and needs_tool(said):
                _fail_if(fault, "tool")
            reply = await self._reply(said)
            _fail_if(fault, "reply")
            if not reply or self._mouth.speaking:  # a backchannel, or nobody's turn
                self._thinking = None
                return
            await self._studio.timer.until(self._hub.metronome.now() + self._switches.first_token_ms / 1e3)
            sound = await self._studio.workers.synthesize(reply)
            _fail_if(fault, "tts")
            await self._studio.timer.until(end + (self._switches.delay_ms or 0.0) / 1e3)
        except PartFailed as error:
            self._hub.counts.failed += 1
            self._mouth.tell(self._wording.failed(str(error)))
            self._thinking = None
            return
        self._hub.counts.answers += 1
        self._say(reply, sound)

    async def _reply(self, said: str) -> str:
        """What is answered; empty to a backchannel, and to nothing that could be understood by a model."""
        conversations, answered = self._studio.conversations, self._studio.answer
        if self._switches.reply == "script" or answered is None:
            return conversations.reply(self._conversation, said)
        conversations.keep(self._conversation, "user", said)
        if not said or is_backchannel(said):
            return ""
        answer = await answered(conversations.said(self._conversation))
        conversations.keep(self._conversation, "assistant", answer)
        return answer

    async def _greet(self, due: float) -> None:
        try:
            sound = await self._studio.workers.synthesize(GREETING)
        except PartFailed as error:
            self._mouth.tell(self._wording.failed(str(error)))
            return
        await self._studio.timer.until(due)
        self._hub.counts.greetings += 1
        self._say(GREETING, sound)

    def _say(self, text: str, sound: bytes) -> None:
        self._thinking = None
        wording, switches = self._wording, self._switches
        rate_hz = switches.sent_rate or wording.rate_hz
        lead = bytes(2 * round(switches.lead_ms / 1e3 * rate_hz))
        self._mouth.say(framed(lead + resampled(sound, parts.RATE_HZ, rate_hz), rate_hz, mulaw=wording.mulaw), self._hub.metronome.now())
        self._mouth.tell(wording.transcript(text, of_caller=False))


def _check(hub: VoiceHub, switches: VoiceSwitches) -> None:
    """Raises Misunderstood where a part of the agent that is asked for is missing."""
    absent = parts.missing(switches.stt)
    if absent:
        raise Misunderstood(f"the real agent misses {', '.join(absent)}; try: {parts.INSTALL}")
    if switches.stt == whisper.NAME and whisper.missing():
        raise Misunderstood(whisper.missing())
    if switches.reply == "model" and hub.studio.answer is None:
        raise Misunderstood(parts.WITHOUT_MODEL)


def _fail_if(fault: str, part: str) -> None:
    if fault == part:
        raise PartFailed(f"injected fault: {part} failed")
