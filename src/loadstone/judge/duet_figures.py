"""The figures of a duet: a judge for each, fed from the slices of the arms, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator

from loadstone.judge.difference import Answer
from loadstone.judge.duet import DuetJudge, Look
from loadstone.judge.duet_outcome import Facts, Outcome, gravest, more_seconds
from loadstone.judge.duet_pair import Pair
from loadstone.load.slices import Figure, Slice

ALPHA = 0.01  # of a false alarm, for all figures together
LOOKS = (12, 20, 40, 80, 160, 320)
BUSY = 0.85  # share of the processors from which on a comparison says more of them than of the targets


class Judges:
    """Which figures there are is known after the first pair; what appears later has too little in common to be compared."""

    def __init__(self, limit: float, quantiles: tuple[float, ...], most_pairs: int) -> None:
        self._limit, self._quantiles = limit, quantiles
        self._looks = (*(look for look in LOOKS if look < most_pairs), most_pairs)
        self._judges: dict[Figure, DuetJudge] = {}
        self._looked: dict[Figure, Look] = {}
        self._pairs = 0
        self.asked, self.failed = {"A": 0, "B": 0, "A′": 0}, {"A": 0, "B": 0, "A′": 0}

    def take(self, a: Slice, b: Slice, control: Slice | None, *, first: str, cpu: float | None) -> None:
        """One more pair."""
        self._pairs += 1
        for key, taken in (("A", a), ("B", b), ("A′", control)):
            if taken is not None:
                self.asked[key] += taken.asked
                self.failed[key] += taken.failed
        if not self._judges:
            common = [figure for figure in a.times if figure in b.times]
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
        self._looked = {figure: judge.look() for figure, judge in self._judges.items()}
        decided = [look.decision for look in self._looked.values()]
        return Answer.WORSE in decided or (bool(decided) and None not in decided)

    def outcome(self, *, final: bool, facts: Facts, ended: str) -> Outcome:
        """How it stands, or what it came to."""
        if final and self._pairs:
            self._looked = {figure: judge.final() for figure, judge in self._judges.items()}
        looks = list(self._looked.values())
        differences = tuple(difference for look in looks for difference in look.differences)
        answers = [look.decision or Answer.CANNOT_TELL for look in looks]
        answer = gravest(answers)
        why = next((look.why for look, each in zip(looks, answers, strict=True) if each is answer), "")
        return Outcome(
            answer,
            differences,
            self._pairs,
            facts,
            ended,
            why or ("" if differences else "no figure was measured on both sides"),
            tuple(self._notices(facts)) if final else (),
            more_seconds(differences, facts.seconds) if answer is Answer.CANNOT_TELL else None,
        )

    def _notices(self, facts: Facts) -> Iterator[str]:
        if facts.cpu is not None and facts.cpu > BUSY:
            yield f"the processors were {facts.cpu:.0%} busy: times say more of the machine than of the targets; free it, or try later"
        for arm, reasons in facts.reasons.items():
            if reasons:
                text, count = max(reasons.items(), key=lambda item: item[1])
                yield f"{arm}: {self.failed[arm]} of {self.asked[arm]} requests failed; most often ({count}×): {text}"

    def _judge(self, figure: Figure, figures: int) -> DuetJudge:
        return DuetJudge(str(figure), limit=self._limit, quantiles=self._quantiles, looks=self._looks, alpha=ALPHA / figures)
