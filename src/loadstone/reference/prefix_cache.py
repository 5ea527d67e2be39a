"""The cache of prompts' beginnings that inference servers keep: whole blocks of tokens, the ones used last."""

from __future__ import annotations

from collections import OrderedDict

from loadstone.reference.simulator import tokens_of

BLOCK_TOKENS = 16


class PrefixCache:
    """Counts how many tokens at the start of a prompt were seen before, in whole blocks of 16; keeps so many blocks."""

    def __init__(self, blocks: int) -> None:
        self._most = blocks
        self._blocks: OrderedDict[int, None] = OrderedDict()
        self.queried = 0
        self.hit = 0

    def resize(self, blocks: int) -> None:
        """Empty, with another size; the counts go on."""
        self._most = blocks
        self._blocks.clear()

    def match(self, prompt: str) -> int:
        """Tokens of the longest beginning that is held; all of this prompt is held from now on.

        The last token is never one of them: a model must be given at least one to go on from.
        """
        if not self._most:
            return 0
        tokens = tokens_of(prompt)
        chain, found, whole = 0, 0, True
        for start in range(0, len(tokens) - BLOCK_TOKENS, BLOCK_TOKENS):
            # A block counts only after all the blocks before it, so each key covers the whole beginning.
            chain = hash((chain, *tokens[start : start + BLOCK_TOKENS]))
            whole = whole and chain in self._blocks
            found += BLOCK_TOKENS * whole
            self._blocks[chain] = None
            self._blocks.move_to_end(chain)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
        self.queried += len(tokens)
        self.hit += found
        return found
