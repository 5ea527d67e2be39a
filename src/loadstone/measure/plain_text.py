"""Texts from outside, made safe to show: a target must not be able to drive the reader's terminal or break a table."""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (bidirectional overrides, zero-width), Cs lone surrogates, Co private, Cn unassigned, Zl/Zp line breaks.
_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
MOST_CHARACTERS = 400

# What turns the direction of the text after it (UAX 9, 2), and so makes a name read as another one; U+FFFD stands for it in pages.
TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
UNTURNED = dict.fromkeys(TURNING, 0xFFFD)


def plain(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text on one line, with everything that a terminal would obey or hide written out as an escape.

    most: characters kept; a longer text loses its end and gains the mark `…`
    """
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    shown = "".join(_shown(character) for character in text[: most + 1])
    return shown if len(shown) <= most else shown[: max(0, most - 1)] + "…"


def _shown(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character) in _UNSHOWABLE:
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")
    return character
