"""JSON schemas as they are shipped with Loadstone: one form for all documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def shipped(schema: Mapping[str, Any], urn: str) -> str:
    """The text of a shipped file.

    schema: of a model in the mode of serialization
    urn:    the name by which other schemas refer to it
    """
    return json.dumps({"$schema": DRAFT, "$id": urn, **schema}, indent=2, sort_keys=True) + "\n"


def urn_of(document: str) -> str:
    """The name of the schema of documents that say `document` of themselves, as `loadstone.result/1`."""
    return f"urn:{document.replace('/', ':')}"
