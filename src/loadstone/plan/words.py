"""Text of a wanted length: short common words, each of which is one token to nearly every tokenizer.

Counted by the plain rule (a run of letters and digits, or one other visible character) the length is exact. A tokenizer of a real
model may split or join a few; with that tokenizer at hand, `fitted` makes the length exact by its count.
"""

from __future__ import annotations

import random
import re
from array import array
from collections.abc import Callable
from functools import lru_cache

Tokenizer = Callable[[str], int]  # text -> number of tokens

WORDS = tuple(
    (  # noqa: SIM905 - a list of 256 literals is 256 lines
        "the of and to in is that it for was on are as with his they at be this from have or by one had not but what all were when we "
        "there can an your which their said if do will each about how up out them then she many some so these would other into has more "
        "her two like him see time could no make than first been its who now people my made over did down only way find use may water "
        "long little very after words called just where most know get through back much before go good new write our used me man too "
        "any day same right look think also around another came come work three word must because does part even place well such here "
        "take why things help put years different away again off went old number great tell men say small every found still between "
        "name should home big give air line set own under read last never us left end along while might next sound below saw something "
        "thought both few those always looked show large often together asked house world going want school important until form food "
        "keep children feet land side without boy once animals life enough took sometimes four head above kind began almost live page "
        "got earth need far hand high year mother light parts country father let night following picture being study second eyes soon "
        "paper hard start city run close door room road tree cold warm north open ship"
    ).split()
)

POOL = 1 << 16  # words from which long texts are cut
OPENING = 8  # words at the start of each text that are drawn one by one, so that no two texts begin alike
START = 5  # words of a start that nothing else has: 256 ** 5 of them
_STARTS = 1 << (8 * START)
_TOKEN = re.compile(r"\w+|[^\w\s]")


def count_tokens(text: str) -> int:
    """Tokens by the plain rule."""
    return len(_TOKEN.findall(text))


class Words:
    """Texts that follow from a seed and a key alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        draw = random.Random(f"starts/{seed}")
        self._step = draw.randrange(_STARTS // 4, _STARTS) | 1  # odd, so that multiplying by it loses nothing
        self._first = draw.randrange(_STARTS)

    def text(self, key: str, words: int) -> str:
        """So many words; a shorter text of the same key is the start of the longer one."""
        if words <= 0:
            return ""
        rng = random.Random(f"{self._seed}/{key}")
        said = rng.choices(WORDS, k=OPENING)[:words]
        left, at = words - len(said), rng.randrange(POOL)
        pool, ends = _pool(self._seed)
        while left > 0:
            taken = min(left, POOL - at)
            said.append(pool[ends[at] : ends[at + taken] - 1])
            left, at = left - taken, 0
        return " ".join(said)

    def start(self, number: int) -> str:
        """Five words that no other number (below 256 ** 5) has; neighbours differ in the first of them."""
        place = (number * self._step + self._first) % _STARTS
        return " ".join(WORDS[digit] for digit in place.to_bytes(START, "big"))


def fitted(make: Callable[[int], str], tokens: int, tokenizer: Tokenizer) -> tuple[str, int]:
    """The text `make(words)` with exactly `tokens` by this tokenizer, and its count; `make` gives longer texts for more words.

    The count is less when even the word "a" at the end is more than one token.
    """
    text, count, words, too_many = "", 0, 0, tokens + 1
    guess = tokens
    while words + 1 < too_many:
        longer = make(guess)
        found = tokenizer(longer)
        if found > tokens:
            too_many = guess
        else:
            text, count, words = longer, found, guess
        if found == tokens:
            break
        # Straight towards the aim, but always inside what is left.
        guess = min(max(guess + tokens - found, words + 1), too_many - 1)
    while count < tokens:
        longer = f"{text} a".lstrip()
        found = tokenizer(longer)
        if not count < found <= tokens:
            break
        text, count = longer, found
    return text, count


@lru_cache(maxsize=4)
def _pool(seed: int) -> tuple[str, array[int]]:
    """All words of the pool as one text, and where each begins in it."""
    chosen = random.Random(f"pool/{seed}").choices(WORDS, k=POOL)
    starts, at = array("I", [0]), 0
    for word in chosen:
        at += len(word) + 1
        starts.append(at)
    return " ".join(chosen) + " ", starts
