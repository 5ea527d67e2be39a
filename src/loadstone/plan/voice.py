"""How a plan wants calls of voice agents to be held: settings of all calls, and one call's script as a written step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, field_validator, model_validator

from loadstone.plan.http import masked
from loadstone.plan.quantities import Delay, Duration
from loadstone.plan.wrong import Wrong

Protocol = Literal["pcm", "realtime", "twilio", "wyoming"]
Stagger = Literal["even", "poisson", "step"]
RATES_HZ = (8_000, 16_000, 24_000, 48_000)
EXAMPLE = "script: [{speak: hello}, {wait_answer: {within: 10s}}]"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class VoiceTargets(_Settings):
    """What a good figure is; rules of thumb that reports show beside the figures, never gates."""

    response_gap_s: Duration = Field(default=0.8, alias="response_gap")
    barge_stop_s: Duration = Field(default=0.2, alias="barge_stop")


class VoiceSettings(_Settings):
    """What holds for every call that does not say otherwise.

    rate_hz:   of the caller's audio and of the agent's
    within_s:  how long an answer may take before the turn is dead
    pause_s:   silence after which an answer has ended
    longest_s: of one answer; an agent that speaks on never stops
    yield_s:   how long an agent may speak on after somebody barged in
    stagger:   how the first calls of users lie in the ramp: on an even grid, as independent people would, or all in step
    calibrate: measure the caller against an oracle before the first call; without it there is no verdict on voice
    """

    protocol: Protocol = "pcm"
    rate_hz: int = Field(default=16_000, alias="rate")
    encoding: Literal["pcm16", "mulaw"] = "pcm16"
    path: str = "/"
    within_s: Duration = Field(default=10.0, alias="within")
    pause_s: Duration = Field(default=0.7, alias="pause")
    longest_s: Duration = Field(default=60.0, alias="longest")
    yield_s: Duration = Field(default=2.0, alias="yield")
    ramp_s: Delay = Field(default=2.0, alias="ramp")
    stagger: Stagger = "even"
    calibrate: bool = True
    targets: VoiceTargets = VoiceTargets()
    options: dict[str, Any] = Field(default_factory=dict, repr=False, description="for the protocol, such as the model of realtime")

    @field_validator("rate_hz")
    @classmethod
    def _known_rate(cls, value: int) -> int:
        if value not in RATES_HZ:
            raise Wrong(f"must be one of {', '.join(map(str, RATES_HZ))} Hz", example="16000")
        return value

    @field_serializer("options", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)


class Waiting(_Settings):
    """How long to wait for the agent's voice; the settings' time unless given."""

    within_s: Duration | None = Field(default=None, alias="within")


class BargeIn(_Settings):
    """Speak while the agent speaks, so long after its first audible sound."""

    after_s: Delay = Field(default=0.8, alias="after")
    say: str = ""


class Backchannel(_Settings):
    """A short sound of attention while the agent speaks, which should not stop it."""

    after_s: Delay = Field(default=0.8, alias="after")
    say: str = ""


class Noise(_Settings):
    """Noise under all that is said from here on."""

    snr_db: float = 20.0


class HangUp(_Settings):
    """Leave; `after` so long into the agent's answer."""

    after_s: Delay | None = Field(default=None, alias="after")


ACTS = ("listen", "speak", "wait_answer", "barge_in", "backchannel", "silence", "mute", "noise", "hang_up")


class Act(_Settings):
    """One thing that the caller does."""

    listen: Waiting | None = None
    speak: str | None = None
    wait_answer: Waiting | None = None
    barge_in: BargeIn | None = None
    backchannel: Backchannel | None = None
    silence: Duration | None = None
    mute: Duration | None = None
    noise: Noise | None = None
    hang_up: HangUp | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """`listen` alone, and `wait_answer:` without anything."""
        if isinstance(value, str):
            value = {value: None}
        if not isinstance(value, dict):
            return value
        if len(value) > 1:  # as plans are handed on: what it does not do is null
            return {key: each for key, each in value.items() if each is not None}
        return {key: {} if each is None and key not in {"speak", "silence", "mute"} else each for key, each in value.items()}

    @model_validator(mode="after")
    def _one_thing(self) -> Act:
        said = [name for name in ACTS if getattr(self, name) is not None]
        if len(said) != 1:
            raise Wrong(f"has {' and '.join(said)}: an act is one thing" if said else "does nothing", hint="{speak: hello}")
        return self

    @property
    def kind(self) -> str:
        """Which of the acts it is."""
        return next(name for name in ACTS if getattr(self, name) is not None)

    @property
    def said(self) -> str | None:
        """The utterance that it speaks; empty for one of the made ones; None for an act without speech."""
        if self.speak is not None:
            return self.speak
        talk = self.barge_in or self.backchannel
        return talk.say if talk is not None else None


class VoiceCall(_Settings):
    """A step that is one call: the connection is opened, the script is played, the call is ended."""

    path: str | None = None
    script: Annotated[tuple[Act, ...], Field(min_length=1)] = (Act(speak=""), Act(wait_answer=Waiting()))
    headers: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _something_to_wait_for(self) -> VoiceCall:
        spoken = False
        for act in self.script:
            spoken = spoken or act.said is not None
            if act.kind == "wait_answer" and not spoken:
                raise Wrong("waits for an answer before anything was said", hint=EXAMPLE)
        return self

    @field_serializer("headers", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def addresses(self) -> tuple[str, ...]:
        """See plan.steps.Step; the settings' path is below the target."""
        return (self.path or "/",)

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        return [part for part in (self.path, self.headers) if part]
