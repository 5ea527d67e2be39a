"""The figures of a duet: a judge for each, fed from the slices of the arms, and what they say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from loadstone.judge.difference import Answer, Difference, gravest
from loadstone.judge.duet import SAME_ALPHA, DuetJudge, Look
from loadstone.judge.duet_answer import Levels, judge_figure
from loadstone.judge.duet_evidence import Rates
from loadstone.judge.duet_outcome import Facts, Outcome, more_seconds
from loadstone.judge.duet_pair import Pair
from loadstone.load.slices import Figure, Slice
from loadstone.stats.duet_looks import look_levels

ALPHA = 0.01  # of a false alarm, for all figures together
LOOKS = (12, 20, 40, 80, 160, 320)
SHOWN = (0.95, 0.99)  # beside what decides
BUSY = 0.85  # share of the machine's processors that is worth a word; what the targets take themselves is the judge's business


class Judges:
    """Which figures there are is known after the first pair; what appears later has too little in common to be compared."""

    def __init__(self, limit: float, quantiles: tuple[float, ...], most_pairs: int, error_limit: float) -> None:
        self._limit, self._quantiles, self._error_limit = limit, quantiles, error_limit
        self._looks = (*(look for look in LOOKS if look < most_pairs), most_pairs)
        self._judges: dict[Figure, DuetJudge] = {}
        self._looked: dict[Figure, Look] = {}
        self._decided: dict[Figure, Look] = {}
        self._pairs = 0
        self._rates = Rates()
        self._names: Mapping[Figure, str] = {}
        self.asked, self.failed = {"A": 0, "B": 0, "A′": 0}, {"A": 0, "B": 0, "A′": 0}

    def take(self, a: Slice, b: Slice, control: Slice | None, *, first: str, cpu: float | None, paced: bool = False) -> None:
        """One more pair; of paced arms the rate is our own doing, and is not compared."""
        self._pairs += 1
        for key, taken in (("A", a), ("B", b), ("A′", control)):
            if taken is not None:
                self.asked[key] += taken.asked
                self.failed[key] += taken.failed
        if not paced:
            self._rates.take((a.asked - a.failed) / a.seconds, (b.asked - b.failed) / b.seconds, a_first=first == "A")
        if not self._judges:
            common = [figure for figure in a.times if figure in b.times]
            self._names = _names(common)
            self._judges = {figure: self._judge(figure, len(common)) for figure in common}
        for figure, judge in self._judges.items():
            if figure in a.times and figure in b.times:
                a2 = control.times.get(figure) if control is not None else None
                place = (figure.scenario, figure.step)
                judge.take(
                    Pair(
                        a.times[figure],
                        b.times[figure],
                        a2,
                        "a" if first == "A" else "b",
                        errors_a=a.errors.get(place, 0),
                        errors_b=b.errors.get(place, 0),
                        cpu_share=cpu,
                    )
                )

    def look(self) -> bool:
        """Is it clear? One figure that is worse is enough; that none is takes all of them."""
        for figure, judge in self._judges.items():
            if figure not in self._decided:
                self._see(figure, judge.look())
        worse = any(look.decision is Answer.WORSE for look in self._decided.values())
        return worse or (bool(self._judges) and len(self._decided) == len(self._judges))

    @property
    def clear(self) -> bool:
        """Whether what was decided is an answer, and not that nobody can tell."""
        return gravest([look.decision for look in self._decided.values() if look.decision]) is not Answer.CANNOT_TELL

    def _see(self, figure: Figure, look: Look) -> None:
        if look.differences:  # between looks there are none, and the last ones still stand
            self._looked[figure] = look
        if look.decision is not None:
            self._decided[figure] = look

    def outcome(self, *, final: bool, facts: Facts, ended: str) -> Outcome:
        """How it stands, or what it came to."""
        if final and self._pairs:
            for figure, judge in self._judges.items():
                if figure not in self._decided:
                    self._see(figure, judge.final())
        looks = list(self._looked.values())
        decisive = len(self._quantiles) + 1  # and the failures
        differences = tuple(
            _named(difference, self._names[figure]) for figure, look in self._looked.items() for difference in look.differences[:decisive]
        )
        differences = tuple({each.figure: each for each in differences}.values())  # failures of a step with several times are the same
        shown = tuple(
            _named(difference, self._names[figure]) for figure, look in self._looked.items() for difference in look.differences[decisive:]
        )
        answers = [look.decision or Answer.CANNOT_TELL for look in looks]
        answer = gravest(answers)
        why = next((look.why for look, each in zip(looks, answers, strict=True) if each is answer), "")
        return Outcome(
            answer,
            differences,
            (*self._throughput(), *shown),
            self._pairs,
            facts,
            ended,
            why or ("" if differences else "no figure was measured on both sides"),
            tuple(self._notices(facts)) if final else (),
            more_seconds(differences, facts.seconds) if answer is Answer.CANNOT_TELL else None,
        )

    def _throughput(self) -> Iterator[Difference]:
        """Answers per second of a turn: only shown, because the last user of a turn decides about it."""
        evidence = self._rates.evidence()
        if evidence is not None:
            looked = tuple(look for look in self._looks if look < self._pairs)
            level = look_levels((*looked, self._pairs), max(self._pairs, self._looks[-1]), ALPHA / 2)[-1]
            levels = Levels(level, SAME_ALPHA, level)
            yield judge_figure("throughput", "/s", evidence, self._limit, levels, pairs=self._pairs, last=True).difference

    def _notices(self, facts: Facts) -> Iterator[str]:
        if facts.cpu is not None and facts.cpu > BUSY:
            yield f"this machine's processors were {facts.cpu:.0%} busy: to be sure takes longer than without other work"
        for arm, reasons in facts.reasons.items():
            if reasons:
                text, count = max(reasons.items(), key=lambda item: item[1])
                yield f"{arm}: {self.failed[arm]} of {self.asked[arm]} requests failed; most often ({count}×): {text}"

    def _judge(self, figure: Figure, figures: int) -> DuetJudge:
        return DuetJudge(
            figure.metric + self._names[figure],
            self._limit,
            self._quantiles,
            shown=SHOWN,
            looks=self._looks,
            alpha=ALPHA / figures,
            error_limit=self._error_limit,
        )


def _named(difference: Difference, tags: str) -> Difference:
    """Failures are of a step, too, where there are several."""
    return difference if "{" in difference.figure else replace(difference, figure=difference.figure + tags)


def _names(figures: Sequence[Figure]) -> Mapping[Figure, str]:
    """What tells figures apart: nothing where there is one, else the step, and the scenario where several have a step of that name."""
    if len(figures) == 1:
        return {figures[0]: ""}
    several = Counter((figure.metric, figure.step) for figure in figures)
    scenarios = {figure: f"scenario={figure.scenario}," if several[figure.metric, figure.step] > 1 else "" for figure in figures}
    return {figure: f"{{{scenario}step={figure.step}}}" for figure, scenario in scenarios.items()}
