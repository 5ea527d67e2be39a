"""Where runs are kept: an address that somebody gave, or a folder `.loadstone` near the work."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from loadstone.errors import StoreError

FOLDER, FILE = ".loadstone", "loadstone.db"
VARIABLE = "LOADSTONE_STORE"
_BEGUN = re.compile(r"(sqlite|postgres(ql)?)(\+\w+)?:", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=//)([^:/?#\s]*):[^/?#\s]*@|(?i:(?<=[?&])((?:ssl)?password)=[^&\s]*)")
NONE = "none"  # as the variable's or the flag's value: keep nothing


def default_url(start: Path | None = None) -> str:
    """The file in the folder for what is kept."""
    return url_of(default_folder(start) / FILE)


def default_folder(start: Path | None = None) -> Path:
    """The nearest `.loadstone` upwards, else one in the root of the repository, else one in the working folder."""
    here = (start or Path.cwd()).resolve()
    root = here
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            root = folder
            break
        if (folder / ".git").exists():
            root = folder
            break
    return root / FOLDER


def chosen_url(given: str | None = None, environment: Mapping[str, str] = os.environ, start: Path | None = None) -> tuple[str | None, bool]:
    """The address to use, and whether somebody named it; None: nothing is kept.

    given: of a flag or setting: an address, the path of a file, or `none`
    """
    named = given or environment.get(VARIABLE) or ""
    if named.strip().lower() == NONE:
        return None, True
    if not named:
        return default_url(start), False
    if "://" not in named and _BEGUN.match(named):  # as a path it would be a folder of that name, and nobody would find the runs
        raise StoreError(f"{named!r} is half an address", hint="sqlite:///runs.db, sqlite:////absolute/path/runs.db, or the path of a file")
    return (named if "://" in named else url_of(Path(named))), True


def url_of(path: Path) -> str:
    """The address of a file: three slashes before a relative path, four before an absolute one."""
    return f"sqlite:///{path}"


def scheme_of(url: str) -> str:
    """`sqlite` of `sqlite:///runs.db`; what stands behind a plus names a driver, and is left out."""
    scheme, found, _ = url.partition("://")
    if not found or not scheme:
        raise StoreError(f"{url!r} is no address of a store", hint="sqlite:///runs.db, or the path of a file")
    return scheme.partition("+")[0].lower()


def shown(url: str) -> str:
    """An address without its password, as messages and pages may show it."""
    return _PASSWORD.sub(lambda found: f"{found[2]}=***" if found[2] else f"{found[1]}:***@", url)


def path_of(url: str) -> Path:
    """The file behind an address of SQLite; raises StoreError for what is none."""
    path = url.partition("://")[2]
    if not path.startswith("/") or path == "/":
        raise StoreError("names no file", where=url, hint="sqlite:///runs.db, or sqlite:////absolute/path/runs.db")
    return Path(path[1:]).expanduser()
