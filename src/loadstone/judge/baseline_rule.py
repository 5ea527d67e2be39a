"""New runs against a stored baseline of runs: the spread between runs is known, so the answer can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadstone.judge.alike import Likeness, alikeness
from loadstone.judge.answering import answer_of, effect_of, error_needed, labels, limit_amount, scale_of, size_text, visible, worsening_of
from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.recorded import Figure, RunFigures
from loadstone.judge.regression_rules import RegressionRules
from loadstone.judge.severity import as_share
from loadstone.stats.adjust import adjusted
from loadstone.stats.sections import trial_variance
from loadstone.stats.shift import Shift, prediction

METHOD = "prediction interval"
FEWEST = 5  # runs of a baseline, below which it is still being collected
ENOUGH = 10
BEST = 20
CHANCE = 0.02  # two-sided: worse lies above the one-sided 99 % bound; a confirming run comes before anything fails
MOST_RUNS = 100  # to ask a person for
LEAST_SPREAD = 0.001  # relative: what a histogram's buckets hide


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of new runs against a baseline.

    refused: why nothing was compared; empty otherwise
    notices: what makes the answers worth less, one sentence each
    """

    differences: tuple[Difference, ...]
    notices: tuple[str, ...] = ()
    refused: str = ""

    @property
    def worse(self) -> tuple[Difference, ...]:
        """The figures that are worse."""
        return tuple(one for one in self.differences if one.answer is Answer.WORSE)

    @property
    def needs_confirmation(self) -> bool:
        """Should one more run be made and given to `confirmed` before this fails anything?"""
        return bool(self.worse)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A figure that could be compared."""

    figure: Figure
    before: Sequence[float]
    after: Sequence[float]
    shift: Shift
    samples: tuple[int, int]


def compare_with_baseline(
    baseline: Sequence[RunFigures],
    candidates: Sequence[RunFigures],
    figures: Sequence[Figure],
    rules: RegressionRules | None = None,
    *,
    despite_machine: bool = False,
    known_alike: bool = False,
) -> Comparison:
    """Is the mean of new runs outside what runs like the baseline's predict, and by more than the limit?

    baseline:   20 runs are best, 10 enough, 5 to 9 see little, fewer cannot tell
    candidates: three are best; one is possible
    figures:    all that are judged together: the more there are, the clearer each has to be
    known_alike: the caller has seen to it that the runs may be compared
    """
    rules = rules or RegressionRules()
    if not baseline or not candidates:
        what = "the baseline has no run" if not baseline else "there is no new run"
        return Comparison(tuple(_untold(figure, rules, what, baseline, candidates) for figure in figures), (), what)
    unlike = [
        alikeness(baseline[-1].machine, run.machine, despite_machine=despite_machine)
        for run in (() if known_alike else (*baseline[:-1], *candidates))
    ]
    notices = tuple(dict.fromkeys(reason for one in unlike for reason in one.reasons))
    if any(one.likeness is Likeness.REFUSED for one in unlike):
        why = next(one.reasons[0] for one in unlike if one.likeness is Likeness.REFUSED)
        return Comparison(tuple(_untold(figure, rules, why, baseline, candidates) for figure in figures), notices, why)
    extra = max((one.spread for one in unlike), default=0.0)
    taken = [_measure(figure, baseline, candidates, extra) for figure in figures]
    chances = iter(adjusted([one.shift.p for one in taken if isinstance(one, _Measured)]))
    differences = [
        _told(one, next(chances), rules) if isinstance(one, _Measured) else _untold(figure, rules, one, baseline, candidates)
        for figure, one in zip(figures, taken, strict=True)
    ]
    if FEWEST <= len(baseline) < ENOUGH:
        notices = (*notices, f"the baseline has {len(baseline)} runs: with {ENOUGH} or more, smaller changes could be seen")
    return Comparison(tuple(differences), notices)


def confirmed(
    baseline: Sequence[RunFigures],
    candidates: Sequence[RunFigures],
    confirming: RunFigures,
    figures: Sequence[Figure],
    rules: RegressionRules | None = None,
    *,
    despite_machine: bool = False,
) -> Comparison:
    """The comparison after one more run: worse stays what is worse with it, and what it shows by itself at half the limit.

    candidates: the runs that were found worse; a figure that the confirming run does not bear out cannot be told
    """
    rules = rules or RegressionRules()
    compared = compare_with_baseline(baseline, [*candidates, confirming], figures, rules, despite_machine=despite_machine)
    doubtful = []
    for figure, one in zip(figures, compared.differences, strict=True):
        if one.answer is Answer.WORSE and not _bears_out(figure, one, confirming):
            reason = f"the confirming run does not bear it out: {confirming.value(figure):.4g} {one.unit}".rstrip()
            suspected = one.suspected if one.suspected is not Severity.NONE else one.severity
            doubtful.append(replace(one, answer=Answer.CANNOT_TELL, severity=Severity.NONE, suspected=suspected, reason=reason))
        else:
            doubtful.append(one)
    return Comparison(tuple(doubtful), compared.notices, compared.refused)


def _measure(figure: Figure, baseline: Sequence[RunFigures], candidates: Sequence[RunFigures], extra: float) -> _Measured | str:
    """The figure's shift, or why there is none."""
    before = [value for run in baseline if (value := run.value(figure)) is not None and math.isfinite(value)]
    after = [value for run in candidates if (value := run.value(figure)) is not None and math.isfinite(value)]
    if not before:
        return _lacking("earlier", figure, baseline)
    if len(after) < len(candidates):
        return _lacking("new", figure, candidates)
    if len(before) < FEWEST:
        return f"collecting: the baseline has {len(before)} of at least {FEWEST} runs with it"
    samples = (sum(run.count(figure) for run in baseline), sum(run.count(figure) for run in candidates))
    if figure.is_share:
        return _Measured(figure, before, after, _share_shift(figure, before, after, baseline, candidates), samples)
    if min(*before, *after) <= 0:
        return "a value is 0 or less, of which there is no ratio"
    logs = [[math.log(value) for value in side] for side in (before, after)]
    return _Measured(figure, before, after, prediction(logs[0], logs[1], LEAST_SPREAD).widened(extra), samples)


def _lacking(which: str, figure: Figure, runs: Sequence[RunFigures]) -> str:
    """Why some runs of a side have no value that can be compared."""
    values = [run.value(figure) for run in runs]
    missing, unknown = values.count(None), sum(value is not None and not math.isfinite(value) for value in values)
    if missing:
        return f"{missing} of {len(runs)} {which} run{'s' if len(runs) > 1 else ''} without it"
    return f"in {unknown} of {len(runs)} {which} run{'s' if len(runs) > 1 else ''} it is longer than anything recorded"


def _share_shift(
    figure: Figure, before: Sequence[float], after: Sequence[float], baseline: Sequence[RunFigures], candidates: Sequence[RunFigures]
) -> Shift:
    """Difference of mean shares; never surer than independent trials: ten runs without a failure are no certainty."""
    hits, samples = (
        [sum(getattr(run.shares[figure.name], part) for run in runs if figure.name in run.shares) for runs in (baseline, candidates)]
        for part in ("hits", "samples")
    )
    chance = trial_variance(sum(hits), sum(samples))
    between = prediction(before, after)
    independent = math.sqrt(chance * (1 / samples[0] + 1 / samples[1]))
    return Shift(between.amount, max(between.error, independent), between.freedom)


def _told(one: _Measured, chance: float, rules: RegressionRules) -> Difference:
    figure, limit = one.figure, rules.limit_of(one.figure)
    worsening, amount = worsening_of(figure, one.shift), limit_amount(figure, limit)
    answer = answer_of(worsening, amount, chance, CHANCE)
    named = labels(figure, worsening, rules.bands, answer)
    before, after = _mean(figure, one.before), _mean(figure, one.after)
    scale = scale_of(figure)
    return Difference(
        figure=figure.name,
        unit=figure.unit,
        before=before * scale,
        after=after * scale,
        effect=effect_of(figure, one.shift, before),
        answer=answer,
        limit=limit,
        severity=named.sure,
        suspected=named.suspected,
        visible=visible(figure, worsening, amount, CHANCE),
        samples_before=one.samples[0],
        samples_after=one.samples[1],
        reason=_reason(one, worsening, amount, answer, chance),
        method=METHOD,
    )


def _reason(one: _Measured, worsening: Shift, limit: float, answer: Answer, chance: float) -> str:
    size, runs = size_text(one.figure, worsening), f"{len(one.before)} + {len(one.after)} runs"
    if answer in {Answer.WORSE, Answer.BETTER}:
        return f"{size} in {runs}, outside the one-sided 99 % prediction bound (p = {chance:.2g})"
    if answer is Answer.NOT_WORSE:
        most = as_share(one.figure, worsening.most(0.95))
        return f"at most {max(0.0, most) * 100:.3g}{' points' if one.figure.is_share else ' %'} worse with 95 % confidence, of {runs}"
    return f"{size} in {runs}, and the limit lies within the noise; {_more(one, worsening, limit)}"


def _more(one: _Measured, worsening: Shift, limit: float) -> str:
    """How many more runs would do, were they as these."""
    spread = worsening.error / math.sqrt(1 / len(one.before) + 1 / len(one.after))
    for kept in dict.fromkeys((max(len(one.before), ENOUGH), max(len(one.before), BEST), MOST_RUNS)):
        needed = error_needed(worsening, limit, kept - 1)
        for new in range(len(one.after), MOST_RUNS + 1):
            if spread * math.sqrt(1 / kept + 1 / new) <= needed:
                more = [f"{kept - len(one.before)} more of the baseline"] if kept > len(one.before) else []
                more += [f"{new - len(one.after)} more new ones"] if new > len(one.after) else []
                return f"runs like these would tell with {' and '.join(more)}" if more else "another run would tell"
    return "the point lies so near the limit that more runs would not tell; try a duet"


def _mean(figure: Figure, values: Sequence[float]) -> float:
    """The mean on the scale on which runs are alike: geometric for all but shares."""
    return sum(values) / len(values) if figure.is_share else math.exp(sum(map(math.log, values)) / len(values))


def _bears_out(figure: Figure, one: Difference, run: RunFigures) -> bool:
    value = run.value(figure)
    if value is None or one.before is None:
        return False
    half = limit_amount(figure, one.limit) / 2
    moved = value - one.before / scale_of(figure) if figure.is_share else math.log(value / one.before)
    return (moved if figure.better == "lower" else -moved) >= half


def _untold(
    figure: Figure, rules: RegressionRules, why: str, baseline: Sequence[RunFigures], candidates: Sequence[RunFigures]
) -> Difference:
    """No answer; the last values are shown where there are any."""
    scale = scale_of(figure)
    before, after = (
        next((value * scale for run in reversed(runs) if (value := run.value(figure)) is not None), None) for runs in (baseline, candidates)
    )
    return Difference(figure.name, figure.unit, before, after, None, Answer.CANNOT_TELL, rules.limit_of(figure), reason=why, method=METHOD)
