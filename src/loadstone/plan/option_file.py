"""A file with values for a suite's options, in sections: what `--config performance.json` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loadstone.errors import Mistake
from loadstone.plan.document import Document, read_document
from loadstone.plan.wrong import suggest

CONFIG = "config"
SWITCH = "enabled"  # the key of a section that turns it on; the section may be true or false itself


class Given(NamedTuple):
    """A value, and the line that it stands on."""

    value: Any
    origin: str


def read_options(name: str, kinds: Mapping[str, str]) -> tuple[dict[str, Given], list[Mistake]]:
    """The values of a JSON, YAML or TOML file by their place, and everything in it that is no option.

    kinds:  by place, all that there are: `section.key`, or `key` at the top; the kind of the option says what may stand there
    gives:  only keys that say something: null leaves an option as it is; true and false in place of a section are its `enabled`
    raises: PlanError when the file cannot be read
    """
    document = read_document(Path(name))
    found: dict[str, Given] = {}
    mistakes: list[Mistake] = []
    for key, value in document.tree.items():
        if key in kinds:
            _take(document, (key,), value, kinds, found, mistakes)
        else:
            _section(document, key, value, kinds, found, mistakes)
    return found, mistakes


def _section(
    document: Document, section: str, keys: Any, kinds: Mapping[str, str], found: dict[str, Given], mistakes: list[Mistake]
) -> None:
    known = [place.partition(".")[2] for place in kinds if place.startswith(f"{section}.")]
    if not known:
        tops = tuple(dict.fromkeys(place.partition(".")[0] for place in kinds))
        what = "section" if isinstance(keys, dict) or all("." in place for place in kinds) else "key"
        mistakes.append(Mistake(f"unknown {what} {section!r}", _line(document, section), suggest(str(section), tops)))
    elif isinstance(keys, bool) and SWITCH in known:
        _take(document, (section,), keys, kinds, found, mistakes, place=f"{section}.{SWITCH}")
    elif not isinstance(keys, dict):
        mistakes.append(Mistake(f"{section} must be a mapping", _line(document, section), f'"{section}": {{…}}'))
    else:
        for key, value in keys.items():
            if key in known:
                _take(document, (section, key), value, kinds, found, mistakes)
            else:
                mistakes.append(Mistake(f"unknown key {key!r}", _line(document, section, key), suggest(str(key), known)))


def _take(
    document: Document,
    at: tuple[str, ...],
    value: Any,
    kinds: Mapping[str, str],
    found: dict[str, Given],
    mistakes: list[Mistake],
    place: str = "",
) -> None:
    """One value, when it is of the option's kind."""
    name, where = ".".join(at), _line(document, *at)
    kind = kinds[place or name]
    what, example, fits = {
        "flag": ("true or false", "true", isinstance(value, bool)),
        "text": ("one text", '"…"', isinstance(value, str)),
        "parts": ("a list of names", '["…"]', isinstance(value, list) and all(isinstance(each, str) for each in value)),
    }.get(kind, ("one number", "1", not isinstance(value, (bool, dict, list))))
    if value is None:
        return
    if fits:
        found[place or name] = Given(tuple(value) if isinstance(value, list) else value, f"file {where} {name}")
    else:
        mistakes.append(Mistake(f"must be {what}", f"{where} {name}", f'"{at[-1]}": {example}'))


def _line(document: Document, *place: str) -> str:
    return f"{document.file}:{document.lines[place]}" if place in document.lines else document.file
