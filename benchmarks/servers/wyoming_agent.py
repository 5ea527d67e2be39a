"""A voice agent on the wyoming package, in its own environment: `wyoming_agent.py PORT [STOP_S [fails]]`.

The server, its events and its conversion of rates are the package's, as they come; what is ours is that a turn ends after STOP_S
without voice, by webrtcvad, and is answered with a tone at 22,050 Hz, all of it at once, as synthesizers on Wyoming send it.
One that `fails` answers each turn with the package's error event.
"""

import asyncio
import math
import struct
import sys

import webrtcvad
from wyoming.audio import AudioChunk, AudioChunkConverter, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.handle import Handled
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.vad import VoiceStarted, VoiceStopped

RATE_HZ, FRAME_BYTES, FRAME_MS = 16_000, 640, 20
ANSWER_HZ, ANSWER_S, PITCH_HZ, LEVEL = 22_050, 1.5, 440, 8_000
CHUNK_BYTES = 2_048  # of the answer, in one event
BEGINS_MS = 100  # of voice in one stretch
STOP_S = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
FAILS = "fails" in sys.argv


def tone() -> bytes:
    """The answer: audible from its second sample on."""
    samples = (int(LEVEL * math.sin(2 * math.pi * PITCH_HZ * at / ANSWER_HZ)) for at in range(round(ANSWER_S * ANSWER_HZ)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


TONE = tone()


class Agent(AsyncEventHandler):
    """One call."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._vad = webrtcvad.Vad(3)
        self._converter = AudioChunkConverter(rate=RATE_HZ, width=2, channels=1)
        self._rest = b""
        self._voiced_ms = self._silent_ms = 0
        self._in_turn = False

    async def handle_event(self, event: Event) -> bool:
        """See AsyncEventHandler."""
        if AudioChunk.is_type(event.type):
            self._rest += self._converter.convert(AudioChunk.from_event(event)).audio
            while len(self._rest) >= FRAME_BYTES:
                frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
                await self._frame(frame)
        return not AudioStop.is_type(event.type)

    async def _frame(self, frame: bytes) -> None:
        if self._vad.is_speech(frame, RATE_HZ):
            self._voiced_ms, self._silent_ms = self._voiced_ms + FRAME_MS, 0
            if not self._in_turn and self._voiced_ms >= BEGINS_MS:
                self._in_turn = True
                await self.write_event(VoiceStarted().event())
            return
        self._voiced_ms, self._silent_ms = 0, self._silent_ms + FRAME_MS
        if self._in_turn and self._silent_ms >= STOP_S * 1_000:
            self._in_turn = False
            await self.write_event(VoiceStopped().event())
            await (self.write_event(Error("the recogniser is gone", "stt").event()) if FAILS else self._answer())

    async def _answer(self) -> None:
        await self.write_event(Handled("a tone").event())
        await self.write_event(AudioStart(ANSWER_HZ, 2, 1).event())
        for at in range(0, len(TONE), CHUNK_BYTES):
            await self.write_event(AudioChunk(ANSWER_HZ, 2, 1, TONE[at : at + CHUNK_BYTES]).event())
        await self.write_event(AudioStop().event())


if __name__ == "__main__":
    asyncio.run(AsyncTcpServer("127.0.0.1", int(sys.argv[1])).run(Agent))
