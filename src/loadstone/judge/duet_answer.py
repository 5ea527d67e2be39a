"""From the evidence about one figure of a duet to its answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.duet_evidence import Evidence
from loadstone.judge.severity import Bands, Severities
from loadstone.judge.worsening import amount_of, share_of
from loadstone.stats.effect import Effect

BANDS = Bands()
UNNAMED = Severities(Severity.NONE, Severity.NONE)
LEVEL = 0.95  # of the reported interval
TAIL = (1.0 - LEVEL) / 2
LUCKY_TAIL = (
    0.01  # of an interval at an early end that chance may have brought about; with it LEVEL holds over all ends (tuned by simulation)
)
CLEAR = 0.1  # of the p-value that is asked for: below it chance did not bring the end about
_NORMAL = NormalDist()
FUTILE = 0.05  # chance of an answer at the last look below which nobody needs to wait for it
POWER_Z = _NORMAL.inv_cdf(0.8)
MOST_PAIRS = 100_000  # an estimate beyond this is no advice


@dataclass(frozen=True, slots=True)
class Levels:
    """One-sided p-values of this look: what "worse" and "better", "not worse", and a severity need."""

    change: float
    same: float
    severity: float


@dataclass(frozen=True, slots=True)
class End:
    """The last look of the plan: its pairs, and the p-values it will have to spend."""

    pairs: int
    levels: Levels


@dataclass(frozen=True, slots=True)
class Said:
    """A difference, whether further pairs could still change its answer, and whether it can hold an answer of the whole back."""

    difference: Difference
    settled: bool
    holds_back: bool = True


def judge_figure(
    figure: str, unit: str, evidence: Evidence | None, limit: float, levels: Levels, *, pairs: int, last: bool, end: End | None = None
) -> Said:
    """What the pairs so far say about one figure; CANNOT_TELL is settled at the last look, or when even that would hardly tell more."""
    if evidence is None or evidence.lacking:
        reason = evidence.lacking if evidence else f"{pairs} pairs are too few"
        samples = evidence.samples if evidence else (0, 0)
        before, after = (evidence.before, evidence.after) if evidence else (None, None)
        nothing = Difference(figure, unit, before, after, None, Answer.CANNOT_TELL, limit, reason=reason)
        return Said(replace(nothing, samples_before=samples[0], samples_after=samples[1]), last)
    low, high = evidence.bounds(TAIL)
    spread = (high - low) / 2 / _NORMAL.inv_cdf(1.0 - TAIL)
    edge = amount_of(limit, evidence.better)
    answer, reason = _answer(evidence, edge, _effect(evidence, low, high), levels)
    if not last and stopped_by_luck(evidence, answer, levels):
        low, high = evidence.bounds(LUCKY_TAIL)
    effect = _effect(evidence, low, high)
    named = _severity(evidence, levels) if answer is Answer.WORSE else UNNAMED
    visible = max(limit, share_of((_NORMAL.inv_cdf(1 - levels.change) + POWER_Z) * spread, evidence.better))
    if answer is Answer.CANNOT_TELL:
        reason += _how_much_more(pairs, spread, edge, levels)
    difference = Difference(
        figure,
        unit,
        evidence.before,
        evidence.after,
        effect,
        answer,
        limit,
        named.sure,
        named.suspected,
        visible if math.isfinite(visible) else None,
        *evidence.samples,
        reason,
        evidence.method,
    )
    if answer is Answer.CANNOT_TELL and end is not None and not last and hopeless(evidence.point, spread, edge, pairs / end.pairs, end):
        return Said(replace(difference, reason=f"{reason}; all {end.pairs} pairs would hardly tell either"), settled=True)
    # what looks better is worth further pairs: "not worse" comes first, because it asks for less
    settled = answer in {Answer.WORSE, Answer.BETTER} or (answer is Answer.NOT_WORSE and evidence.point > -edge)
    return Said(difference, last or settled)


def stopped_by_luck(evidence: Evidence, answer: Answer, levels: Levels) -> bool:
    """Whether an early end may owe itself to chance: estimates that only just pass are, on the whole, too far out."""
    if answer is Answer.CANNOT_TELL:
        return False
    return answer is Answer.NOT_WORSE or min(evidence.chances()) > CLEAR * levels.change


def hopeless(point: float, spread: float, edge: float, taken: float, end: End) -> bool:
    """Whether the last look will hardly have an answer, going by what was seen so far.

    The estimate of the last look is normal around the present one, with the variance that the pairs to come leave open. To stop
    here never adds a false alarm, and takes away at most a chance of `FUTILE` to see what the last look would have seen.
    taken:  share of the planned pairs
    source: Spiegelhalter, Freedman & Blackburn 1986 (predictive probability)
    """
    if not 0 < spread < math.inf:
        return False
    still, at_end = spread * math.sqrt(1.0 - taken), spread * math.sqrt(taken)
    change, same = (_NORMAL.inv_cdf(1.0 - level) * at_end for level in (end.levels.change, end.levels.same))
    found = max(edge, change)
    excluded = min(edge - same, found)
    worse, better = _NORMAL.cdf((point - found) / still), _NORMAL.cdf((-found - point) / still)
    return worse + max(better, _NORMAL.cdf((excluded - point) / still)) < FUTILE


def _effect(evidence: Evidence, low: float, high: float) -> Effect:
    """Candidate ÷ baseline, the way the figure itself goes."""
    if evidence.better == "higher":
        return Effect(math.exp(-evidence.point), math.exp(-high), math.exp(-low), LEVEL)
    return Effect(math.exp(evidence.point), math.exp(low), math.exp(high), LEVEL)


def _answer(evidence: Evidence, edge: float, effect: Effect, levels: Levels) -> tuple[Answer, str]:
    """The answer of this look and why."""
    chances = evidence.chances()
    if chances.greater < levels.change and evidence.point >= edge:
        return Answer.WORSE, f"p = {chances.greater:.1g}, and the difference is past the limit"
    if chances.less < levels.change and evidence.point <= -edge:
        return Answer.BETTER, f"p = {chances.less:.1g}, and the difference is past the limit"
    if evidence.bounds(levels.same)[1] < edge:
        return Answer.NOT_WORSE, "a worsening by the limit is excluded"
    if math.isinf(effect.half_width):
        return Answer.CANNOT_TELL, "the interval is open at an end"
    if effect.half_width > math.expm1(edge):
        return Answer.CANNOT_TELL, f"the interval is ±{100 * effect.half_width:.2g} % wide, more than the limit"
    return Answer.CANNOT_TELL, "neither a difference nor a worsening by the limit is certain"


def _severity(evidence: Evidence, levels: Levels) -> Severities:
    """What the lower bound supports, and what only the point reaches."""
    least = evidence.bounds(levels.severity)[0]
    return BANDS.supported(share_of(least, evidence.better), share_of(evidence.point, evidence.better))


def _how_much_more(pairs: int, spread: float, edge: float, levels: Levels) -> str:
    """How many pairs would show a worsening by the limit in four of five duets, or exclude it."""
    if not 0 < spread < math.inf or edge <= 0:
        return ""
    needed = math.ceil(pairs * ((_NORMAL.inv_cdf(1 - levels.same) + POWER_Z) * spread / edge) ** 2)
    return f"; about {needed} pairs would tell" if pairs < needed < MOST_PAIRS else ""
