r"""Values that a later step needs, taken from a reply: `json.token`, `header.x-id`, `regex:id=(\d+)`."""

from __future__ import annotations

import re
from typing import Any

from loadstone.plan.reply import MISSING, Look, Reply, look
from loadstone.plan.wrong import Wrong


def compile_extract(text: str) -> Look:
    """A function from a reply to the value, or MISSING; raises Wrong for a text that cannot be read.

    A regular expression looks through the body and gives its first group, or the whole match when it has none.
    """
    if not text.startswith("regex:"):
        return look(text)
    try:
        pattern = re.compile(text.removeprefix("regex:"))
    except re.error as error:
        raise Wrong(f"{text!r} is not a regular expression: {error}", hint=r"regex:id=(\d+)") from None

    def search(reply: Reply) -> Any:
        match = pattern.search(reply.text)
        return MISSING if match is None else match[1] if pattern.groups else match[0]

    return search
