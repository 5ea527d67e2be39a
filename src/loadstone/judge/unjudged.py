"""Failures that no gate counts: a fast refusal is no fast answer, and who judges times alone would not notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.exchanges import ASKED, FAILED
from loadstone.measure.snapshot import View
from loadstone.units import format_count, format_share

FAILED_MANY = 0.10
# What was tried, in what counts it is kept, and in what counts that which failed of it. Decision 0012.
KINDS = (
    ("exchanges", ASKED, FAILED),
    ("passes", ("iteration.count",), ("iteration.errors",)),
    ("checks", ("check.count",), ("check.failures",)),
)
# A gate on one of these, or of one of these kinds, has looked at failures, however it counts them.
ELSEWHERE = frozenset({"llm.errors", "llm.good", "sse.errors", "voice.stt_errors", "voice.tts_errors"})
IN_CODE = frozenset({"baseline", "breaking_point"})
ADVICE = "judge them with rate(http.errors) < 1%, or say with `expect` which answers are wanted"


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Many failures that no gate counts, in words.

    everything: not one exchange did what was expected of it
    """

    text: str
    everything: bool = False


def unjudged_failures(view: View, verdicts: Sequence[Verdict]) -> Unjudged | None:
    """The gravest kind of failures of which more than a tenth were tried and no gate that could be decided counts them."""
    decided = [verdict for verdict in verdicts if verdict.status is not Status.NO_DATA]
    if any(verdict.gate.metric in ELSEWHERE or verdict.gate.stat in IN_CODE for verdict in decided):
        return None
    return next(_kinds(view, decided), None)


def _kinds(view: View, decided: Sequence[Verdict]) -> Iterator[Unjudged]:
    for what, tried, failed in KINDS:
        of = sum(view.count(metric) or 0 for metric in tried)
        unseen = sum(_unseen(view, metric, decided) for metric in failed)
        if of and unseen > FAILED_MANY * of:
            share = f"all {format_count(of)} {what} failed" if unseen >= of > 1 else f"{format_share(unseen / of)} of the {what} failed"
            everything = tried is ASKED and sum(view.count(metric) or 0 for metric in failed) >= of
            yield Unjudged(f"{share}, and no gate counts that", everything)


def _unseen(view: View, metric: str, decided: Sequence[Verdict]) -> int:
    """Failures beyond those that the widest gate on the metric sees."""
    seen = [_count(view, metric, verdict) for verdict in decided if verdict.gate.metric == metric or metric in verdict.gate.text]
    return (view.count(metric) or 0) - max(seen, default=0)


def _count(view: View, metric: str, verdict: Verdict) -> int:
    return view.count(metric, dict(verdict.gate.tags)) or 0
