"""Which load to try next, and what the tries came to: a pure search for the largest load that meets every objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from loadstone.units import format_load


class Answer(StrEnum):
    """What one level came to."""

    MET = "met"
    NOT_MET = "not met"
    UNCLEAR = "unclear"
    OWN_LIMIT = "generator's limit"
    HOST_BUSY = "host busy"
    NO_DATA = "no data"


SPOILT = (Answer.OWN_LIMIT, Answer.HOST_BUSY)  # too much, and not because of the target


class Purpose(StrEnum):
    """Why a level is tried."""

    RAMP = "ramp"
    BRACKET = "bracket"
    VERIFY = "verify"


class Outcome(StrEnum):
    """How a search ended."""

    FOUND = "found"
    AT_LEAST = "at least"  # the greatest load that was allowed is met
    NEVER_MET = "never met"
    OWN_LIMIT = "generator's limit"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Ask:
    """A level to try: so much load for so long, after the warm-up."""

    load: float
    seconds: float
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Seen:
    """What a level came to.

    few:     unclear only for want of samples, and what there is looks well
    samples: exchanges that were judged
    unevenness: squared coefficient of variation of the response times; None where too few were seen
    spread_s: their standard deviation
    """

    load: float
    seconds: float
    answer: Answer
    few: bool = False
    samples: int = 0
    purpose: Purpose = Purpose.RAMP
    unevenness: float | None = None
    spread_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Limits:
    """Where and how finely to look.

    start, least, most: load of the first level, and of the lowest and highest that are tried
    whole:              loads are whole numbers
    by_chance:          arrivals have the gaps of independent visitors
    needed:             exchanges that the most demanding objective needs
    ramp_s, level_s, verify_s: seconds of a level, of each purpose
    overhead_s:         what a level costs beside its seconds
    """

    start: float
    least: float
    most: float
    whole: bool = False
    by_chance: bool = False
    needed: int = 130
    ramp_s: float = 3.0
    level_s: float = 6.0
    verify_s: float = 16.0
    longest_s: float = 60.0
    overhead_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """Where the capacity lies.

    met:      the greatest load that was shown to meet every objective, by the longest test of it; None when none did
    not_met:  the least load that was shown not to; None when none was
    low, high: the interval: those two, widened by what chance does to levels of this length; of whole loads, `high` is the
               greatest that may still be met
    whole:    loads are whole numbers
    remarks:  what a reader should know of how it was found, one sentence each
    """

    outcome: Outcome
    met: float | None
    not_met: float | None
    low: float | None
    high: float | None
    remarks: tuple[str, ...] = ()
    whole: bool = False

    @property
    def estimate(self) -> float | None:
        """The middle of the interval on the log scale; of whole loads the one that was shown to be met, as where nothing lies above."""
        if self.whole or self.low is None or self.high is None or self.outcome is not Outcome.FOUND:
            return self.met
        return math.sqrt(self.low * self.high)


CLOSE = 1.05  # high ÷ low at which looking closer ends: ±2.5 %
CLOSE_ENOUGH = 1.21  # ±10 %: with no time for more, that is an answer
FINE = 1.03  # gap beside a stretch of unclear levels
FACTOR = 2.0
OWN_TRIES = 3
BUSY_TRIES = 8  # of a level that others on this machine spoilt: bursts pass, a generator that is too slow does not
MOST_TRIES = 3


@dataclass
class Search:
    """Doubling until a level fails, bisection on the log scale, then both ends again for longer.

    The latest test of a load counts, and later tests are longer. A level that failed is not believed at the end before it has
    failed twice or for long: a cold cache fails once.
    """

    limits: Limits
    seen: list[Seen] = field(default_factory=list)

    def see(self, seen: Seen) -> None:
        """One more level."""
        self.seen.append(seen)

    def ask(self, left_s: float) -> Ask | None:
        """The next level; None when the answer is as good as it gets, or the time is up."""
        wanted = self._wanted()
        if wanted is None:
            return None
        limits = self.limits
        usual = {Purpose.RAMP: limits.ramp_s, Purpose.BRACKET: limits.level_s, Purpose.VERIFY: limits.verify_s}[wanted.purpose]
        seconds = self._long_enough(wanted, usual)
        verify_s = limits.verify_s + limits.overhead_s
        if wanted.purpose is not Purpose.VERIFY and seconds + limits.overhead_s + verify_s > left_s:
            lower = self._lower(self._upper())
            if lower is None or self._verified(lower):
                return None
            wanted, seconds = Ask(lower, 0.0, Purpose.VERIFY), limits.verify_s
        room_s = left_s - limits.overhead_s
        if room_s < min(seconds, limits.level_s):
            return None
        return Ask(wanted.load, float(math.floor(min(seconds, room_s))), wanted.purpose)

    def found(self) -> Found:
        """The answer so far."""
        upper = self._upper()
        lower = self._lower(upper, clear=True)
        remarks = self._remarks(upper, lower)
        if lower is not None and upper is not None and self._standing(upper) is Answer.HOST_BUSY:
            return self._doubtful(lower, upper, remarks)
        own = upper is not None and self._standing(upper) is Answer.OWN_LIMIT
        if lower is None:
            never = upper is not None and self._standing(upper) not in SPOILT and upper <= self.limits.least * (1 + 1e-9)
            outcome = Outcome.NEVER_MET if never else Outcome.OWN_LIMIT if own else Outcome.CANNOT_TELL
            return Found(outcome, None, upper, None, upper, remarks)
        if upper is None:
            reached = lower >= self.limits.most * (1 - 1e-9)
            return Found(Outcome.AT_LEAST if reached else Outcome.CANNOT_TELL, lower, None, lower, None, remarks)
        if own:
            wider = 1.0 + self._chance(lower)
            return Found(Outcome.OWN_LIMIT, lower, upper, lower / wider, self._surely_not(upper) * wider, remarks)
        return self._within(Outcome.FOUND, lower, upper, remarks)

    def _doubtful(self, lower: float, upper: float, remarks: tuple[str, ...]) -> Found:
        """Other programs held up the levels from `upper` on: what failed without them, above, is the end of the interval."""
        sure = min((load for load in self._loads() if load > upper and self._standing(load) is Answer.NOT_MET), default=None)
        times = self._tries(upper)
        often = f"{times} time{'s' if times != 1 else ''}"
        busy = f"other programs kept this machine busy {often} at {format_load(upper)}: repeat it when they are quiet"
        found = self._within(Outcome.CANNOT_TELL, lower, sure, (*remarks, busy))
        near = found.low is not None and found.high is not None and found.high / found.low <= CLOSE_ENOUGH
        return replace(found, outcome=Outcome.FOUND) if near else found

    def _within(self, outcome: Outcome, lower: float, upper: float | None, remarks: tuple[str, ...]) -> Found:
        """The interval from what was met to what was not."""
        wider = 1.0 + self._chance(lower)
        high = None if upper is None else self._surely_not(upper) * wider
        if high is not None and self.limits.whole:
            high = max(lower, high - 1.0)  # that load itself was not met
        return Found(outcome, lower, upper, lower / wider, high, remarks, self.limits.whole)

    def _chance(self, lower: float) -> float:
        """How far, as a share, chance moves the load at which a level of this length fails: 95 %.

        Near saturation a level sees its load only as exactly as its arrivals and its work are even: over n exchanges their ratio
        has the variance (c_a^2 + c_s^2) / n, the same sum as in Kingman's 1961 bound on waiting.
        """
        if self.limits.whole:
            return 0.0
        exchanges = max(each.samples for each in self.seen if each.load == lower)
        quiet = next((each for each in sorted(self.seen, key=lambda each: each.load) if each.unevenness is not None), None)
        work = 0.0
        if quiet is not None and quiet.unevenness is not None:
            # Work that fills less than one server at that load is not what limits it: only its own deviation counts.
            work = min(quiet.unevenness, (quiet.spread_s * lower) ** 2)
        return 1.96 * math.sqrt(((1.0 if self.limits.by_chance else 0.0) + work) / max(1, exchanges))

    def _surely_not(self, upper: float) -> float:
        """The least load that was not met and above which none was met either, in any test."""
        met = self._ever_met()
        above = [load for load in self._loads() if load >= max(upper, met) and self._standing(load) in (Answer.NOT_MET, *SPOILT)]
        return min(above, default=max(upper, met))

    def _ever_met(self) -> float:
        """The greatest load that was met, by the latest test of it or by a long one."""
        sound = (each.load for each in self.seen if each.answer is Answer.MET and each.purpose is Purpose.VERIFY)
        return max([*sound, *(load for load in self._loads() if self._standing(load) is Answer.MET)], default=0.0)

    def _wanted(self) -> Ask | None:
        if not self.seen:
            return Ask(self._rounded(self.limits.start), 0.0, Purpose.RAMP)
        again = self._once_more()
        if again is not None:
            return again
        upper = self._upper()
        if upper is None:
            return self._upwards()
        lower = self._lower(upper)
        if lower is None:
            return self._downwards()
        return self._between(lower, upper) or self._ends(lower, upper)

    def _once_more(self) -> Ask | None:
        """The last level again, where it was spoilt; or one that failed once while a greater one was met."""
        last = self.seen[-1]
        most = BUSY_TRIES if last.answer is Answer.HOST_BUSY else OWN_TRIES
        if last.answer in (*SPOILT, Answer.NO_DATA) and self._tries(last.load) < most:
            return Ask(last.load, 0.0, last.purpose)  # somebody else's burst on this machine looks the same
        contested = self._contested()
        return Ask(contested, 0.0, Purpose.VERIFY) if contested is not None else None

    def _upwards(self) -> Ask | None:
        top = max(each.load for each in self.seen)
        if top < self.limits.most * (1 - 1e-9):
            return Ask(self._rounded(min(top * FACTOR, self.limits.most)), 0.0, Purpose.RAMP)
        return None if self._verified(top) or self._tries(top) >= MOST_TRIES else Ask(top, 0.0, Purpose.VERIFY)

    def _downwards(self) -> Ask | None:
        bottom = min(each.load for each in self.seen)
        if bottom > self.limits.least * (1 + 1e-9):
            return Ask(self._rounded(max(bottom / FACTOR, self.limits.least)), 0.0, Purpose.RAMP)
        return Ask(bottom, 0.0, Purpose.VERIFY) if self._tries(bottom) < 2 else None

    def _between(self, lower: float, upper: float) -> Ask | None:
        """A load between the ends; None when they are close, or everything between is unclear."""
        if upper / lower <= CLOSE or (self.limits.whole and upper - lower <= 1.0):
            return None
        unclear = sorted({each.load for each in self.seen if lower < each.load < upper})
        if not unclear:
            return self._middle(lower, upper)
        below, above = unclear[0] / lower, upper / unclear[-1]
        if max(below, above) > FINE:
            return self._middle(lower, unclear[0]) if below >= above else self._middle(unclear[-1], upper)
        again = next((load for load in unclear if self._tries(load) < 2), None)
        return Ask(again, 0.0, Purpose.VERIFY) if again is not None else None

    def _middle(self, low: float, high: float) -> Ask | None:
        load = self._rounded(math.sqrt(low * high))
        return Ask(load, 0.0, Purpose.BRACKET) if low < load < high and not self._tries(load) else None

    def _ends(self, lower: float, upper: float) -> Ask | None:
        """The ends again, for longer; a verified one stays as it is."""
        if not self._verified(lower) and self._tries(lower) < MOST_TRIES:
            return Ask(lower, 0.0, Purpose.VERIFY)
        failed = [each for each in self.seen if each.load == upper]
        if len(failed) < 2 and failed[-1].purpose is not Purpose.VERIFY:
            return Ask(upper, 0.0, Purpose.VERIFY)
        return None

    def _long_enough(self, wanted: Ask, usual_s: float) -> float:
        """Seconds in which the most demanding objective gets its samples, by what came per load and second so far; bounded."""
        spent = sum(each.load * each.seconds for each in self.seen if each.samples)
        per_load_second = sum(each.samples for each in self.seen) / spent if spent else 0.0
        if not per_load_second or wanted.purpose is Purpose.RAMP:
            return usual_s
        needed_s = 1.2 * self.limits.needed / (per_load_second * wanted.load)
        return float(math.ceil(min(max(usual_s, needed_s), max(usual_s, self.limits.longest_s))))

    def _standing(self, load: float) -> Answer:
        """What the latest test of a load says; a few samples that look well count as met, until it is verified."""
        return next(each for each in reversed(self.seen) if each.load == load).answer

    def _tries(self, load: float) -> int:
        return sum(each.load == load for each in self.seen)

    def _upper(self) -> float | None:
        """The least load that is too much, for the target or for us."""
        too_much = (Answer.NOT_MET, *SPOILT)
        return min((load for load in self._loads() if self._standing(load) in too_much), default=None)

    def _lower(self, upper: float | None, *, clear: bool = False) -> float | None:
        """The greatest load below that which is met; unless it must be clear, also one of which little was seen."""
        latest = {each.load: each for each in self.seen}
        met = (load for load, each in latest.items() if each.answer is Answer.MET or (each.few and not clear))
        return max((load for load in met if upper is None or load < upper), default=None)

    def _contested(self) -> float | None:
        """A load that failed once while a greater one was met."""
        met = max((load for load in self._loads() if self._standing(load) is Answer.MET), default=0.0)
        return next(
            (load for load in self._loads() if load < met and self._standing(load) is Answer.NOT_MET and self._tries(load) < 2), None
        )

    def _verified(self, load: float) -> bool:
        latest = next((each for each in reversed(self.seen) if each.load == load), None)
        return latest is not None and latest.answer is Answer.MET and latest.purpose is Purpose.VERIFY

    def _loads(self) -> Sequence[float]:
        return sorted({each.load for each in self.seen})

    def _rounded(self, load: float) -> float:
        return float(max(1, round(load))) if self.limits.whole else float(f"{load:.4g}")

    def _remarks(self, upper: float | None, lower: float | None) -> tuple[str, ...]:
        remarks = []
        if upper is not None and self._ever_met() >= upper:
            remarks.append(
                f"{format_load(self._ever_met())} was met once, though {format_load(upper)} was not: the target does not always do the same"
            )
        if lower is not None and not self._verified(lower):
            remarks.append(f"there was no time to verify {format_load(lower)} at length")
        sound = upper is not None and self._standing(upper) not in SPOILT
        if lower is not None and upper is not None and sound and not (self.limits.whole and upper - lower <= 1.0):
            chance = 1.0 + self._chance(lower)
            if self._surely_not(upper) / lower * chance * chance > CLOSE_ENOUGH:
                remarks.append(f"the interval is wider than ±10%: {self._more_time(lower, upper)}")
        return tuple(remarks)

    def _more_time(self, lower: float, upper: float) -> str:
        """About how much longer a search would take to come within ±10 %: more levels between the ends, or longer ones."""
        chance, allowed = self._chance(lower), math.sqrt(CLOSE_ENOUGH / CLOSE) - 1.0
        limits = self.limits
        levels = max(0, math.ceil(math.log2(math.log(self._surely_not(upper) / lower) / math.log(CLOSE))))
        more_s = levels * (limits.level_s + limits.overhead_s) + 2 * (limits.verify_s + limits.overhead_s)
        if chance > allowed:  # its square is proportional to the exchanges
            longest_s = max(each.seconds for each in self.seen if each.load == lower)
            more_s += 2 * longest_s * ((chance / allowed) ** 2 - 1.0)
        return f"about {10 * math.ceil(more_s / 10):d} s more would narrow it"
