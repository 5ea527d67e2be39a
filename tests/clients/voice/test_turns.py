"""What a turn and its answer are written down as, from their times alone."""

import pytest

from loadstone.clients.voice.hearing import Answer
from loadstone.clients.voice.ledger import STUTTERS, Ledger, Turn
from loadstone.clock import MILLISECOND, SECOND
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import LOAD

ASKED_NS = 1_000 * SECOND


def written(gap_ms: float | None, *, stalls: int = 0, clipped: int = 0, heard_ms: float = 0) -> Aggregate:
    """A turn with an answer so long after it; None: with one of which nothing is audible, or none at all."""
    recorder = Recorder()
    ledger = Ledger(recorder, "", "call", ())
    turn, answer = Turn(), Answer()
    turn.asked_ns = ASKED_NS
    if gap_ms is not None:
        answer.onset_ns = answer.lead_ns = answer.byte_ns = round(ASKED_NS + gap_ms * MILLISECOND)
        answer.until_ns = answer.onset_ns + SECOND
    elif heard_ms:
        answer.byte_ns = round(ASKED_NS + heard_ms * MILLISECOND)
    answer.samples, answer.clipped, answer.stalls = 16_000, clipped, [50 * MILLISECOND] * stalls
    ledger.turn(turn, answer)
    ledger.turn(turn, answer)
    ledger.answer(answer)
    return Aggregate(recorder.take(0, 0.0, 1.0, LOAD))


def faults(measured: Aggregate) -> set[str]:
    return {dict(series.tags)["kind"] for series in measured.series("voice.faults")}


def test_an_ordinary_turn_is_counted_once_and_is_no_fault() -> None:
    measured = written(600, stalls=STUTTERS - 1, clipped=160)
    assert measured.count("voice.turns") == 1
    gaps = measured.distribution("voice.response_gap")
    assert gaps is not None
    assert gaps.count == 1
    assert not faults(measured)


@pytest.mark.parametrize(("gap_ms", "at_once"), [(49, True), (51, False)])
def test_an_answer_that_nobody_can_have_waited_for_was_made_at_once(gap_ms: float, at_once: bool) -> None:
    measured = written(gap_ms)
    assert ("answered_at_once" in faults(measured)) is at_once
    assert measured.distribution("voice.response_gap") is not None


def test_an_answer_before_the_callers_last_word_is_an_early_cut_and_no_gap_below_0() -> None:
    measured = written(-100)
    assert measured.count("voice.early_cut") == 1
    assert measured.distribution("voice.response_gap") is None


@pytest.mark.parametrize(("heard_ms", "kinds"), [(0, set()), (300, {"silent_audio"})])
def test_a_dead_turn_says_whether_silence_was_sent_or_nothing(heard_ms: float, kinds: set[str]) -> None:
    measured = written(None, heard_ms=heard_ms)
    assert measured.count("voice.dead_turn") == 1
    assert faults(measured) == kinds


def test_many_stalls_are_a_stutter_and_many_samples_at_full_scale_are_clipped() -> None:
    assert faults(written(600, stalls=STUTTERS, clipped=161)) == {"stutters", "clipped_audio"}


def test_words_that_were_final_before_the_caller_had_ended_have_no_delay() -> None:
    recorder, turn, answer = Recorder(), Turn("yes please"), Answer()
    turn.asked_ns, turn.text, turn.text_ns = 2 * SECOND, "yes", 1 * SECOND
    answer.byte_ns = answer.lead_ns = answer.onset_ns = answer.until_ns = 3 * SECOND
    Ledger(recorder, "", "call", ()).turn(turn, answer)
    measured = Aggregate(recorder.take(0, 0.0, 1.0, LOAD))
    assert measured.distribution("voice.stt_final_gap") is None
    assert measured.count("voice.wer") == 1


@pytest.mark.parametrize(("heard", "words", "wrong"), [((), None, None), ((1,), 9, 6), ((0, 2), 9, 3), ((0, 1, 2), 9, None)])
def test_words_of_which_an_agent_told_none_are_wrong_where_it_tells_any(
    heard: tuple[int, ...], words: int | None, wrong: int | None
) -> None:
    recorder = Recorder()
    ledger = Ledger(recorder, "", "call", ())
    for number in range(3):
        turn = Turn("one two three")
        turn.asked_ns = ASKED_NS
        if number in heard:
            turn.text, turn.text_ns = "one two three", ASKED_NS + SECOND
        ledger.turn(turn, Answer(), waited=True)
    measured = Aggregate(recorder.take(0, 0.0, 1.0, LOAD))
    assert (measured.count("voice.words"), measured.count("voice.wer") or None) == (words, wrong)


def test_a_turn_that_nobody_waited_for_may_have_been_heard() -> None:
    recorder = Recorder()
    ledger = Ledger(recorder, "", "call", ())
    for text_ns in (ASKED_NS + SECOND, 0):
        turn = Turn("yes")
        turn.asked_ns, turn.text, turn.text_ns = ASKED_NS, "yes" if text_ns else "", text_ns
        ledger.turn(turn, Answer())
    assert Aggregate(recorder.take(0, 0.0, 1.0, LOAD)).count("voice.words") == 1
