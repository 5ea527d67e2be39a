"""Shares of failed requests on both sides of a duet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from loadstone.judge.difference import Answer, Difference
from loadstone.judge.duet_answer import Levels, Said
from loadstone.stats.duet import signed_rank
from loadstone.stats.effect import Effect
from loadstone.stats.quantiles import share_interval

METHOD = "paired failures"


def judge_errors(failures: Sequence[tuple[int, int, int, int]], limit: float, levels: Levels, *, last: bool) -> Said:
    """Did the share of failures rise by more than `limit` points?

    "Worse" needs both that the totals differ more than independent failures do, and that pairs agree about it: failures come in
    clusters, and one cluster is not evidence. "Not worse" needs the interval of the rise to end below the limit; without a single
    failure on either side that is a statement about the number of requests: it is said, and holds no answer of the whole back.
    failures: failed and all requests of a, then of b, for each pair
    source:   conditional test of two counts Przyborowski & Wilenski 1940; interval of a difference Newcombe 1998, method 10
    """
    failed_a, all_a, failed_b, all_b = (int(total) for total in np.sum(np.array(failures, dtype=np.int64).reshape(-1, 4), axis=0))
    if not all_a or not all_b:
        nothing = Difference(
            "errors", "%", None, None, None, Answer.CANNOT_TELL, limit, reason="a side without a single request", method=METHOD
        )
        return Said(nothing, last)
    before, after = failed_a / all_a, failed_b / all_b
    _, high = _rise(failed_a, all_a, failed_b, all_b, 1 - 2 * levels.same)
    answer, reason = Answer.CANNOT_TELL, f"a rise by up to {100 * high:.2g} points is possible; the limit is {100 * limit:.2g}"
    if _differ(failures, up=True) < levels.change and after - before >= limit:
        answer, reason = Answer.WORSE, f"{failed_b} of {all_b} failed, {failed_a} of {all_a} before"
    elif _differ(failures, up=False) < levels.change and before - after >= limit:
        answer, reason = Answer.BETTER, f"{failed_b} of {all_b} failed, {failed_a} of {all_a} before"
    elif high < limit:
        found = "no request failed on either side; " if not failed_a + failed_b else ""
        answer, reason = Answer.NOT_WORSE, f"{found}a rise by more than {100 * high:.2g} points is excluded"
    effect = _ratio(failed_a, all_a, failed_b, all_b)
    difference = Difference("errors", "%", 100 * before, 100 * after, effect, answer, limit, reason=reason, method=METHOD)
    sized = replace(difference, samples_before=all_a, samples_after=all_b)
    return Said(sized, last or answer is not Answer.CANNOT_TELL, holds_back=failed_a + failed_b > 0)


def _rise(failed_a: int, all_a: int, failed_b: int, all_b: int, level: float) -> tuple[float, float]:
    """Interval of the share of b less that of a."""
    a, b = failed_a / all_a, failed_b / all_b
    low_a, high_a = share_interval(failed_a, all_a, level)
    low_b, high_b = share_interval(failed_b, all_b, level)
    return b - a - math.hypot(b - low_b, high_a - a), b - a + math.hypot(high_b - b, a - low_a)


def _differ(failures: Sequence[tuple[int, int, int, int]], *, up: bool) -> float:
    """The larger of two p-values: of the totals, and of the pairs' signed ranks."""
    counts = np.array(failures, dtype=np.float64)
    failed_a, all_a, failed_b, all_b = counts.sum(axis=0)
    usable = (counts[:, 1] > 0) & (counts[:, 3] > 0)
    rises = counts[usable, 2] / counts[usable, 3] - counts[usable, 0] / counts[usable, 1]
    chances = signed_rank(rises)
    share = all_b / (all_a + all_b)
    more = int(failed_b) if up else int(failed_a)
    totals = _binomial_beyond(int(failed_a + failed_b), share if up else 1 - share, more)
    return max(totals, chances.greater if up else chances.less)


def _binomial_beyond(n: int, share: float, hits: int) -> float:
    """P(X >= hits); exact, summed on the logarithm's scale."""
    if hits <= 0:
        return 1.0
    log_n = math.lgamma(n + 1)
    logs = (
        log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(share) + (n - k) * math.log1p(-share) for k in range(hits, n + 1)
    )
    return min(1.0, math.fsum(math.exp(value) for value in logs))


def _ratio(failed_a: int, all_a: int, failed_b: int, all_b: int) -> Effect | None:
    """Ratio of the shares with its interval; None where a side has no failures. Source: Katz et al. 1978."""
    if not failed_a or not failed_b:
        return None
    ratio = failed_b * all_a / (failed_a * all_b)
    spread = NormalDist().inv_cdf(0.975) * math.sqrt(max(0.0, 1 / failed_a - 1 / all_a + 1 / failed_b - 1 / all_b))
    return Effect(ratio, ratio * math.exp(-spread), ratio * math.exp(spread))
