"""A Python file as a plan: its `suite`, or all its user classes under a default profile."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from loadstone.errors import LoadstoneError, Mistake, PlanError
from loadstone.plan.code import load_module
from loadstone.plan.document import Document, Place
from loadstone.plan.options import Chosen, declared_by
from loadstone.plan.suite import Suite, code_of, plain
from loadstone.plan.user import User

# What a file without a suite runs: enough to see that it works, too little to hurt anybody.
DEFAULT_PROFILE = {"kind": "constant-users", "users": 10, "duration": "30s"}


def read_python(path: Path, chosen: Chosen) -> Document:
    """Import a suite; raises PlanError, with the file's line, when it raises."""
    return document_of(imported(path), str(path), chosen)


def imported(path: Path) -> ModuleType:
    """The file's module; what it raises becomes a PlanError without a traceback."""
    with telling(path):
        return load_module(path)


@contextlib.contextmanager
def telling(path: Path) -> Iterator[None]:
    """Whatever the suite's own code raises becomes a PlanError that names its file and line."""
    try:
        yield
    except PlanError as error:
        raise PlanError([Mistake(each.what, f"{_line_in(path, error)} {each.where}", each.hint) for each in error.mistakes]) from error
    except LoadstoneError as error:
        where = f"{_line_in(path, error)} {error.where}".strip()
        raise PlanError([Mistake(error.what, where, error.hint)]) from error
    except SyntaxError as error:
        own = error.filename is None or Path(error.filename) == path.resolve()
        where = f"{path if own else error.filename}{f':{error.lineno}' if error.lineno else ''}"
        raise PlanError([Mistake(f"is not Python: {error.msg}", where)]) from error
    except (Exception, SystemExit) as error:  # the suite is the user's code: anything may come
        hint = "install the package that it needs" if isinstance(error, ImportError) else ""
        text = " ".join(str(error).split())
        raise PlanError([Mistake(f"raised {type(error).__name__}: {text}", _line_in(path, error), hint)]) from error


def document_of(module: ModuleType, file: str, chosen: Chosen) -> Document:
    """The plan that a module holds, or that it builds for the options that were chosen."""
    suite = _built(module, file, chosen) if declared_by(module, file) else getattr(module, "suite", None)
    if isinstance(suite, Suite):
        lines: dict[Place, int] = {("scenarios", scenario.name): scenario.line for scenario in suite.scenarios}
        return Document(file, suite.tree, lines)
    classes = [each for each in vars(module).values() if _is_own_user(each, module)]
    if not classes:
        raise PlanError([Mistake("has no suite and no User class with tasks", file, "suite = loadstone.Suite(...)")])
    scenario = {"code": code_of(classes, where=file), "profile": dict(DEFAULT_PROFILE)}
    tree = {"name": Path(file).stem, "scenarios": {"users": scenario}}
    if metrics := getattr(module, "metrics", None):
        tree["metrics"] = plain(metrics)
    return Document(file, tree)


def _built(module: ModuleType, file: str, chosen: Chosen) -> Suite:
    """What `build(options)` answers; while options are wrong, nothing is built from them."""
    declared = declared_by(module, file)
    assert declared is not None
    options = chosen.of(declared)
    if chosen.mistakes:
        raise PlanError(chosen.mistakes)
    with telling(Path(file) if Path(file).is_file() else Path(module.__file__ or file)):
        suite = module.build(options)
    if not isinstance(suite, Suite):
        what = f"build() answered {type(suite).__name__}, not a Suite"
        raise PlanError([Mistake(what, file, "return loadstone.Suite(...)")])
    return suite


def _is_own_user(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, User) and bool(value.tasks) and value.__module__ == module.__name__


def _line_in(path: Path, error: BaseException) -> str:
    """The deepest line of the suite's own file that led to the error."""
    own = str(path.resolve())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f"{path}:{frames[-1].lineno}" if frames else str(path)
