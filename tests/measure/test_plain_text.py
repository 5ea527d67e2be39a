"""Texts from outside, made safe to show."""

from hypothesis import given
from hypothesis import strategies as st

from loadstone.measure.plain_text import plain


@given(st.text(), st.integers(1, 40))
def test_a_plain_text_is_one_bounded_line_that_no_terminal_obeys(text: str, most: int) -> None:
    shown = plain(text, most)
    assert len(shown) <= most
    assert len(shown.splitlines()) <= 1
    assert all(character.isprintable() or character.isspace() for character in shown)
    shown.encode("utf-8")


def test_what_can_be_shown_stays_as_it_is() -> None:
    assert plain("héllo 漢字 [red] <b> 100 %") == "héllo 漢字 [red] <b> 100 %"


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert plain("a\x1b[2J\r\n\t\u202e\u2028\udc80") == "a\\x1b[2J\\r\\n\\t\\u202e\\u2028\\udc80"
