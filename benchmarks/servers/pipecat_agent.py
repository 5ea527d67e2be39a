"""A voice agent on pipecat, in its own environment: `pipecat_agent.py PORT [STOP_S]`, at /twilio and /pcm?rate=16000.

Its transport, its serializer of Twilio's streams, its pipeline and its Silero detector are the framework's, as they come; what is
ours is that it answers each turn with a tone, and a serializer of raw sound, of which the framework has none.
STOP_S is the detector's silence after which a turn has ended; 0.2 s is the framework's default.
"""

import asyncio
import json
import math
import struct
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    AudioRawFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

ANSWER_S, PITCH_HZ, LEVEL = 1.5, 440, 8_000
STOP_S = 0.2
app = FastAPI()
detector = VADParams(stop_secs=STOP_S)


def tone(rate_hz: int) -> bytes:
    """The answer: audible from its second sample on."""
    samples = (int(LEVEL * math.sin(2 * math.pi * PITCH_HZ * at / rate_hz)) for at in range(round(ANSWER_S * rate_hz)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


class Answering(FrameProcessor):
    """Gives way when the caller begins to speak, and answers when it has stopped."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__()
        self._rate_hz, self._tone = rate_hz, tone(rate_hz)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """See FrameProcessor."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            return
        await self.push_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            await self.broadcast_interruption()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self.push_frame(TTSStartedFrame())
            await self.push_frame(TTSAudioRawFrame(audio=self._tone, sample_rate=self._rate_hz, num_channels=1))
            await self.push_frame(TTSStoppedFrame())


class RawSerializer(FrameSerializer):
    """Binary messages are sound; an interruption is said in JSON."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__()
        self._rate_hz = rate_hz

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """See FrameSerializer."""
        if isinstance(frame, InterruptionFrame):
            return json.dumps({"type": "clear"})
        return frame.audio if isinstance(frame, AudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """See FrameSerializer."""
        return InputAudioRawFrame(audio=data, sample_rate=self._rate_hz, num_channels=1) if isinstance(data, bytes) else None


@app.websocket("/pcm")
async def raw(websocket: WebSocket, rate: int = 16_000) -> None:
    """A call in raw sound."""
    await websocket.accept()
    await hold(websocket, RawSerializer(rate), rate)


@app.websocket("/twilio")
async def telephone(websocket: WebSocket) -> None:
    """A call as the telephone network makes it."""
    await websocket.accept()
    start = None
    while start is None:
        start = json.loads(await websocket.receive_text()).get("start")
    params = TwilioFrameSerializer.InputParams(auto_hang_up=False)
    await hold(websocket, TwilioFrameSerializer(start["streamSid"], start["callSid"], params=params), 8_000)


async def hold(websocket: WebSocket, serializer: FrameSerializer, rate_hz: int) -> None:
    """The whole call."""
    params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=serializer)
    transport = FastAPIWebsocketTransport(websocket, params)
    hears = VADProcessor(vad_analyzer=SileroVADAnalyzer(params=detector))
    pipeline = Pipeline([transport.input(), hears, Answering(rate_hz), transport.output()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=rate_hz, audio_out_sample_rate=rate_hz))

    @transport.event_handler("on_client_disconnected")
    async def left(_transport: FastAPIWebsocketTransport, _websocket: WebSocket) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    """Serve on loopback until a signal."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    if len(sys.argv) > 2:
        detector.stop_secs = float(sys.argv[2])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"))
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
