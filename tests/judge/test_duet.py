"""What a duet decides, when, and when it does not."""

from dataclasses import replace

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.duet import DuetJudge, Look, Pair, decide
from loadstone.judge.duet_answer import Said
from loadstone.testing.noise import PROFILES, duet_pairs


def pairs(
    seed: int = 1, count: int = 80, per_block: int = 15, *, effect: float = 0.0, control: bool = False, profile: str = "ci"
) -> list[Pair]:
    return duet_pairs(np.random.default_rng(seed), PROFILES[profile], count, per_block, effect=effect, control=control)


def played(judge: DuetJudge, blocks: list[Pair]) -> Look:
    """As a duet is run: a look at each planned number of pairs, until there is a decision."""
    for pair in blocks:
        judge.take(pair)
        look = judge.look()
        if look.decision is not None:
            return look
    return judge.final()


def at_the_end(blocks: list[Pair]) -> Look:
    """One look at everything."""
    judge = only_median()
    for pair in blocks:
        judge.take(pair)
    return judge.final()


def only_median(limit: float = 0.05) -> DuetJudge:
    return DuetJudge(limit=limit, quantiles=(0.5,), error_limit=0.02)


def test_a_large_worsening_ends_the_duet_early() -> None:
    look = played(only_median(), pairs(effect=0.6))
    assert look.decision is Answer.WORSE
    assert look.pairs < 80
    assert look.next_look is None
    assert look.differences[0].severity is Severity.MAJOR
    assert look.differences[0].suspected is Severity.CRITICAL


def test_equal_sides_are_not_worse_and_a_worsening_by_the_limit_is_excluded() -> None:
    look = played(only_median(), pairs(profile="quiet"))
    assert look.decision is Answer.NOT_WORSE
    effect = look.differences[0].effect
    assert effect is not None
    assert effect.high < 1.05 * 1.01


def test_a_faster_candidate_is_better() -> None:
    assert played(only_median(), pairs(effect=-0.2)).decision is Answer.BETTER


def test_a_wide_interval_is_never_a_pass_and_says_how_much_more_would_tell() -> None:
    look = played(DuetJudge(limit=0.02, quantiles=(0.5,), looks=(12,)), pairs(profile="shared"))
    assert look.decision is Answer.CANNOT_TELL
    assert "would tell" in look.why
    assert look.differences[0].visible is not None
    assert look.differences[0].visible > 0.02


def test_between_planned_looks_nothing_is_decided() -> None:
    judge = only_median()
    for pair in pairs(count=14, effect=0.6)[:13]:
        judge.take(pair)
    assert judge.look() == Look(None, (), 13, "no look is planned at 13 pairs", 20)
    assert judge.final().decision is Answer.WORSE


def test_no_pairs_and_two_pairs_are_no_answer() -> None:
    judge = only_median()
    assert judge.final().decision is Answer.CANNOT_TELL
    for pair in pairs(count=2):
        judge.take(pair)
    assert judge.final().decision is Answer.CANNOT_TELL


def test_asking_twice_for_the_end_gives_the_same_answer() -> None:
    judge = only_median()
    for pair in pairs(effect=0.05):
        judge.take(pair)
    judge.look()
    assert judge.final() == judge.final()


def test_a_control_that_differs_makes_the_judge_abstain() -> None:
    shifted = [replace(pair, a2=None if pair.a2 is None else pair.a2 * 12 // 10) for pair in pairs(effect=0.3, control=True)]
    look = played(only_median(), shifted)
    assert look.decision is Answer.CANNOT_TELL
    assert "two copies of the baseline differ" in look.why
    assert {difference.answer for difference in look.differences} == {Answer.CANNOT_TELL}
    assert {difference.severity for difference in look.differences} == {Severity.NONE}


def test_a_control_that_agrees_changes_no_answer() -> None:
    blocks = pairs(2, effect=0.3, control=True)
    alone = [replace(pair, a2=None) for pair in blocks]
    assert played(only_median(), blocks) == played(only_median(), alone)


def test_a_saturated_machine_makes_the_judge_abstain() -> None:
    look = played(only_median(), [replace(pair, cpu_share=0.93) for pair in pairs(effect=0.3)])
    assert look.decision is Answer.CANNOT_TELL
    assert "93 % busy" in look.why


def test_a_high_quantile_waits_for_its_requests() -> None:
    judge = DuetJudge(quantiles=(0.95,), looks=(12, 100), error_limit=0.02)
    blocks = pairs(count=100, per_block=40, effect=0.3)
    for pair in blocks[:12]:
        judge.take(pair)
    early = judge.look()
    assert early.decision is None
    assert early.differences[0].answer is Answer.CANNOT_TELL
    assert "needs 1000, about " in early.differences[0].reason
    for pair in blocks[12:]:
        judge.take(pair)
    assert judge.look().decision is Answer.WORSE


def test_a_quantile_that_is_only_shown_decides_nothing() -> None:
    judge = DuetJudge(quantiles=(0.5,), shown=(0.99,), error_limit=0.02)
    look = played(judge, pairs(profile="quiet"))
    assert look.decision is Answer.NOT_WORSE
    assert look.differences[-1].figure == "p99(http.response_time)"
    assert look.differences[-1].answer is Answer.CANNOT_TELL


def test_swapping_both_targets_inverts_the_ratio() -> None:
    blocks = pairs(effect=0.2)
    swapped = [replace(pair, a=pair.b, b=pair.a, first="b" if pair.first == "a" else "a") for pair in blocks]
    there, back = at_the_end(blocks), at_the_end(swapped)
    assert (there.decision, back.decision) == (Answer.WORSE, Answer.BETTER)
    assert there.differences[0].effect is not None
    assert back.differences[0].effect is not None
    assert there.differences[0].effect.ratio == pytest.approx(1 / back.differences[0].effect.ratio)


def test_a_place_in_the_pair_that_is_slower_is_not_a_target_that_is_slower() -> None:
    blocks = duet_pairs(np.random.default_rng(5), PROFILES["quiet"], 80, 15, position=0.3)
    look = played(only_median(), blocks)
    assert look.decision is Answer.NOT_WORSE


def test_fewer_answers_per_second_are_worse() -> None:
    def timed(pair: Pair, number: int) -> Pair:
        return replace(pair, span_a_ns=1_000_000_000 + number, span_b_ns=1_250_000_000 - number)

    look = played(only_median(), [timed(pair, number) for number, pair in enumerate(pairs(profile="quiet"))])
    throughput = next(difference for difference in look.differences if difference.figure == "throughput")
    assert look.decision is Answer.WORSE
    assert throughput.answer is Answer.WORSE
    assert throughput.effect is not None
    assert throughput.effect.ratio == pytest.approx(0.8, rel=1e-3)


def test_failures_that_rise_in_most_pairs_are_worse() -> None:
    failing = [replace(pair, errors_b=number % 3) for number, pair in enumerate(pairs(profile="quiet"))]
    look = played(DuetJudge(quantiles=(0.5,)), failing)
    errors = look.differences[-1]
    assert look.decision is Answer.WORSE
    assert (errors.figure, errors.answer) == ("errors", Answer.WORSE)


def test_one_cluster_of_failures_is_no_evidence() -> None:
    blocks = pairs(profile="quiet")
    blocks[5] = replace(blocks[5], errors_b=60)
    judge = DuetJudge(quantiles=(0.5,))
    for pair in blocks:
        judge.take(pair)
    assert judge.final().differences[-1].answer is Answer.CANNOT_TELL


@pytest.mark.parametrize(("per_block", "answer"), [(15, Answer.NOT_WORSE), (2, Answer.CANNOT_TELL)])
def test_no_failures_at_all_are_not_worse_only_with_enough_requests(per_block: int, answer: Answer) -> None:
    judge = DuetJudge(quantiles=(0.5,), error_limit=0.005)
    for pair in pairs(per_block=per_block):
        judge.take(pair)
    errors = judge.final().differences[-1]
    assert errors.answer is answer
    assert errors.effect is None
    assert errors.before == 0.0
    assert "points" in errors.reason


def test_failures_that_never_happened_hold_no_answer_back() -> None:
    look = played(DuetJudge(limit=0.3, quantiles=(0.5,), looks=(20,)), pairs(count=20, per_block=5, profile="quiet"))
    assert look.differences[-1].answer is Answer.CANNOT_TELL
    assert look.decision is Answer.NOT_WORSE


def test_a_side_that_only_fails_has_no_times_but_failures() -> None:
    blocks = [replace(pair, b=pair.b[:0], errors_b=15) for pair in pairs()]
    look = played(only_median(), blocks)
    assert look.decision is Answer.WORSE
    assert look.differences[0].answer is Answer.CANNOT_TELL
    assert look.differences[-1].answer is Answer.WORSE


def test_times_of_zero_are_no_error_and_what_never_changes_is_not_worse() -> None:
    blocks = [Pair(np.zeros(5, np.int64), np.zeros(5, np.int64)) for _ in range(80)]
    difference = played(only_median(), blocks).differences[0]
    assert difference.answer is Answer.NOT_WORSE
    assert difference.effect is not None
    assert (difference.effect.low, difference.effect.ratio, difference.effect.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "wrong", [{"limit": 0.0}, {"alpha": 1.0}, {"looks": (20, 12)}, {"looks": ()}, {"quantiles": (95.0,)}, {"quantiles": (0.1,)}]
)
def test_a_plan_that_cannot_be_judged_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        DuetJudge(**wrong)  # type: ignore[arg-type]


def test_what_could_not_be_excluded_is_not_said_to_be() -> None:
    time = Said(Difference("p50(http.service_time)", "ms", 1.0, 1.0, None, Answer.NOT_WORSE, 0.05), settled=True)
    errors = Said(Difference("errors", "%", 0.0, 0.0, None, Answer.CANNOT_TELL, 0.005), settled=False, holds_back=False)
    assert decide([time]) == (Answer.NOT_WORSE, "a worsening by the limit is excluded for every figure")
    assert decide([time, errors]) == (Answer.NOT_WORSE, "a worsening by the limit is excluded for p50(http.service_time)")


def test_p99_below_5000_requests_a_side_cannot_be_told_and_says_how_many_pairs_would_do() -> None:
    judge = DuetJudge(quantiles=(0.99,), looks=(80,), error_limit=0.02)
    look = played(judge, pairs(effect=0.5, profile="quiet"))
    assert look.decision is Answer.CANNOT_TELL
    assert "1200 requests a side; p99 needs 5000, about 334 pairs like these" in look.differences[0].reason


def test_p99_of_10000_requests_a_side_sees_a_quarter_more_and_nothing_where_nothing_is() -> None:
    answers = []
    for effect in (0.25, 0.0):
        for seed in range(8):
            judge = DuetJudge(limit=0.03, quantiles=(0.99,), looks=(667,), error_limit=0.02)
            answers.append(played(judge, pairs(700 + seed, 667, effect=effect)).differences[0].answer)
    assert answers[:8] == [Answer.WORSE] * 8
    assert Answer.WORSE not in answers[8:]
