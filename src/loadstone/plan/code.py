"""Users that are written in Python: a file and class names, so that every worker process can import them again."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loadstone.errors import UsageError
from loadstone.plan.user import User


class UserCode(BaseModel):
    """Where the user classes of a scenario are found; their `weight` attributes share the users out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    module: str = ""  # its full name when the file belongs to a package; then it is imported by name
    classes: Annotated[tuple[str, ...], Field(min_length=1)]


def load_module(file: str | Path) -> ModuleType:
    """The module in a file, executed once per process; files beside it can be imported by it.

    raises: whatever the file raises
    """
    path = Path(file).resolve()
    name = f"loadstone_suite_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError("is not a Python file", where=str(file), hint="a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load_user_classes(code: UserCode) -> list[type[User]]:
    """The classes, imported in this process; in the order of the plan."""
    module = importlib.import_module(code.module) if code.module else load_module(code.file)
    found: list[type[User]] = []
    for name in code.classes:
        try:
            cls: object = reduce(getattr, name.split("."), module)
        except AttributeError:
            raise UsageError(f"has no class {name}", where=code.file, hint="define it at the top level of the file") from None
        if not (isinstance(cls, type) and issubclass(cls, User)):
            raise UsageError(f"{name} is not a User class", where=code.file, hint=f"class {name}(loadstone.User): ...")
        found.append(cls)
    return found
