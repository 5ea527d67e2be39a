"""What duets are worth on this machine: many of them between targets whose true difference is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from loadstone.judge.difference import Answer
from loadstone.judge.duet_outcome import Outcome
from loadstone.stats.quantiles import share_interval

EFFECTS = (0.05, 0.10, 0.20)
SEEN_OFTEN = 0.9  # an effect counts as one that can be seen when at least this share of the duets with it saw it
# Equal pairs are half of all: how often they differ is the hardest figure to know.
COURSE = (0.0, 0.10, 0.0, 0.05, 0.0, 0.20)


@dataclass(frozen=True, slots=True)
class Trial:
    """One duet whose truth is known: B takes that share longer than A."""

    effect: float
    outcome: Outcome


@dataclass
class SelfTest:
    """The duets that were done, and what they come to."""

    trials: list[Trial] = field(default_factory=list)
    seconds: float = 0.0
    ended: str = "time"

    def of(self, effect: float) -> list[Trial]:
        """The duets of one true difference."""
        return [trial for trial in self.trials if trial.effect == effect]

    def answered(self, effect: float, *answers: Answer) -> int:
        """How many of them came to one of these answers."""
        return sum(trial.outcome.answer in answers for trial in self.of(effect))

    @property
    def false_alarms(self) -> int:
        """Equal targets that were told apart, either way."""
        return self.answered(0.0, Answer.WORSE, Answer.BETTER)

    @property
    def false_alarm_interval(self) -> tuple[float, float] | None:
        """Where the true rate of false alarms lies (95 %); None before the first duet of equal targets."""
        equal = len(self.of(0.0))
        interval = share_interval(self.false_alarms, equal) if equal else None
        return (interval.low, interval.high) if interval else None

    @property
    def smallest_seen(self) -> float | None:
        """The smallest injected effect that nine of ten duets saw; None when there was none, or no duet of it."""
        for effect in EFFECTS:
            tried = len(self.of(effect))
            if tried and self.answered(effect, Answer.WORSE) >= SEEN_OFTEN * tried:
                return effect
        return None


def self_test(
    play: Callable[[float, int, float], Outcome], most_s: float, *, told: Callable[[SelfTest], None] = lambda _: None, seed: int = 1
) -> SelfTest:
    """Duets one after another until the time is over; each effect at least once, if the time allows.

    play: plays one duet: the true effect, its seed, and the seconds that are left
    """
    test, began = SelfTest(), time.monotonic()
    for number, effect in enumerate(_course()):
        left = most_s - (time.monotonic() - began)
        if left <= 0:
            break
        outcome = play(effect, seed + number, left)
        if outcome.ended == "interrupted":
            test.ended = "interrupted"
            break
        if outcome.ended == "time":  # cut off by our own clock: it says nothing of the machine
            break
        test.trials.append(Trial(effect, outcome))
        test.seconds = time.monotonic() - began
        told(test)
    test.seconds = time.monotonic() - began
    return test


def _course() -> Iterator[float]:
    return islice(cycle(COURSE), 100_000)
