"""Two targets loaded in turn on one machine: which is slower, decided as early as the pairs allow."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadstone.errors import UsageError
from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.duet_answer import End, Levels, Said, judge_figure
from loadstone.judge.duet_errors import judge_errors
from loadstone.judge.duet_evidence import Collected
from loadstone.judge.duet_pair import Pair
from loadstone.judge.worsening import amount_of
from loadstone.stats.duet_looks import look_levels

__all__ = ["DuetJudge", "Look", "Pair"]

LOOKS = (12, 20, 40, 80)
BUSY = 0.85  # of the processors: above it both targets wait for the machine, and for each other
CONTROL_ALPHA = 0.01  # without it chance alone moves a sound control past half a limit of 3 % in more than a quarter of duets
SAME_ALPHA = 0.05  # chance to call a worsening by exactly the limit "not worse"
SEVERITY_ALPHA = 0.02  # chance to call a worsening more severe than it is, over all looks


@dataclass(frozen=True, slots=True)
class Look:
    """What a duet says after so many pairs.

    decision:    None: go on. Worse when one figure is; better or not worse when none can be worse; cannot tell only at the end
    differences: one per figure, as far as the pairs go; those only shown come last
    pairs:       taken so far
    why:         one sentence
    next_look:   pairs at which to look again; None when there is nothing left to look at
    """

    decision: Answer | None
    differences: tuple[Difference, ...]
    pairs: int
    why: str
    next_look: int | None = None


class DuetJudge:
    """Fed with pairs of blocks, says at planned looks whether the candidate is worse.

    metric:      what the times are called in the answers
    limit:       the tolerated worsening, 0.05 for 5 %: "worse" needs evidence of a worsening, and a point at the limit or past it;
                 "not worse" needs that a worsening by the limit is excluded
    quantiles:   of the times that decide; above 0.5 they need 50 requests beyond them on each side
    shown:       quantiles that are reported, but decide nothing
    looks:       pairs at which to decide, ascending; the last one ends the duet
    alpha:       of each figure, for both directions and all looks together: half of it is the chance of a false "worse"
    error_limit: tolerated rise of the share of failed requests, in points: 0.005 is half a point
    """

    def __init__(
        self,
        metric: str = "http.response_time",
        limit: float = 0.05,
        quantiles: Sequence[float] = (0.5, 0.95),
        *,
        shown: Sequence[float] = (),
        looks: Sequence[int] = LOOKS,
        alpha: float = 0.01,
        error_limit: float = 0.005,
    ) -> None:
        if not 0 < limit < 1 or not 0 < alpha < 1 or not 0 < error_limit < 1:
            raise UsageError(f"limits and alpha lie between 0 and 1, not {limit}, {error_limit} and {alpha}", hint="limit 0.05 for 5%")
        if not looks or list(looks) != sorted(set(looks)) or looks[0] < 1:
            raise UsageError(f"looks must ascend, not {list(looks)}", hint="12, 20, 40, 80 pairs")
        if not quantiles or not all(0.5 <= q < 1 for q in (*quantiles, *shown)):
            raise UsageError("a duet compares the median and quantiles between it and 1", hint="0.5 and 0.95")
        self.limit, self.alpha, self.error_limit, self.metric = limit, alpha, error_limit, metric
        self.looks = tuple(looks)
        self._deciding, self._shown = tuple(quantiles), tuple(q for q in shown if q not in quantiles)
        self._looked: list[int] = []
        self._data = Collected()

    @property
    def pairs(self) -> int:
        """Taken so far."""
        return self._data.pairs

    @property
    def next_look(self) -> int | None:
        """Pairs at which `look` can decide again."""
        return next((look for look in self.looks if look > self.pairs), None)

    def take(self, pair: Pair) -> None:
        """One more pair."""
        self._data.take(pair)

    def look(self) -> Look:
        """The decision of a planned look; between looks nothing is decided, because an unplanned glance is one more chance to err."""
        if self.pairs not in self.looks:
            return Look(None, (), self.pairs, f"no look is planned at {self.pairs} pairs", self.next_look)
        return self._judge(last=self.next_look is None)

    def final(self) -> Look:
        """The answer when no more pairs will come, however many there are: all that is left of alpha is spent."""
        return self._judge(last=True)

    def _judge(self, *, last: bool) -> Look:
        if self.pairs == 0:
            return Look(Answer.CANNOT_TELL if last else None, (), 0, "there are no pairs", self.next_look)
        if not self._looked or self._looked[-1] != self.pairs:
            self._looked.append(self.pairs)
        levels = self._levels(last=last)
        end = None if last else self._end()
        deciding = [self._time(q, levels, last=last, end=end) for q in self._deciding]
        throughput = self._data.throughput()
        if throughput is not None:
            deciding.append(judge_figure("throughput", "/s", throughput, self.limit, levels, pairs=self.pairs, last=last, end=end))
        deciding.append(judge_errors(self._data.failures, self.error_limit, levels, last=last))
        shown = tuple(self._time(q, levels, last=last).difference for q in self._shown)
        doubt = self._doubt()
        if doubt:
            return self._abstain(deciding, shown, doubt, last=last)
        decision, why = decide(deciding)
        if decision is None:
            why = f"{why}; next look at {self.next_look} pairs"
        return Look(decision, (*(said.difference for said in deciding), *shown), self.pairs, why, None if decision else self.next_look)

    def _levels(self, *, last: bool) -> Levels:
        return self._spent(tuple(self._looked), self.pairs if last else self.looks[-1])

    def _end(self) -> End:
        """What the last look of the plan will be allowed."""
        return End(self.looks[-1], self._spent((*self._looked, *(look for look in self.looks if look > self.pairs)), self.looks[-1]))

    def _spent(self, looked: tuple[int, ...], planned: int) -> Levels:
        change, same, severity = (look_levels(looked, planned, alpha)[-1] for alpha in (self.alpha / 2, SAME_ALPHA, SEVERITY_ALPHA))
        return Levels(change, same, severity)

    def _time(self, q: float, levels: Levels, *, last: bool, end: End | None = None) -> Said:
        figure = f"p{100 * q:g}({self.metric})"
        return judge_figure(figure, "ms", self._data.time(q), self.limit, levels, pairs=self.pairs, last=last, end=end)

    def _doubt(self) -> str:
        """Why this machine cannot be trusted with an answer; empty when it can."""
        shares = self._data.cpu_shares
        if shares and statistics.median(shares) > BUSY:
            return f"the processors were {100 * statistics.median(shares):.0f} % busy, more than {100 * BUSY:.0f} %: lower the rate"
        control = self._data.control()
        if control is None:
            return ""
        low, high = control.bounds(CONTROL_ALPHA / 2)
        if abs(control.point) > amount_of(self.limit, "lower") / 2 and not low <= 0 <= high:
            return f"two copies of the baseline differ by {100 * control.point:+.1f}%, more than half the limit: the machine is not steady"
        return ""

    def _abstain(self, deciding: Sequence[Said], shown: tuple[Difference, ...], doubt: str, *, last: bool) -> Look:
        """Nobody can tell, whatever the figures are."""
        none = Severity.NONE
        doubted = tuple(
            replace(said.difference, answer=Answer.CANNOT_TELL, severity=none, suspected=none, reason=doubt) for said in deciding
        )
        return Look(Answer.CANNOT_TELL if last else None, (*doubted, *shown), self.pairs, doubt, None if last else self.next_look)


def decide(figures: Sequence[Said]) -> tuple[Answer | None, str]:
    """One answer for all figures that decide: one that is worse is enough, one that may still be worse keeps the duet going."""
    worse = [said.difference.figure for said in figures if said.difference.answer is Answer.WORSE]
    if worse:
        return Answer.WORSE, f"worse: {', '.join(worse)}"
    told = figures
    figures = [said for said in figures if said.holds_back or said.difference.answer is not Answer.CANNOT_TELL]
    open_still = [said.difference.figure for said in figures if not said.settled]
    if open_still:
        return None, f"not yet certain: {', '.join(open_still)}"
    unknown = [said.difference for said in figures if said.difference.answer is Answer.CANNOT_TELL]
    if unknown:
        return Answer.CANNOT_TELL, f"{unknown[0].figure}: {unknown[0].reason}"
    better = [said.difference.figure for said in figures if said.difference.answer is Answer.BETTER]
    if better:
        return Answer.BETTER, f"better: {', '.join(better)}"
    of = "every figure" if len(figures) == len(told) else ", ".join(said.difference.figure for said in figures)
    return Answer.NOT_WORSE, f"a worsening by the limit is excluded for {of}"
