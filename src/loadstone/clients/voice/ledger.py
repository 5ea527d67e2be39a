"""Writes what a call was like into the recorder: each turn once, when it is known."""

from __future__ import annotations

from loadstone.clients.voice.hearing import Answer
from loadstone.clock import MILLISECOND
from loadstone.measure.recorder import Column, Recorder
from loadstone.measure.snapshot import Failure, Series, Tags
from loadstone.stats.word_error import word_errors

AT_ONCE_NS = 50 * MILLISECOND  # nobody can tell so soon that the caller has finished
STUTTERS = 3  # stalls in one answer
CLIPPED_SHARE = 0.01
MUCH_AHEAD_NS = 1000 * MILLISECOND


class Turn:
    """What one utterance of the caller led to, beside the sound of the answer. Times are monotonic ns, 0 for not yet.

    reference: what was said, as text; empty when nobody knows
    asked_ns:  its last voiced sample was sent
    endpoint_ns: the agent said that the caller had finished
    text, text_ns: final transcript of the caller's words, and when its last part came
    """

    __slots__ = ("asked_ns", "endpoint_ns", "judged", "reference", "text", "text_ns")

    def __init__(self, reference: str = "") -> None:
        self.reference = reference
        self.asked_ns = self.endpoint_ns = self.text_ns = 0
        self.text = ""
        self.judged = False


class Ledger:
    """The columns of one step's calls."""

    def __init__(self, recorder: Recorder, scenario: str, step: str, tags: Tags) -> None:
        self._recorder, self._scenario, self._step, self._tags = recorder, scenario, step, tags
        self._columns: dict[str, Column] = {}
        self._tells, self._untold = False, 0  # does the agent tell what it hears; words before it is known

    def column(self, name: str) -> Column:
        """The column of a time, by its name without `voice.`."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._recorder.column(self._scenario, Series(f"voice.{name}", self._tags))
        return found

    def count(self, name: str, by: int = 1, **more: str) -> None:
        """Add to a count."""
        tags = tuple(sorted((*self._tags, *more.items()))) if more else self._tags
        self._recorder.count(self._scenario, Series(f"voice.{name}", tags), by)

    def level(self, name: str, value: float) -> None:
        """A reading of a level."""
        self._recorder.gauge(Series(f"voice.{name}", self._tags), value)

    def fault(self, kind: str, text: str) -> None:
        """Something that the agent did wrong; the call goes on."""
        self.count("faults", kind=kind)
        self._recorder.failure(self._scenario, Failure(kind, self._step, text))

    def lost(self, kind: str, text: str) -> None:
        """A call that could not be set up, or broke."""
        self.count("call_errors", kind=kind)
        self._recorder.failure(self._scenario, Failure(kind, self._step, text))

    # -- turns ------------------------------------------------------------------------------------------------------

    def turn(self, turn: Turn, answer: Answer, *, waited: bool = False) -> None:
        """A turn that an answer was due to, once; waited: nothing more of it is to come."""
        if turn.judged:
            return
        turn.judged = True
        self.count("turns")
        self._understood(turn, waited=waited)
        if not answer.onset_ns:
            self._dead(answer)
            return
        gap = answer.onset_ns - turn.asked_ns
        if gap < 0:
            self.count("early_cut")
        else:
            self.column("response_gap").add(gap)
            if answer.byte_ns >= turn.asked_ns:
                self.column("first_byte_gap").add(answer.byte_ns - turn.asked_ns)
            if gap < AT_ONCE_NS:
                self.fault("answered_at_once", "an answer within 50 ms of the caller's last sound")
        self.lead(answer)

    def _dead(self, answer: Answer) -> None:
        self.count("dead_turn")
        self._recorder.beyond(self._scenario, Series("voice.response_gap", self._tags))
        if answer.byte_ns:
            self.fault("silent_audio", "an answer of which nothing is audible")

    def _understood(self, turn: Turn, *, waited: bool) -> None:
        if turn.endpoint_ns >= turn.asked_ns > 0:
            self.column("endpoint_delay").add(turn.endpoint_ns - turn.asked_ns)
        if not turn.text_ns:
            if waited:
                self._unheard(word_errors(turn.reference, "").words)
            return
        self._tells = True
        self._unheard(0)
        if turn.text_ns >= turn.asked_ns:  # of words that were final before the caller had ended nobody waited for the last
            self.column("stt_final_gap").add(turn.text_ns - turn.asked_ns)
        found = word_errors(turn.reference, turn.text)
        if found.words:
            self.count("words", found.words)
            self.count("wer", found.errors)

    def _unheard(self, words: int) -> None:
        """Words of which the agent told none: all wrong, where it tells what it hears; an agent that never does is not accused."""
        self._untold += words
        if self._tells and self._untold:
            self.count("words", self._untold)
            self.count("wer", self._untold)
            self._untold = 0

    def lead(self, answer: Answer) -> None:
        """The silence before an answer, as the agent sent it."""
        if answer.lead_ns:
            self.column("tts_lead_silence").add(answer.onset_ns - answer.lead_ns)

    def answer(self, answer: Answer) -> None:
        """An answer that has ended, or was left."""
        if not answer.onset_ns:
            return
        self.count("speech_time", answer.audible_ns)
        if answer.stalls:
            self.count("stall_time", answer.stall_ns)
            self.column("stall").extend(answer.stalls)
            if len(answer.stalls) >= STUTTERS:
                self.fault("stutters", f"an answer with {STUTTERS} stalls or more")
        if answer.clipped > CLIPPED_SHARE * answer.samples:
            self.fault("clipped_audio", "more than 1% of an answer's samples are at full scale")
