"""How many tokens came in each chunk: the server's count shared out, a tokenizer's, or one for each chunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from loadstone.errors import UsageError

Count = Callable[[str], int]
SERVER, TOKENIZER, CHUNKS = "server", "tokenizer", "chunks"


def load_tokenizer(name: str) -> Count:
    """The counter that a plan names: `module:function` (text to a number, or to its tokens), or the path of a tokenizer.json.

    raises: UsageError when there is none
    """
    if name.endswith(".json"):
        return _from_file(name)
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # noqa: BLE001  whatever a user's module raises while it is imported
        raise UsageError(f"does not load: {type(error).__name__}: {error}", where=f"llm.tokenizer {name}", hint="module:function") from None

    def count(text: str) -> int:
        answer = found(text)
        return answer if isinstance(answer, int) else len(answer)

    return count


def _from_file(path: str) -> Count:
    try:
        tokenizers = import_module("tokenizers")
    except ImportError:
        raise UsageError(
            "needs the package tokenizers", where=f"llm.tokenizer {path}", hint="pip install tokenizers, or module:function"
        ) from None
    try:
        tokenizer = tokenizers.Tokenizer.from_file(path)
    except Exception as error:  # noqa: BLE001  the package raises plain Exception
        raise UsageError(f"cannot be read: {error}", where=f"llm.tokenizer {path}", hint="the tokenizer.json of the model") from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def shared_out(total: int, chunks: int) -> list[int]:
    """A total over chunks, as evenly as whole numbers allow, the same for the same numbers."""
    return [(index + 1) * total // chunks - index * total // chunks for index in range(chunks)]


def tokens_of(texts: Sequence[str], counted: int | None, tokenizer: Count | None) -> tuple[list[int], int, str]:
    """Tokens of each chunk, their sum, and who counted.

    counted: the server's own count; when it is there it is the sum
    A tokenizer sees chunk by chunk: a word that was split between two chunks may count as one token more.
    """
    chunks = len(texts)
    if counted is not None:
        return (shared_out(counted, chunks) if chunks else []), counted, SERVER
    if tokenizer is None:
        return [1] * chunks, chunks, CHUNKS
    each = [tokenizer(text) for text in texts]
    return each, sum(each), TOKENIZER
