"""Which protocols a call can be held in, by name."""

from dataclasses import dataclass
from typing import Any

from loadstone.clients.voice.dialect import Dialect, StreamDialect
from loadstone.clients.voice.pcm import PcmDialect
from loadstone.clients.voice.realtime import RealtimeDialect
from loadstone.clients.voice.twilio import TwilioDialect
from loadstone.clients.voice.wyoming import WyomingDialect
from loadstone.errors import UsageError
from loadstone.units import nearest


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol: its dialect, what carries it, and the rates it can have; the first is taken where none is wished."""

    dialect: type[PcmDialect | RealtimeDialect | TwilioDialect | WyomingDialect]
    rates_hz: tuple[int, ...]
    stream: bool = False  # TCP instead of WebSocket


DIALECTS: dict[str, Protocol] = {
    "pcm": Protocol(PcmDialect, (16_000, 8_000, 24_000, 48_000)),
    "realtime": Protocol(RealtimeDialect, (24_000, 8_000)),
    "twilio": Protocol(TwilioDialect, (8_000,)),
    "wyoming": Protocol(WyomingDialect, (16_000, 8_000, 24_000, 48_000), stream=True),
}


def protocol(name: str) -> Protocol:
    """The protocol of that name; raises UsageError."""
    found = DIALECTS.get(name)
    if found is None:
        raise UsageError(f"unknown protocol {name!r}{nearest(name, list(DIALECTS))}", where="voice", hint=f"one of {', '.join(DIALECTS)}")
    return found


def dialect(name: str, rate_hz: int | None = None, **options: Any) -> Dialect | StreamDialect:
    """One call's dialect; raises UsageError for a name, a rate or an option that cannot be.

    options: as the dialect's class takes them
    """
    found = protocol(name)
    rate = found.rates_hz[0] if rate_hz is None else rate_hz
    if rate not in found.rates_hz:
        known = ", ".join(str(each) for each in sorted(found.rates_hz))
        raise UsageError(f"rate {rate} Hz: {name} has {known} Hz", where="voice", hint=f"rate: {found.rates_hz[0]}")
    try:
        return found.dialect(rate, **options)
    except TypeError:
        raise UsageError(
            f"unknown option of {name} among {', '.join(sorted(options))}", where="voice", hint="see docs/voice-protocols.md"
        ) from None
