"""The self-test counts rightly, whatever the duets say; its duets are told here, not played."""

from __future__ import annotations

import pytest

from loadstone.cli.selftest import document_of, exit_code_of, text_of
from loadstone.errors import ExitCode
from loadstone.judge.difference import Answer
from loadstone.judge.duet_outcome import Facts, Outcome, Pace
from loadstone.selftest import COURSE, SelfTest, Trial, self_test


def outcome(answer: Answer, ended: str = "clear") -> Outcome:
    return Outcome(answer, (), (), 12, Facts({"A": "a", "B": "b"}, 1.0, Pace()), ended)


def of_duets(*answers: tuple[float, Answer]) -> SelfTest:
    return SelfTest([Trial(effect, outcome(answer)) for effect, answer in answers], seconds=10.0)


def test_every_effect_is_played_and_half_of_the_duets_are_of_equal_targets() -> None:
    played: list[tuple[float, int]] = []

    def play(effect: float, seed: int, _left_s: float) -> Outcome:
        played.append((effect, seed))
        return outcome(Answer.NOT_WORSE, "clear" if len(played) <= 6 else "interrupted")

    test = self_test(play, 1000.0, seed=5)
    assert [effect for effect, _ in played[:6]] == list(COURSE)
    assert [seed for _, seed in played] == [5, 6, 7, 8, 9, 10, 11]
    assert len(test.trials) == 6
    assert len(test.of(0.0)) == 3


def test_a_duet_that_the_clock_cut_off_does_not_count() -> None:
    test = self_test(lambda *_: outcome(Answer.CANNOT_TELL, "time"), 1000.0)
    assert test.trials == []
    assert exit_code_of(test) is ExitCode.INCONCLUSIVE
    assert "Too short" in text_of(test, ExitCode.INCONCLUSIVE)


def test_better_is_as_much_a_false_alarm_as_worse() -> None:
    test = of_duets((0.0, Answer.WORSE), (0.0, Answer.BETTER), (0.0, Answer.NOT_WORSE), (0.0, Answer.CANNOT_TELL))
    assert test.false_alarms == 2
    interval = test.false_alarm_interval
    assert interval is not None
    assert interval[0] < 0.5 < interval[1]


def test_a_machine_with_surely_too_many_false_alarms_is_not_to_be_trusted() -> None:
    assert exit_code_of(of_duets(*[(0.0, Answer.WORSE)] * 3, (0.2, Answer.WORSE))) is ExitCode.UNTRUSTWORTHY


@pytest.mark.parametrize(
    ("seen", "smallest", "code"),
    [
        ((0, 0, 0), None, ExitCode.INCONCLUSIVE),
        ((0, 0, 10), 0.2, ExitCode.PASS),
        ((8, 9, 10), 0.1, ExitCode.PASS),
        ((9, 9, 9), 0.05, ExitCode.PASS),
    ],
)
def test_the_smallest_effect_is_the_one_that_nine_of_ten_duets_saw(
    seen: tuple[int, int, int], smallest: float | None, code: ExitCode
) -> None:
    trials = [(0.0, Answer.NOT_WORSE)] * 10
    for effect, count in zip((0.05, 0.10, 0.20), seen, strict=True):
        trials += [(effect, Answer.WORSE)] * count + [(effect, Answer.CANNOT_TELL)] * (10 - count)
    test = of_duets(*trials)
    assert test.smallest_seen == smallest
    assert exit_code_of(test) is code
    document = document_of(test, code)
    assert document["smallest_seen"] == smallest
    assert document["false_alarms"] == 0
    assert "0 of 10 duets of equal targets" in text_of(test, code)
