"""From a shift to an answer: worse, better, not worse, cannot tell, and what these data could have shown."""

from __future__ import annotations

import math

from loadstone.judge.difference import Answer, Severity
from loadstone.judge.recorded import Figure
from loadstone.judge.severity import Bands, Severities, as_amount, as_share, severities
from loadstone.stats.effect import Effect
from loadstone.stats.shift import Shift
from loadstone.stats.student import t_quantile

CHANCE = 0.01  # of a difference as clear as this one without any, two-sided, after the correction for many figures
NOT_WORSE_CONFIDENCE = 0.95
SEEN = 0.90  # a worsening is visible when it is found this often


def limit_amount(figure: Figure, limit: float) -> float:
    """A limit such as 0.1, for a share in points, on the scale of the figure's shifts."""
    if not limit > 0:
        raise ValueError(f"a limit must be more than 0, not {limit:g}")
    return as_amount(figure, limit)


def worsening_of(figure: Figure, shift: Shift) -> Shift:
    """The shift, turned so that more is worse."""
    return shift if figure.better == "lower" else shift.reversed()


def answer_of(worsening: Shift, limit: float, adjusted_p: float, chance: float = CHANCE) -> Answer:
    """Worse and better need both size and certainty; not worse needs an upper bound below the limit; the rest nobody can tell."""
    clear = adjusted_p <= chance
    if clear and worsening.amount >= limit:
        return Answer.WORSE
    if clear and -worsening.amount >= limit:
        return Answer.BETTER
    if worsening.most(NOT_WORSE_CONFIDENCE) < limit:
        return Answer.NOT_WORSE
    return Answer.CANNOT_TELL


def labels(figure: Figure, worsening: Shift, bands: Bands, answer: Answer) -> Severities:
    """The severity of what is worse; what nobody can tell has at most a suspected one, the rest none."""
    named = severities(figure, worsening, bands)
    if answer is Answer.WORSE:
        return named
    suspected = named.suspected if named.suspected is not Severity.NONE else named.sure
    return Severities(Severity.NONE, suspected if answer is Answer.CANNOT_TELL else Severity.NONE)


def effect_of(figure: Figure, shift: Shift, before: float) -> Effect | None:
    """Candidate ÷ baseline; of shares, whose shift is a difference, only when the baseline is not 0."""
    if not figure.is_share:
        return shift.effect()
    if before <= 0:
        return None
    low, high = shift.interval()
    return Effect(1 + shift.amount / before, max(0.0, 1 + low / before), 1 + high / before)


def size_text(figure: Figure, worsening: Shift) -> str:
    """`10.2 % worse`, `3 points better`."""
    share = as_share(figure, worsening.amount)
    percent = abs(share) * 100
    shown = f"{percent:.3g}" if percent < 999.5 else f"{percent:,.0f}"  # not 1.89e+03
    return f"{shown}{' points' if figure.is_share else ' %'} {'worse' if share > 0 else 'better'}"


def scale_of(figure: Figure) -> float:
    """By what a value is multiplied to be shown: shares are kept from 0 to 1."""
    return 100.0 if figure.is_share and figure.unit == "%" else 1.0


def visible(figure: Figure, worsening: Shift, limit: float, chance: float = CHANCE) -> float | None:
    """The smallest worsening that data like these show nine times of ten, as a share; None when there is none so large."""
    if not math.isfinite(worsening.error):
        return None
    scatter = t_quantile(SEEN, worsening.freedom) * worsening.error
    clear = t_quantile(1 - chance / 2, worsening.freedom) * worsening.error
    share = as_share(figure, max(limit, clear) + scatter)
    return share if math.isfinite(share) else None


def error_needed(worsening: Shift, limit: float, freedom: float) -> float:
    """The standard error with which the same point would have had a clear answer; 0 when it lies on the limit itself."""
    if worsening.amount >= limit:
        return worsening.amount / t_quantile(1 - CHANCE / 2, freedom)
    return (limit - worsening.amount) / t_quantile(NOT_WORSE_CONFIDENCE, freedom)
