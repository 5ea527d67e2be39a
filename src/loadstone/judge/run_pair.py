"""One run against one run: sections tell the noise within them, and an assumption the noise between them."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.errors import NoSamples
from loadstone.judge.alike import Alikeness, Likeness
from loadstone.judge.answering import answer_of, effect_of, labels, limit_amount, scale_of, size_text, visible, worsening_of
from loadstone.judge.difference import Answer, Difference
from loadstone.judge.recorded import Figure, Sections
from loadstone.judge.regression_rules import RegressionRules
from loadstone.stats.adjust import adjusted
from loadstone.stats.histogram import Histogram
from loadstone.stats.sections import level_shift, quantile_shift, share_shift, trial_variance
from loadstone.stats.shift import Shift

METHOD = "sections"
# A stated assumption: standard deviation of the logarithm between runs of the same thing on one machine. Two runs do not tell what
# it is on theirs, so it is that of a shared machine, its level and its slow drift together.
BETWEEN_RUNS = 0.12


def compare_runs(
    before: Mapping[str, Sections],
    after: Mapping[str, Sections],
    figures: list[Figure],
    rules: RegressionRules | None = None,
    *,
    unlike: Alikeness | None = None,
) -> tuple[Difference, ...]:
    """Compare the figures of two runs by name.

    unlike: what `alikeness` said of the two runs
    """
    rules = rules or RegressionRules()
    if unlike is not None and unlike.likeness is Likeness.REFUSED:
        return tuple(_untold(figure, rules, unlike.reasons[0]) for figure in figures)
    between = (BETWEEN_RUNS**2 + (unlike.spread**2 if unlike else 0.0) / 2) ** 0.5
    taken = [_shift(figure, before.get(figure.name), after.get(figure.name), between) for figure in figures]
    chances = iter(adjusted([one.p for one in taken if isinstance(one, Shift)]))
    source = f"{between:.1%} between runs assumed"
    return tuple(
        _told(figure, one, next(chances), rules, before[figure.name], after[figure.name], source)
        if isinstance(one, Shift)
        else _untold(figure, rules, one, before.get(figure.name), after.get(figure.name))
        for figure, one in zip(figures, taken, strict=True)
    )


def _shift(figure: Figure, before: Sections | None, after: Sections | None, between: float) -> Shift | str:
    """The shift with the noise between runs in it, or why there is none."""
    if before is None or after is None:
        return f"the run {'before' if before is None else 'after'} does not have it"
    try:
        if figure.is_share:
            old, new = ([(part.hits, part.samples) for part in side.shares] for side in (before, after))
            return share_shift(old, new, between * _scatter(before, after))
        if before.times and after.times:
            return quantile_shift(before.times, after.times, before.q, between)
        return level_shift(before.levels, after.levels, between)
    except NoSamples as problem:
        return problem.what


def _scatter(before: Sections, after: Sections) -> float:
    """How far single trials of a share scatter, in points: the spread of a share between runs is told in parts of that.

    A share near 0 or 1 cannot swing by as many points as one in the middle.
    """
    hits, samples = (sum(getattr(part, name) for side in (before, after) for part in side.shares) for name in ("hits", "samples"))
    return float(trial_variance(hits, samples) ** 0.5)


def _told(figure: Figure, shift: Shift, chance: float, rules: RegressionRules, old: Sections, new: Sections, source: str) -> Difference:
    limit = rules.limit_of(figure)
    worsening, amount = worsening_of(figure, shift), limit_amount(figure, limit)
    answer = answer_of(worsening, amount, chance)
    named = labels(figure, worsening, rules.bands, answer)
    before, after = _value(figure, old), _value(figure, new)
    advice = "" if answer is not Answer.CANNOT_TELL else "; a baseline of 10 runs or a duet would tell"
    return Difference(
        figure=figure.name,
        unit=figure.unit,
        before=before,
        after=after,
        effect=effect_of(figure, shift, _share(old)),
        answer=answer,
        limit=limit,
        severity=named.sure,
        suspected=named.suspected,
        visible=visible(figure, worsening, amount),
        samples_before=_samples(old),
        samples_after=_samples(new),
        reason=f"{size_text(figure, worsening)}; one run each: noise within them, and {source}{advice}",
        method=METHOD,
    )


def _share(side: Sections) -> float:
    return sum(part.hits for part in side.shares) / max(1, sum(part.samples for part in side.shares))


def _value(figure: Figure, side: Sections) -> float:
    if figure.is_share:
        return _share(side) * scale_of(figure)
    if side.levels:
        return sum(side.levels) / len(side.levels)
    whole = Histogram()
    for part in side.times:
        whole.merge(part)
    return whole.quantile(side.q) / side.unit_size


def _samples(side: Sections) -> int:
    return sum(part.count + part.beyond for part in side.times) or sum(part.samples for part in side.shares) or len(side.levels)


def _untold(figure: Figure, rules: RegressionRules, why: str, old: Sections | None = None, new: Sections | None = None) -> Difference:
    """What each side has is told all the same: a run that has the figure, too seldom to be compared alone, lacks nothing."""
    before, after = _known(figure, old), _known(figure, new)
    return Difference(figure.name, figure.unit, before, after, None, Answer.CANNOT_TELL, rules.limit_of(figure), reason=why, method=METHOD)


def _known(figure: Figure, side: Sections | None) -> float | None:
    return _value(figure, side) if side is not None and _samples(side) else None
