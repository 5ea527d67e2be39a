"""The stretch of a course in which events are densest, and whether chance alone makes one as dense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadstone.stats.trend import Levels

TRIALS = 199
FEWEST = 6  # windows


@dataclass(frozen=True, slots=True)
class DenseStretch:
    """Windows begin … end - 1, and what is special there.

    share: of all events, those inside
    ratio: events per base inside ÷ outside; inf when there are none outside
    p:     chance of a stretch as dense when each event falls anywhere, independently; events that come in clumps make it small,
           so `share` and `ratio` must say that the stretch also matters
    """

    begin: int
    end: int
    share: float
    ratio: float
    p: float


def densest_stretch(events: Levels, base: Levels, seed: int = 1) -> DenseStretch | None:
    """The stretch that stands out most; None without events, or with fewer than six windows.

    events, base: shape (n,): what happened in each window, of how many
    source: the scan statistic of Kulldorff 1997 with Poisson counts; p by 199 random scatterings of as many events
    """
    events, base = np.asarray(events, dtype=float), np.asarray(base, dtype=float)
    n = len(events)
    if n < FEWEST or events.sum() <= 0 or base.sum() <= 0:
        return None
    score, begin, end = _scan(events, base)
    if score <= 0:
        return None
    rng = np.random.default_rng(seed)
    beaten = 0
    for scattered in rng.multinomial(round(events.sum()), base / base.sum(), TRIALS):
        beaten += _scan(scattered.astype(float), base)[0] >= score
    inside, inside_base = float(events[begin:end].sum()), float(base[begin:end].sum())
    outside, outside_base = float(events.sum()) - inside, float(base.sum()) - inside_base
    ratio = (inside / inside_base) / (outside / outside_base) if outside > 0 and outside_base > 0 else float("inf")
    return DenseStretch(begin, end, inside / float(events.sum()), ratio, (beaten + 1) / (TRIALS + 1))


def _scan(events: Levels, base: Levels) -> tuple[float, int, int]:
    """The greatest log-likelihood ratio of all stretches but the whole, and where it is."""
    seen, size = np.concatenate(([0.0], np.cumsum(events))), np.concatenate(([0.0], np.cumsum(base)))
    total = seen[-1]
    inside = seen[None, :] - seen[:, None]
    wanted = (size[None, :] - size[:, None]) * (total / size[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(inside > 0, inside * np.log(inside / wanted), 0.0)
        rest = total - inside
        gain = gain + np.where(rest > 0, rest * np.log(rest / (total - wanted)), 0.0)
    gain = np.where((inside > wanted) & (wanted > 0), gain, 0.0)
    gain[0, -1] = 0.0
    at = int(np.argmax(gain))
    begin, end = divmod(at, gain.shape[1])
    return float(gain[begin, end]), begin, end
