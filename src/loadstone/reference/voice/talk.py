"""One voice call on a WebSocket: chooses the wording and who answers, and waits for a place when all are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from loadstone.errors import UsageError
from loadstone.reference.sockets.talks import Line, Misunderstood
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.mouth import Mouth
from loadstone.reference.voice.switches import OF_A_CALL, VoiceSwitches, read_voice_switches
from loadstone.reference.voice.wording import NotSound, PcmWording, RealtimeWording, TwilioWording, Wording


class Mind(Protocol):
    """Who answers: the oracle, or the real agent."""

    def opened(self, at: float) -> None:
        """The call is served from that instant."""

    def heard(self, native: bytes, at: float) -> None:
        """Sound of the caller."""

    def said(self) -> None:
        """An answer was heard to its end."""

    def closed(self) -> None:
        """The call is over."""


MOST_UNSAID = 32
MakeMind = Callable[[VoiceHub, Wording, VoiceSwitches, Mouth], Mind]


def _pcm(switches: VoiceSwitches) -> Wording:
    return PcmWording(switches.rate or (8_000 if switches.encoding == "mulaw" else 16_000), mulaw=switches.encoding == "mulaw")


def _twilio(switches: VoiceSwitches) -> Wording:
    if switches.rate not in {None, 8_000}:
        raise Misunderstood("Twilio's streams have 8000 Hz")
    return TwilioWording()


def _realtime(switches: VoiceSwitches) -> Wording:
    if switches.rate not in {None, 8_000, 24_000}:
        raise Misunderstood("Realtime events carry 24000 Hz, or mu-law at 8000 Hz")
    return RealtimeWording(switches.rate or 24_000)


WORDINGS: dict[str, Callable[[VoiceSwitches], Wording]] = {"pcm": _pcm, "realtime": _realtime, "twilio": _twilio}


class VoiceTalk:
    """See Talk; `quick` tells the wire that messages are many and small."""

    quick = True

    def __init__(self, line: Line, protocol: str, make: MakeMind) -> None:
        self._line, self._hub = line, line.hub.voice
        self.switches = voice_switches(line.query, self._hub.switches)
        self._wording = WORDINGS[protocol](self.switches)
        self._mouth = Mouth(self._hub, self._wording, self.switches, line.send, line.drop, self._said)
        # Made at once, so that a mind that cannot be had refuses the call before it is taken.
        self._mind = make(self._hub, self._wording, self.switches, self._mouth)
        self._served = False
        self._unsaid: list[bytes] = []  # replies to what came while the call waited for a place

    def opened(self) -> None:
        """See Talk."""
        self._hub.enter(self._begin)

    def _begin(self) -> None:
        self._served = True
        self._hub.leak(self.switches.leak)
        for frame in (*self._wording.opened(), *self._unsaid):
            self._line.send(frame)
        self._unsaid.clear()
        self._mind.opened(self._hub.metronome.now())

    def received(self, opcode: int, payload: bytes) -> None:
        """See Talk. Sound that comes while the call waits for a place is lost, as in a telephone that rings; events are answered then."""
        at = self._hub.metronome.now()
        counts = self._hub.counts
        try:
            native = self._wording.heard(opcode, payload)
        except NotSound as error:
            counts.wrong_in += 1
            self._mouth.tell(self._wording.failed(str(error)))
            return
        if native is not None:
            counts.frames_in += 1
            if self._served:
                self._mind.heard(native, at)
            return
        for frame in self._wording.replies():
            if self._served:
                self._line.send(frame)
            elif len(self._unsaid) < MOST_UNSAID:
                self._unsaid.append(frame)
        if self._wording.marks_back:
            counts.marks_back += self._wording.marks_back
            self._wording.marks_back = 0

    def closed(self) -> None:
        """See Talk."""
        self._hub.leave(self._begin)
        self._mind.closed()

    def _said(self) -> None:
        self._mind.said()


def voice_switches(query: Mapping[str, str], start: VoiceSwitches) -> VoiceSwitches:
    """The switches of one call. Raises Misunderstood, which refuses it with 400."""
    try:
        return read_voice_switches(query, start, where="query", names=OF_A_CALL)
    except UsageError as error:
        raise Misunderstood(str(error)) from None


def call(protocol: str, make: MakeMind) -> Callable[[Line], VoiceTalk]:
    """Makes the agent's side of calls in that protocol."""
    return lambda line: VoiceTalk(line, protocol, make)
