"""Speech to text and text to speech over HTTP, each as a written step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, model_validator

from loadstone.plan.http import masked

TRANSCRIPTIONS, SPEECH = "/v1/audio/transcriptions", "/v1/audio/speech"


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    model: str = ""
    path: str = ""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_serializer("headers", "extra", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The path or URL."""
        return (self.path,)


class TranscribeCall(_Call):
    """One sound to recognise, as `transcribe: question.wav` or `transcribe: {file: question.wav, text: what it says}` writes it.

    text:   what the sound says; with it, word errors are counted
    format: of the answer; verbose_json also tells the length that the target took it for
    stream: the text is to come piece by piece, as server-sent events
    extra:  further fields of the form
    """

    file: Annotated[str, Field(min_length=1)]
    text: str | None = None
    model: str = "whisper-1"
    path: str = TRANSCRIPTIONS
    language: str | None = None
    format: Literal["verbose_json", "json", "text"] = "verbose_json"
    stream: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        return [self.model, self.path, self.headers, self.extra]


class SynthesizeCall(_Call):
    """One text to speak, as `synthesize: Hello` or `synthesize: {say: Hello, voice: alloy}` writes it.

    format:  wav, or pcm: mono PCM16 without a head at `rate_hz`
    rate_hz: of pcm; a WAV says its own
    extra:   further fields of the body
    """

    say: Annotated[str, Field(min_length=1)]
    model: str = "tts-1"
    voice: str = "alloy"
    path: str = SPEECH
    format: Literal["wav", "pcm"] = "wav"
    rate_hz: Annotated[int, Field(ge=4_000, le=192_000, alias="rate")] = 24_000

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"say": value} if isinstance(value, str) else value

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        return [self.say, self.model, self.voice, self.path, self.headers, self.extra]
