"""Word error rate: how much of what was said a recogniser made something else of."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.errors import NoSamples
from loadstone.stats.number_words import number_words


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors of one transcript, or of several added up; a rate is of all words together, never a mean of rates.

    words: of the reference
    """

    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )

    @property
    def errors(self) -> int:
        """Words that must be changed, left out or put in."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per word that was said; more than 1 where much was made up.

        raises: NoSamples where nothing was said
        """
        if not self.words:
            raise NoSamples("a word error rate of no words was asked for")
        return self.errors / self.words

    def __str__(self) -> str:
        kinds = f"{self.substitutions} S, {self.deletions} D, {self.insertions} I"
        return f"WER {self.rate:.1%} ({kinds} of {self.words} words)" if self.words else f"no words said ({kinds})"


def word_errors(said: str, heard: str) -> WordErrors:
    """Errors of a transcript after both texts were made words; see `words` for what makes no difference."""
    return aligned(words(said), words(heard))


def aligned(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The fewest errors that turn one into the other; of several ways that with most substitutions.

    cost:   len(said) · len(heard) steps; a minute of speech has some 150 words
    source: Levenshtein 1966, over words
    """
    # (errors, deletions, insertions) of the words said so far against the first n heard
    above = [(n, 0, n) for n in range(len(heard) + 1)]
    for row, word in enumerate(said, start=1):
        current = [(row, row, 0)]
        for column, other in enumerate(heard, start=1):
            errors, deleted, inserted = above[column - 1]
            best = (errors + (word != other), deleted, inserted)
            errors, deleted, inserted = above[column]
            best = min(best, (errors + 1, deleted + 1, inserted))
            errors, deleted, inserted = current[column - 1]
            current.append(min(best, (errors + 1, deleted, inserted + 1)))
        above = current
    errors, deleted, inserted = above[-1]
    return WordErrors(len(said), errors - deleted - inserted, deleted, inserted)


def words(text: str) -> list[str]:
    """The words of a text as they are compared.

    Compatible letters are one (NFKC), case is none; an apostrophe within a word stays, typographic ones become plain; all other
    punctuation and hyphens part words; "%" and "&" are words; whole numbers up to 999,999,999 become English words
    ("1,200" -> one thousand two hundred), with decimals "3.5" -> three point five, and other digits are read one by one.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").replace("\u2018", "'")
    found = list[str]()
    for piece in plain.replace("%", " percent ").replace("&", " and ").split():
        number = number_words(piece.strip("'\"()[]{}<>.,;:!?…"))
        found += number or _parted(piece)
    return found


def _parted(piece: str) -> list[str]:
    """Words of a piece of text without spaces."""
    kept = "".join(letter if letter.isalnum() or letter == "'" or unicodedata.category(letter)[0] == "M" else " " for letter in piece)
    parts = (part.strip("'") for part in kept.split())
    return [word for part in parts if part for word in (number_words(part) or [part])]
