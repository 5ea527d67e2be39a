"""Word error rate: laws, and texts that are the same to a listener."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.word_error import WordErrors, aligned, word_errors, words

WORDS = st.lists(st.sampled_from("abc"), max_size=7)


def edits(said: tuple[str, ...], heard: tuple[str, ...]) -> int:
    """The distance by its definition, without a table."""
    if not said or not heard:
        return len(said) + len(heard)
    if said[0] == heard[0]:
        return edits(said[1:], heard[1:])
    return 1 + min(edits(said[1:], heard), edits(said, heard[1:]), edits(said[1:], heard[1:]))


@given(WORDS, WORDS)
def test_errors_are_the_fewest_that_turn_one_into_the_other(said: list[str], heard: list[str]) -> None:
    assert aligned(said, heard).errors == edits(tuple(said), tuple(heard))


@given(WORDS, WORDS)
def test_kinds_of_errors_account_for_the_lengths_and_swap_with_the_texts(said: list[str], heard: list[str]) -> None:
    there, back = aligned(said, heard), aligned(heard, said)
    assert there.insertions - there.deletions == len(heard) - len(said)
    assert (there.substitutions, there.deletions, there.insertions) == (back.substitutions, back.insertions, back.deletions)
    assert min(there.substitutions, there.deletions, there.insertions) >= 0


@given(WORDS, WORDS, WORDS)
def test_a_detour_is_never_shorter(one: list[str], two: list[str], three: list[str]) -> None:
    assert aligned(one, three).errors <= aligned(one, two).errors + aligned(two, three).errors


def test_each_kind_of_error_is_counted() -> None:
    assert word_errors("turn on the light", "turn off the light") == WordErrors(4, substitutions=1)
    assert word_errors("turn on the light", "turn the light") == WordErrors(4, deletions=1)
    assert word_errors("turn on the light", "turn on on the light") == WordErrors(4, insertions=1)
    assert word_errors("yes", "") == WordErrors(1, deletions=1)
    assert word_errors("yes", "no no no").rate == 3.0


def test_no_words_said_have_no_rate_and_are_never_perfect() -> None:
    silent = word_errors("", "hello")
    assert silent == WordErrors(0, insertions=1)
    with pytest.raises(NoSamples):
        _ = silent.rate
    assert "no words" in str(silent)


def test_transcripts_add_up_by_their_words() -> None:
    both = word_errors("yes", "no") + word_errors("one two three", "one two three")
    assert both.rate == 0.25
    assert str(both) == "WER 25.0% (1 S, 0 D, 0 I of 4 words)"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What time is it?", "what TIME is it"),
        ("Don't stop.", "don\u2019t stop"),
        ("'quoted'", "quoted"),
        ("Mm-hm.", "mm hm"),
        ("My number is 5, 5.", "my number is five five"),
        ("it costs 1,200 now", "it costs one thousand two hundred now"),
        ("3.5 seconds", "three point five seconds"),
        ("(42%)", "forty two percent"),
        ("salt & pepper", "salt and pepper"),
        ("call 007", "call zero zero seven"),
        ("1000001", "one million one"),
        ("0123456789", "zero one two three four five six seven eight nine"),
        ("twenty-one", "21"),
        ("cafe\u0301", "CAFÉ"),
        ("ﬁne", "fine"),
        ("well\u2014then\u2026", "well then"),
    ],
)
def test_how_a_text_is_written_is_no_error(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_words_of_other_scripts_stay_words() -> None:
    assert words("Привет, мир! नमस्ते") == ["привет", "мир", "नमस्ते"]
    assert words(" ... !? ") == []


@given(st.text(max_size=40))
def test_any_text_is_its_own_perfect_transcript(text: str) -> None:
    assert word_errors(text, text).errors == 0
    assert all(word and not word.isspace() for word in words(text))
