"""The seam between a call and the protocol it is held in: what is sent, and what was heard, without I/O.

Audio on this side of the seam is mono PCM16, little-endian, at the dialect's `rate_hz`. A dialect belongs to one call and
keeps that call's identifiers, never its audio.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Payload = str | bytes  # a text or a binary message
Who = Literal["caller", "agent"]
WrongKind = Literal[
    "not_json",  # a text message that is no JSON object
    "text_for_audio",  # text where audio was due
    "audio_for_text",  # binary where only text is spoken
    "bad_audio",  # base64 or a length that cannot be samples
    "bad_event",  # a known event without what it must carry
    "bad_format",  # another encoding, rate, width or number of channels than agreed
    "too_large",  # larger than MESSAGE_MOST_BYTES: not looked at
    "agent_error",  # the agent says that something failed
]
RATES_HZ = (8_000, 16_000, 24_000, 48_000)
FRAME_MS = 20
MESSAGE_MOST_BYTES = 4 << 20  # base64 of 65 s at 24 kHz; the whole answer of an agent that does not stream is shorter
TEXT_MOST = 400  # characters of the agent's words kept in a Wrong


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound of the agent; PCM16 at the dialect's rate, any whole number of samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Clear:
    """What is not yet played shall not be played: the agent gives way."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The agent wants to know when everything before this point was heard; answered with `Dialect.played`."""

    name: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What somebody said, in the agent's words. Not final: a piece, or a guess that a later one replaces."""

    text: str
    final: bool
    who: Who


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """who = caller: the agent noticed that the caller speaks. who = agent: it began an answer."""

    who: Who = "caller"


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """who = caller: the agent decided that the caller has finished. who = agent: nothing more of this answer comes."""

    who: Who = "caller"


@dataclass(frozen=True, slots=True)
class Ready:
    """The agent agreed to the session."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A message that breaks the protocol, or one in which the agent reports a failure; counted by its kind."""

    kind: WrongKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that this dialect has no meaning for; counted, never a failure."""

    name: str


Heard = Audio | Clear | Mark | Transcript | TurnStarted | TurnEnded | Ready | Wrong | Unknown


class Dialect(Protocol):
    """One call's side of a protocol over WebSocket: each payload is one message."""

    rate_hz: int
    waits_for_ready: bool
    """Whether the agent says Ready before it listens."""

    def hello(self) -> list[Payload]:
        """Messages to send as soon as the connection is open."""

    def speak(self, pcm: bytes) -> list[Payload]:
        """Messages that carry one frame of the caller."""

    def played(self, mark: str) -> list[Payload]:
        """Messages that say that everything before the mark was heard, or thrown away by a clear."""

    def interrupted(self, played_ms: int) -> list[Payload]:
        """Messages that say how much of the agent's answer was heard before the caller cut it off."""

    def bye(self) -> list[Payload]:
        """Messages to send before the connection is closed."""

    def read(self, payload: Payload) -> list[Heard]:
        """What one message of the agent says. Never raises: garbage is Wrong."""


class StreamDialect(Protocol):
    """The same over a stream of bytes (TCP), in which messages have no borders of the transport's."""

    rate_hz: int
    waits_for_ready: bool

    def hello(self) -> list[bytes]:
        """Bytes to send as soon as the connection is open."""

    def speak(self, pcm: bytes) -> list[bytes]:
        """Bytes that carry one frame of the caller."""

    def played(self, mark: str) -> list[bytes]:
        """As in Dialect."""

    def interrupted(self, played_ms: int) -> list[bytes]:
        """As in Dialect."""

    def bye(self) -> list[bytes]:
        """As in Dialect."""

    def feed(self, piece: bytes) -> list[Heard]:
        """What has become whole with this piece. Never raises; after a Wrong that loses the borders of events, gives nothing."""
