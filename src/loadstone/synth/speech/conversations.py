"""What callers say, exchange by exchange, and which words an answer should hold: scripts for calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.synth.speech.shipped import utterance


@dataclass(frozen=True, slots=True)
class Exchange:
    """One thing the caller says, and what is to come of it.

    says:     name of an utterance
    expects:  words of which a right answer has at least one, as `words` of stats/word_error gives them; empty: anything will do
    answer:   whether the agent should answer at all: a backchannel deserves none
    barge_ms: how much of the agent's answer is heard before this is said into it; None waits for its end
    """

    says: str
    expects: tuple[str, ...] = ()
    answer: bool = True
    barge_ms: int | None = None

    @property
    def text(self) -> str:
        """What a recogniser should make of it."""
        return utterance(self.says).text


CONVERSATIONS: Mapping[str, tuple[Exchange, ...]] = {
    "single": (Exchange("time", ("clock", "time", "hours")),),
    "order": (
        Exchange("coffee", ("coffee", "coffees")),
        Exchange("mm_hm", answer=False, barge_ms=800),
        Exchange("yes"),
        Exchange("goodbye", ("goodbye", "bye")),
    ),
    "interrupting": (
        Exchange("weather", ("rain", "berlin", "tomorrow")),
        Exchange("wait", barge_ms=800),
        Exchange("time", ("clock", "time", "hours")),
        Exchange("goodbye", ("goodbye", "bye")),
    ),
    "hesitating": (
        Exchange("taxi_300", ("taxi", "train")),
        Exchange("taxi_700", ("taxi", "train")),
        Exchange("taxi_1200", ("taxi", "train")),
        Exchange("number", ("number",)),
    ),
    "booking": (
        Exchange("hotel", ("room", "friday", "night", "nights")),
        Exchange("number", ("number",)),
        Exchange("no"),
        Exchange("goodbye", ("goodbye", "bye")),
    ),
}
