"""Word errors, by hand and by the laws of a distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.stats.word_errors import word_errors, words_of

WORDS = st.lists(st.sampled_from(["one", "two", "three"]), max_size=6)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [("a b c", "a b c", 0), ("a b c", "a x c", 1), ("a b c", "a c", 1), ("a c", "a b c", 1), ("", "a b", 2), ("a b", "", 2), ("a b", "b a", 2)],
)
def test_each_word_replaced_left_out_or_put_in_is_one_error(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors


@given(WORDS, WORDS, WORDS)
def test_it_is_a_distance(one: list[str], two: list[str], three: list[str]) -> None:
    assert word_errors(one, two) == word_errors(two, one)
    assert (word_errors(one, two) == 0) is (one == two)
    assert word_errors(one, three) <= word_errors(one, two) + word_errors(two, three)
    assert abs(len(one) - len(two)) <= word_errors(one, two) <= max(len(one), len(two))


def test_case_and_punctuation_make_no_word_wrong() -> None:
    assert words_of("Hello,  World! It's 'fine'.") == ["hello", "world", "it's", "fine"]
