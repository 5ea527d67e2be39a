"""Numbers in digits as the English words they are spoken with."""

from __future__ import annotations

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", "thousand", "million")
_LONGEST = 9  # digits; longer ones are telephone and account numbers, read digit by digit


def number_words(text: str) -> list[str]:
    """Words of a number such as 7, 1,200 or 3.5; nothing for what is no number.

    More than nine digits, and those that begin with 0, are read digit by digit.
    """
    whole, point, decimals = text.partition(".")
    whole = _without_commas(whole)
    if not _is_digits(whole) or (point and not _is_digits(decimals)):
        return []
    spoken = (
        [_SMALL[int(digit)] for digit in whole] if len(whole) > _LONGEST or (whole[0] == "0" and len(whole) > 1) else _cardinal(int(whole))
    )
    return [*spoken, "point", *(_SMALL[int(digit)] for digit in decimals)] if point else spoken


def _cardinal(number: int) -> list[str]:
    if number < 20:
        return [_SMALL[number]]
    if number < 100:
        return [_TENS[number // 10], *([_SMALL[number % 10]] if number % 10 else [])]
    if number < 1_000:
        return [_SMALL[number // 100], "hundred", *(_cardinal(number % 100) if number % 100 else [])]
    scale = 1 if number < 1_000_000 else 2
    above, below = divmod(number, 1_000**scale)
    return [*_cardinal(above), _SCALES[scale], *(_cardinal(below) if below else [])]


def _without_commas(text: str) -> str:
    first, *rest = text.split(",")
    return first + "".join(rest) if 1 <= len(first) <= 3 and all(len(group) == 3 for group in rest) else text


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
