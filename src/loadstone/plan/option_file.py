"""A file with values for a suite's options, in sections: what `--config performance.json` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from loadstone.errors import Mistake
from loadstone.plan.document import Document, read_document
from loadstone.plan.wrong import suggest

CONFIG = "config"


class Given(NamedTuple):
    """A value, and the line that it stands on."""

    value: Any
    origin: str


def read_options(name: str, places: Sequence[str]) -> tuple[dict[str, Given], list[Mistake]]:
    """The values of a JSON, YAML or TOML file by their place, and everything in it that is no option.

    places: `section.key`, all that there are
    gives:  only keys that say something: null leaves an option as it is
    raises: PlanError when the file cannot be read
    """
    document = read_document(Path(name))
    sections = tuple(dict.fromkeys(place.partition(".")[0] for place in places))
    found: dict[str, Given] = {}
    mistakes: list[Mistake] = []
    for section, keys in document.tree.items():
        if section not in sections:
            mistakes.append(Mistake(f"unknown section {section!r}", _line(document, section), suggest(str(section), sections)))
        elif not isinstance(keys, dict):
            mistakes.append(Mistake(f"{section} must be a mapping", _line(document, section), f'"{section}": {{…}}'))
        else:
            known = [place.partition(".")[2] for place in places if place.startswith(f"{section}.")]
            for key, value in keys.items():
                where = _line(document, section, key)
                if key not in known:
                    mistakes.append(Mistake(f"unknown key {key!r}", where, suggest(str(key), known)))
                elif isinstance(value, (bool, dict, list)):
                    mistakes.append(Mistake("must be one number", f"{where} {section}.{key}", f'"{key}": 1'))
                elif value is not None:
                    found[f"{section}.{key}"] = Given(value, f"file {where} {section}.{key}")
    return found, mistakes


def _line(document: Document, *place: str) -> str:
    return f"{document.file}:{document.lines[place]}" if place in document.lines else document.file
