"""How much of what was said was understood: word errors against a reference text."""

from __future__ import annotations

from collections.abc import Sequence


def words_of(text: str) -> list[str]:
    """The words of a text without case and punctuation; an apostrophe inside a word belongs to it."""
    kept = (letter if letter.isalnum() or letter == "'" else " " for letter in text.casefold())
    return [word for each in "".join(kept).split() if (word := each.strip("'"))]


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Least number of words to replace, insert or remove to make one out of the other.

    source: Levenshtein 1966; over the words of the reference it is the word error rate, which can pass 100 %
    """
    row = list(range(len(heard) + 1))
    for at, word in enumerate(reference, 1):
        before, row[0] = row[0], at
        for column, other in enumerate(heard, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]
