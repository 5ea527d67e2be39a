"""What can be set about voice: at the start, while running (`PUT /voice`), or by one call's query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadstone.errors import UsageError
from loadstone.reference.switch_values import Reader, changed, number, one_of, share, size, truth, whole, written
from loadstone.reference.voice.sound import RATES_HZ

PARTS = ("vad", "stt", "reply", "tool", "tts")


@dataclass(frozen=True, slots=True)
class VoiceSwitches:
    """How voice answers; docs/reference.md has the meaning and the exactness of each.

    rate:       Hz; None is the protocol's own
    endpoint_ms, first_token_ms, delay_ms: their sum lies between the caller's last voiced frame and the answer's first of the oracle;
                None is 0, 0 and 600 ms there. The real agent has an endpoint of 500 ms, and no delay but that of its parts
    greeting_ms: after which the agent speaks first; None: it does not
    stop_ms:    after the caller's first voiced frame, when the agent gives way; None: 100 ms, and the real agent when it notices
    yield_after_ms: of the caller's voice in one stretch, before the agent gives way at all
    speed:      of sending, against real time; 0 sends an answer as one burst
    sent_rate:  in which the sound really is, whatever was agreed; None: as agreed
    fail_every: an answer fails, at `fail_part`, when its number among those of the backend is a multiple; 0 none does
    pool:       calls that are served at once; None is unlimited
    workers:    processes in which the real agent recognises and synthesizes; as at the start
    level:      peak from which a frame counts as voiced, of 32,767
    """

    rate: int | None = None
    encoding: str = "pcm16"
    delay_ms: float | None = None
    endpoint_ms: float | None = None
    first_token_ms: float = 0.0
    greeting_ms: float | None = None
    greeting_s: float = 1.0
    lead_ms: float = 0.0
    speak_s: float = 2.0
    stop_ms: float | None = None
    yield_after_ms: float = 0.0
    yields: bool = True
    clear: bool = True
    speed: float = 1.0
    stall_ms: float = 0.0
    stall_at_s: float = 1.0
    drop: Fraction = Fraction(0)
    reorder: Fraction = Fraction(0)
    duplicate: Fraction = Fraction(0)
    deaf: bool = False
    answers: str = "turn"
    endless: bool = False
    close_at_s: float | None = None
    sent_rate: int | None = None
    text: bool = False
    unknown: bool = False
    garbage: bool = False
    transcript: str = ""
    transcript_ms: float = 0.0
    leak: int = 0
    fail_every: int = 0
    fail_part: str = "tts"
    pool: int | None = None
    level: int = 300
    vad: str = "webrtc"
    stt: str = "pocketsphinx"
    reply: str = "script"
    workers: int = 1
    wyoming: str = "oracle"

    def as_json(self) -> dict[str, Any]:
        """The form that `read_voice_switches` reads back to the same switches."""
        return written(self)


def read_voice_switches(
    asked: Mapping[str, Any], start: VoiceSwitches, *, where: str = "voice", names: frozenset[str] | None = None
) -> VoiceSwitches:
    """See `changed`."""
    return changed(asked, start, _READ, where, names)


def _rate(value: Any, where: str) -> int:
    found = whole(1, 1_000_000)(value, where)
    if found not in RATES_HZ:
        raise UsageError(f"{value!r} is no rate of ours; known: {', '.join(map(str, RATES_HZ))}", where=where, hint="16000")
    return found


def _words(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > 1_000:
        raise UsageError("not a text of at most 1,000 characters", where=where)
    return value


_milliseconds, _seconds = number(0, 600_000), number(0, 600)
_READ: dict[str, Reader] = {
    "rate": _rate,
    "encoding": one_of("pcm16", "mulaw"),
    "delay_ms": _milliseconds,
    "endpoint_ms": _milliseconds,
    "first_token_ms": _milliseconds,
    "greeting_ms": _milliseconds,
    "greeting_s": number(0.02, 600),
    "lead_ms": _milliseconds,
    "speak_s": number(0.02, 600),
    "stop_ms": _milliseconds,
    "yield_after_ms": _milliseconds,
    "yields": truth,
    "clear": truth,
    "speed": number(0, 100),
    "stall_ms": _milliseconds,
    "stall_at_s": _seconds,
    "drop": share,
    "reorder": share,
    "duplicate": share,
    "deaf": truth,
    "answers": one_of("turn", "never", "at_once"),
    "endless": truth,
    "close_at_s": _seconds,
    "sent_rate": _rate,
    "text": truth,
    "unknown": truth,
    "garbage": truth,
    "transcript": _words,
    "transcript_ms": _milliseconds,
    "leak": size,
    "fail_every": whole(0, 1_000_000),
    "fail_part": one_of(*PARTS),
    "pool": whole(1, 1_000_000),
    "level": whole(1, 32_767),
    "vad": one_of("webrtc", "silero"),
    "stt": one_of("pocketsphinx", "whisper-tiny.en"),
    "reply": one_of("script", "model"),
    "workers": whole(1, 64),
    "wyoming": one_of("oracle", "agent"),
}
# What all calls share cannot be set by one of them.
SHARED = frozenset({"pool", "wyoming", "workers"})
OF_A_CALL = frozenset(_READ) - SHARED
