"""An agent that understands nothing and is exact: it hears by level, and answers with a tone at a known instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, count

from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.metronome import Beat
from loadstone.reference.voice.mouth import Mouth
from loadstone.reference.voice.sound import mulaw_of, peak, tone_frame, tone_frames
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.wording import SPEECH_ENDED, SPEECH_STARTED, Wording

# A caller is in one stretch of voice while no more than this lies between two voiced frames: frames come 20 ms apart, a little late.
STRETCH_S = 0.1
DELAY_MS, STOP_MS = 600.0, 100.0


class Oracle:
    """One call.

    What follows a caller's turn is a list of stages, each a known time after the last voiced frame came. One appointment is kept
    for the next of them, and only when it comes is it asked whether more voice has come since: a voiced frame costs no appointment.
    """

    def __init__(self, hub: VoiceHub, wording: Wording, switches: VoiceSwitches, mouth: Mouth) -> None:
        self._hub, self._wording, self._switches, self._mouth = hub, wording, switches, mouth
        self._voiced_at = self._stretch_at = float("-inf")
        self._stage = 0
        self._beat: Beat | None = None
        self._greeting: Beat | None = None
        self._yield: Beat | None = None
        self._stop_s = (STOP_MS if switches.stop_ms is None else switches.stop_ms) / 1e3
        self._stages = self._planned(switches)

    def _planned(self, switches: VoiceSwitches) -> list[tuple[float, Callable[[], None]]]:
        """Seconds after the last voiced frame, and what happens then; sorted by time."""
        endpoint_ms = switches.endpoint_ms or 0.0
        delay_ms = DELAY_MS if switches.delay_ms is None else switches.delay_ms
        answer_s = (endpoint_ms + switches.first_token_ms + delay_ms) / 1e3
        stages = [(endpoint_ms / 1e3 or answer_s, self._end_turn)]
        if switches.transcript:
            stages.append((switches.transcript_ms / 1e3 or answer_s, self._transcribe))
        if switches.answers == "turn":
            stages.append((answer_s, self._answer))
        return sorted(stages, key=lambda stage: stage[0])

    def opened(self, at: float) -> None:
        """The call is served from `at`."""
        greeting_ms = self._switches.greeting_ms
        if greeting_ms is not None:
            due = at + greeting_ms / 1e3
            self._greeting = self._hub.metronome.at(due, lambda: self._greet(due))

    def heard(self, native: bytes, at: float) -> None:
        """One message of sound that came at `at`."""
        if peak(native, mulaw=self._wording.mulaw) < self._switches.level:
            return
        self._hub.counts.voiced_in += 1
        if self._mouth.speaking:
            self._spoken_over(at)
            return
        self._note(at)
        if self._beat is None or self._stage:
            self._begin_turn(at)

    def closed(self) -> None:
        """The call is over."""
        for beat in (self._beat, self._yield, self._greeting):
            if beat is not None:
                beat.cancel()
        self._mouth.hush()

    def said(self) -> None:
        """The mouth has said everything; a caller who has just begun to speak over it has a turn all the same."""
        if self._yield is not None:
            self._yield.cancel()
            self._yield = None
            self._begin_turn(self._voiced_at)

    def _note(self, at: float) -> None:
        if at - self._voiced_at > STRETCH_S:
            self._stretch_at = at
        self._voiced_at = at

    def _spoken_over(self, at: float) -> None:
        """The caller speaks while we do."""
        switches = self._switches
        if switches.deaf or switches.answers == "at_once":
            return
        self._note(at)
        if not switches.yields or self._yield is not None:
            return
        if at - self._stretch_at >= switches.yield_after_ms / 1e3 - 1e-6:
            self._yield = self._hub.metronome.at(max(at, self._stretch_at + self._stop_s), self._give_way)

    def _give_way(self) -> None:
        self._yield = None
        if self._mouth.speaking:
            self._mouth.give_way()
            self._begin_turn(self._voiced_at, told=True)

    def _begin_turn(self, at: float, *, told: bool = False) -> None:
        for beat in (self._beat, self._greeting):
            if beat is not None:
                beat.cancel()
        self._greeting = None
        self._stage = 0
        if not told:
            self._mouth.tell(self._wording.event(SPEECH_STARTED))
        if self._switches.answers == "at_once":
            self._beat = None
            self._hub.counts.turns += 1
            self._say(at)
            return
        self._beat = self._hub.metronome.at(at + self._stages[0][0], self._advance)

    def _advance(self) -> None:
        """The appointment for the next stage has come: go through it, unless more voice has come since."""
        self._beat = None
        due = self._voiced_at + self._stages[self._stage][0]
        if due <= self._hub.metronome.now():
            self._stages[self._stage][1]()
            self._stage += 1
            if self._stage >= len(self._stages):
                self._stage = 0
                return
            due = self._voiced_at + self._stages[self._stage][0]
        if self._beat is None:
            self._beat = self._hub.metronome.at(due, self._advance)

    def _end_turn(self) -> None:
        self._hub.counts.turns += 1
        self._mouth.tell(self._wording.event(SPEECH_ENDED))

    def _transcribe(self) -> None:
        self._mouth.tell(self._wording.transcript(self._switches.transcript, of_caller=True))

    def _answer(self) -> None:
        self._say(self._voiced_at + self._stages[self._stage][0])

    def _greet(self, due: float) -> None:
        self._greeting = None
        self._hub.counts.greetings += 1
        self._mouth.say(self._frames(self._switches.greeting_s, 0.0), due)

    def _say(self, due: float) -> None:
        if self._hub.fails(self._switches.fail_every):
            self._hub.counts.failed += 1
            self._mouth.tell(self._wording.failed(f"injected fault: {self._switches.fail_part} failed"))
            return
        self._hub.counts.answers += 1
        self._mouth.say(self._frames(self._switches.speak_s, self._switches.lead_ms / 1e3, endless=self._switches.endless), due)

    def _frames(self, seconds: float, lead_s: float, *, endless: bool = False) -> Iterable[bytes]:
        rate_hz, mulaw = self._switches.sent_rate or self._wording.rate_hz, self._wording.mulaw
        frames = tone_frames(rate_hz, seconds, lead_s, mulaw=mulaw)
        if not endless:
            return frames
        more = (tone_frame(rate_hz, number) for number in count())
        return chain(frames, map(mulaw_of, more) if mulaw else more)
