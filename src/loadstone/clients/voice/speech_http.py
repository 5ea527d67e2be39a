"""Recognisers and synthesisers behind HTTP, as OpenAI's audio interface has them: one answer each, batch or streamed.

Source: OpenAI's reference "Audio": transcriptions (multipart form) and speech (JSON in, sound out).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadstone.clients.failure import TIMEOUTS
from loadstone.clients.ground import Ground
from loadstone.clients.http import HttpClient, Place
from loadstone.clients.http_scope import prepare
from loadstone.clients.intake import Backlog, Intake, told_status
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared
from loadstone.clients.sse import Event
from loadstone.clients.voice.dialect import Wrong
from loadstone.clients.voice.events import excerpt, parsed
from loadstone.clients.voice.speech_answers import BAD_ANSWER, NOT_SOUND, USELESS, Recognised, SpeechAnswer, Spoken
from loadstone.clients.voice.spoken import SpokenBody
from loadstone.clients.voice.wav import Sound, read_wav
from loadstone.clock import SECOND
from loadstone.measure.snapshot import Failure, Series, Tags
from loadstone.plan.voice_http import SPEECH, TRANSCRIPTIONS
from loadstone.stats.word_error import word_errors

RTF_SCALE = 1e6


class SpeechClients:
    """Clients of speech services of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self.http, self.scenario = ground.http, ground.scenario
        self.backlog = Backlog(ground.http.wire.loop)
        self._lengths: dict[bytes, float] = {}

    def client(self, place: Place) -> SpeechClient:
        """One user's."""
        return SpeechClient(self, place)

    def seconds_of(self, sound: bytes) -> float:
        """Length of a WAV; 0 for what is none. A step sends the same sound again and again, so that a few are remembered."""
        known = self._lengths.get(sound)
        if known is None:
            if len(self._lengths) >= 64:
                self._lengths.clear()
            known = self._lengths[sound] = read_wav(sound).seconds
        return known


class SpeechClient:
    """One user's recogniser and synthesiser."""

    def __init__(self, shared: SpeechClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self._http = HttpClient(shared.http, place)

    def close(self) -> None:
        """See Client."""
        self._http.close()

    async def transcribe(
        self,
        sound: bytes,
        *,
        expected: str | None = None,
        model: str = "whisper-1",
        language: str | None = None,
        format: str = "verbose_json",  # noqa: A002  the word of the plan
        stream: bool = False,
        path: str = TRANSCRIPTIONS,
        name: str = "transcribe",
        file_name: str = "sound.wav",
        headers: Mapping[str, str | None] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Recognised:
        """What a recogniser makes of a sound, the bytes of a WAV as a rule; with `expected`, word errors are counted."""
        wanted = {"model": model, "language": language, "response_format": format, "stream": "true" if stream else None, **(extra or {})}
        form = {key: value for key, value in wanted.items() if value is not None}
        files = {"file": (file_name, sound)}
        unpacked = {"Accept-Encoding": None, **(headers or {})}
        prepared = prepare(
            self._shared.http, self._place.tags, "POST", path, name=name, form=form, files=files, headers=unpacked, keep_body=True
        )
        prepared.explain = _told
        pieces = _Pieces()
        intake = Intake(self._shared.backlog, pieces.take, prepared.expect)
        reply = await self._http.stream(prepared, intake)
        broken = intake.finish(whole=reply.failure is None)
        answer = Recognised(reply)
        if broken is not None:
            answer.failed(broken.kind, broken.text)
        if answer.ok and intake.parser is not None:
            answer.first_text_ns = pieces.first_ns
            pieces.conclude(answer)
        elif answer.ok:
            _read_text(answer, plain=format == "text")
        self._record_text(prepared, answer, sound, expected)
        return answer

    async def synthesize(
        self,
        text: str,
        *,
        model: str = "tts-1",
        voice: str = "alloy",
        format: str = "wav",  # noqa: A002  the word of the plan
        rate_hz: int = 24_000,
        path: str = SPEECH,
        name: str = "synthesize",
        headers: Mapping[str, str | None] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Spoken:
        """What a synthesiser makes of a text: a WAV, or mono PCM16 at `rate_hz`."""
        body = {"model": model, "input": text, "voice": voice, "response_format": format, **(extra or {})}
        unpacked = {"Accept-Encoding": None, **(headers or {})}
        prepared = prepare(self._shared.http, self._place.tags, "POST", path, name=name, json=body, headers=unpacked, keep_body=True)
        prepared.explain = _told
        sink = SpokenBody(prepared.expect, rate_hz if format == "pcm" else None)
        reply = await self._http.stream(prepared, sink)
        sound = sink.sound()
        answer = Spoken(reply, sound)
        if sink.taken and sink.is_text:
            answer.failed(NOT_SOUND, f"content type {sink.content_type or '(none)'}, where sound was due")
        for fault in sound.faults:
            if fault in USELESS:
                answer.failed(fault, f"sound that is {fault}, {sound.seconds:.2f} s of it")
        if sink.first_sound_ns:
            answer.first_byte_s = (sink.first_sound_ns - reply.sent_ns) / SECOND
            answer.stall_s = sink.dry_ns() / SECOND
        self._record_sound(prepared, answer)
        return answer

    # -- what is written down ----------------------------------------------------------------------------------------

    def _record_text(self, prepared: Prepared, answer: Recognised, sound: bytes, expected: str | None) -> None:
        recorder, scenario, tags = self._shared.http.recorder, self._shared.scenario, prepared.step.tags
        seconds = self._shared.seconds_of(sound)
        outcome = self._record("stt", prepared, answer, seconds)
        if answer.first_text_ns:
            recorder.value(scenario, Series("voice.stt_first_text", outcome), answer.first_text_ns - answer._reply.sent_ns)  # noqa: SLF001  of this part
        if expected is not None and answer.ok:
            found = word_errors(expected, answer.text)
            answer.words, answer.errors = found.words, found.errors
            recorder.count(scenario, Series("voice.words", tags), answer.words)
            recorder.count(scenario, Series("voice.wer", tags), answer.errors)

    def _record_sound(self, prepared: Prepared, answer: Spoken) -> None:
        recorder, scenario, tags = self._shared.http.recorder, self._shared.scenario, prepared.step.tags
        sound: Sound = answer.sound
        outcome = self._record("tts", prepared, answer, sound.seconds)
        if answer.first_byte_s is not None:
            recorder.value(scenario, Series("voice.tts_first_byte", outcome), round(answer.first_byte_s * SECOND))
            recorder.value(scenario, Series("voice.tts_stall_time", outcome), round(answer.stall_s * SECOND))
        elif answer.failure in TIMEOUTS:
            recorder.beyond(scenario, Series("voice.tts_first_byte", outcome))
        for fault in sound.faults if answer.status else ():
            recorder.count(scenario, Series("voice.tts_faults", tuple(sorted((*tags, ("kind", fault))))))

    def _record(self, way: str, prepared: Prepared, answer: SpeechAnswer, seconds: float) -> Tags:
        """What both have: requests, errors, time, sound and its share of real time."""
        recorder, scenario, step = self._shared.http.recorder, self._shared.scenario, prepared.step
        tags = step.tags
        outcome = tuple(sorted((*tags, ("outcome", "ok" if answer.ok else "failed"))))
        recorder.count(scenario, Series(f"voice.{way}_requests", tags))
        if not answer.ok:
            recorder.count(scenario, Series(f"voice.{way}_errors", tuple(sorted((*tags, ("kind", answer.failure))))))
            if answer._reply.failure is None:  # noqa: SLF001  HTTP's own stand in the list already
                recorder.failure(scenario, Failure(answer.failure, step.step, answer.reason))
        if answer.failure in TIMEOUTS:
            recorder.beyond(scenario, Series(f"voice.{way}_time", outcome))
        elif answer.status:
            recorder.value(scenario, Series(f"voice.{way}_time", outcome), answer.took_ns)
        factor = answer.rtf(seconds)
        if answer.ok and factor is not None:
            recorder.count(scenario, Series(f"voice.{way}_audio", tags), round(seconds * SECOND))
            recorder.value(scenario, Series(f"voice.{way}_rtf", outcome), round(factor * RTF_SCALE))
        return outcome


def _told(reply: Reply) -> str:
    return told_status(reply.status, reply.headers, excerpt(reply.text, 200) if reply.body else "")


class _Pieces:
    """A text that comes as events: pieces, then the whole."""

    def __init__(self) -> None:
        self.first_ns = 0
        self._pieces: list[str] = []
        self._whole: str | None = None
        self._wrong = ""

    def take(self, event: Event, stamp_ns: int) -> None:
        """See intake.TakeEvent."""
        if event.data == "[DONE]":
            return
        document = parsed(event.data)
        if isinstance(document, Wrong):
            self._wrong = self._wrong or f"not an event of a transcript: {document.text[:60]}"
            return
        kind, piece, whole = document.get("type"), document.get("delta"), document.get("text")
        if isinstance(piece, str) and piece:
            self.first_ns = self.first_ns or stamp_ns
            self._pieces.append(piece)
        elif kind == "transcript.text.done" and isinstance(whole, str):
            self.first_ns = self.first_ns or stamp_ns
            self._whole = whole
        elif kind == "error" or "error" in document:
            self._wrong = self._wrong or excerpt(str(document.get("error")), 100)

    def conclude(self, answer: Recognised) -> None:
        """The text, or why there is none."""
        answer.text = self._whole if self._whole is not None else "".join(self._pieces)
        if self._wrong:
            answer.failed(BAD_ANSWER, self._wrong)
        elif self._whole is None:
            answer.failed("closed_early", "the stream ended before the whole text was there")


def _read_text(answer: Recognised, *, plain: bool) -> None:
    if plain:
        answer.text = answer.body.decode("utf-8", "replace").strip()
        return
    document = parsed(answer.body)
    if isinstance(document, Wrong) or not isinstance(document.get("text"), str):
        answer.failed(BAD_ANSWER, f"no transcript: {excerpt(answer.body, 60)}")
        return
    answer.text = document["text"]
    length = document.get("duration")
    try:
        answer.heard_s = float(length) if length is not None else None
    except (TypeError, ValueError):
        answer.heard_s = None
