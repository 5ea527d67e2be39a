"""Each kind of failure has its heading in docs/http.md, and no other does."""

import re
from pathlib import Path

from loadstone.clients.failure import Kind

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_each_kind_of_failure_has_a_heading_and_says_what_to_try() -> None:
    parts = re.split(r"^### `([a-z_]+)`$", PAGE.read_text(), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert sections.keys() == set(Kind)
    assert all("\nTry: " in text for kind, text in sections.items() if kind != Kind.OTHER)
