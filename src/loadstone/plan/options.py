"""Options that a Python suite takes for itself: declared once, read from presets, environment and flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from loadstone.errors import Mistake, PlanError, UnitError, UsageError
from loadstone.plan.option_file import CONFIG, Given, read_options
from loadstone.plan.settings import Overrides, Setting, variable
from loadstone.plan.wrong import suggest
from loadstone.units import parse_duration, parse_rate, parse_share, parse_size

PRESET = "preset"
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _whole(value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise UnitError(f"{value!r} is not a whole number", hint="25") from None
    return number


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UnitError(f"{value!r} is not a number", hint="1.5") from None


def _truth(value: Any) -> bool:
    found = _TRUTH.get(str(value).strip().lower())
    if found is None:
        raise UnitError(f"{value!r} is neither true nor false", hint="true")
    return found


def _minutes(value: Any) -> float:
    """Seconds; a plain number is minutes."""
    text = str(value).strip()
    try:
        return parse_duration(f"{float(text):.12g}m")
    except ValueError:
        return parse_duration(text)


def _millis(value: Any) -> float:
    """Seconds; a plain number is milliseconds."""
    try:
        return parse_duration(f"{float(value):.12g}ms")
    except (TypeError, ValueError):
        return parse_duration(str(value).strip())


def _percent(value: Any) -> float:
    """A share; a plain number is percent."""
    text = str(value).strip().removesuffix("%")
    try:
        number = float(text)
    except ValueError:
        raise UnitError(f"{value!r} is not a number of percent", hint="85") from None
    if not (number == 0 or 1 <= number <= 100):
        raise UnitError(f"{value!r} is not a number of percent", hint=f"{number * 100:g}" if 0 < number < 1 else "85")
    return number / 100


def _parts(value: Any) -> tuple[str, ...]:
    """Names with commas between them; a tuple stays what it is."""
    return value if isinstance(value, tuple) else tuple(part.strip() for part in str(value).split(",") if part.strip())


# kind -> (how a value is read, how it is named in help)
KINDS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "text": (str, "TEXT"),
    "whole": (_whole, "N"),
    "number": (_number, "N"),
    "flag": (_truth, ""),
    "duration": (parse_duration, "TIME"),
    "minutes": (_minutes, "MINUTES|TIME"),
    "millis": (_millis, "MS|TIME"),
    "rate": (parse_rate, "RATE"),
    "size": (parse_size, "SIZE"),
    "share": (parse_share, "SHARE"),
    "percent": (_percent, "PERCENT"),
    "parts": (_parts, "PART[,PART]"),
}
# What a plain number of a file stands for, in what `read` answers.
_PLAIN = {"minutes": 60.0, "millis": 1e-3, "percent": 0.01}
_UNITS = {"duration": "s", "minutes": "s", "millis": "s", "rate": "/s", "percent": "%"}  # of values that are kept as plain numbers
_SHOWN = {"percent": 0.01}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a suite: `--name`, and the variables `LOADSTONE_NAME` and `env`.

    default: also says the kind, where `kind` does not: 25 is a whole number, False a flag, anything else a text
    kind:    text, whole, number, flag, duration, minutes and millis (as a plain number has them), rate, size, share, percent,
             or parts (several of the choices, with commas between)
    place:   where a file of `--config` has it: `performance_targets.api_response_p95_ms`, or a name alone at its top
    bare:    what the flag means when no value follows it
    least:   the smallest value, for numbers and quantities
    """

    name: str
    default: Any = None
    help: str = ""
    kind: str = ""
    env: str = ""
    bare: Any = None
    least: float | None = None
    choices: tuple[str, ...] = ()
    place: str = ""

    def __post_init__(self) -> None:
        kind = self.kind or ("flag" if isinstance(self.default, bool) else "whole" if isinstance(self.default, int) else "text")
        if kind not in KINDS:
            raise UsageError(f"unknown kind {kind!r}", where=f"Option {self.name!r}", hint=suggest(kind, KINDS))
        object.__setattr__(self, "kind", kind)

    @property
    def key(self) -> str:
        """The name as an attribute: `memory_test`."""
        return self.name.replace("-", "_")

    def read(self, value: Any) -> Any:
        """The value of a text; raises UsageError."""
        if value is None:
            return None
        found = KINDS[self.kind][0](value)
        if self.least is not None and found < self.least:
            raise UnitError(f"must be {self.least:g} or more")
        if self.kind == "parts":
            return self._in_order(found)
        if self.choices and found not in self.choices:
            raise UnitError(f"unknown {self.name} {found!r}", hint=suggest(str(found), self.choices))
        return found

    def _in_order(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        for part in parts:
            if part not in self.choices:
                raise UnitError(f"unknown part {part!r}", hint=f"one or more of {','.join(self.choices)}")
        return tuple(part for part in self.choices if part in parts)

    def shown(self, value: Any) -> Any:
        """The value in a form that `read` reads back."""
        if self.kind == "parts" and value is not None:
            return ",".join(value)
        if value is None or self.kind not in _UNITS:
            return value
        return f"{value / _SHOWN.get(self.kind, 1.0):.12g}{_UNITS[self.kind]}"

    @property
    def written(self) -> Any:
        """The default as a file of `--config` has it: a plain number where there is one."""
        value = self.read(self.default)
        if not isinstance(value, float):
            return value
        plain = round(value / _PLAIN.get(self.kind, 1.0), 10)
        return int(plain) if plain == int(plain) else plain


@dataclass(frozen=True, slots=True)
class Declared:
    """What a suite lets its user choose."""

    options: tuple[Option, ...]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def every(self) -> tuple[Option, ...]:
        """The suite's options; `preset` and `config` where it has some."""
        presets = (Option(PRESET, None, "A ready set of values.", choices=tuple(self.presets)),) if self.presets else ()
        files = (Option(CONFIG, None, "A file with targets and gates, as `loadstone config write` makes it."),) if self.places else ()
        return (*presets, *files, *self.options)

    @property
    def places(self) -> dict[str, Option]:
        """Options that a file may set, by where it has them."""
        return {option.place: option for option in self.options if option.place}


class Options(SimpleNamespace):
    """The chosen values as attributes; durations are seconds, rates per second, sizes bytes, shares from 0 to 1."""


def declared_by(module: object, where: str) -> Declared | None:
    """The options of a suite's module: its `OPTIONS`, `PRESETS` and `build`; None when it has none."""
    if not callable(getattr(module, "build", None)) or not hasattr(module, "OPTIONS"):
        return None
    options, presets = tuple(getattr(module, "OPTIONS")), dict(getattr(module, "PRESETS", {}))  # noqa: B009  the user's module
    names = {each.key for each in options if isinstance(each, Option)}
    if len(names) != len(options) or names & {PRESET, CONFIG}:
        raise UsageError(
            "OPTIONS must be loadstone.Option, each with a name of its own", where=where, hint='OPTIONS = [loadstone.Option("users", 25)]'
        )
    for preset, values in presets.items():
        for name in values:
            if name not in names:
                raise UsageError(f"preset {preset!r} sets an unknown option {name!r}", where=where, hint=suggest(name, sorted(names)))
    return Declared(options, presets)


class Chosen:
    """The options of all suites of one command; what they take for themselves is no longer meant for all scenarios."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides
        self._known: dict[str, Option] = {}
        self.settings: list[Setting] = []
        self.mistakes: list[Mistake] = []

    def of(self, declared: Declared) -> Options:
        """The values for one suite: default < preset < file < environment < flag; mistakes are kept for later."""
        options = declared.every()
        self._known |= {each.key: each for each in options}
        values: dict[str, Any] = {}
        preset: Mapping[str, Any] = {}
        file: Mapping[str, Given] = {}
        for option in options:
            value, origin = self._given(option)
            if origin == "default" and option.place in file:
                value, origin = file[option.place]
            elif origin == "default" and option.key in preset:
                value, origin = preset[option.key], f"preset {values[PRESET]}"
            try:
                values[option.key] = option.read(value)
            except UsageError as error:
                self.mistakes.append(Mistake(error.what, f"{origin} = {str(value)!r}", error.hint))
                values[option.key] = option.read(option.default)
            if option.name == PRESET:
                preset = declared.presets.get(values[PRESET] or "", {})
            elif option.name == CONFIG and values[CONFIG]:
                file = self._file(values[CONFIG], declared)
            self.settings.append(Setting(f"options.{option.key}", option.shown(values[option.key]), origin))
        return Options(**{key: value for key, value in values.items() if key not in {PRESET, CONFIG}})

    def _file(self, name: str, declared: Declared) -> Mapping[str, Given]:
        try:
            found, mistakes = read_options(name, {place: option.kind for place, option in declared.places.items()})
        except PlanError as error:
            found, mistakes = {}, error.mistakes
        self.mistakes += mistakes
        return found

    def rest(self) -> Overrides:
        """What is left for the plan; a misspelt `--set options.…` is a mistake here."""
        given = self._overrides
        taken = set(self._known)
        variables = {name for option in self._known.values() for name in (option.env, variable(option.key))}
        for text in given.sets:
            name = _option_name(text)
            if name and taken and name not in taken:
                hint = suggest(name, sorted(taken))
                self.mistakes.append(Mistake(f"the suite has no option {name!r}", f"flag --set {text}", hint))
        return dataclasses.replace(
            given,
            flags={name: value for name, value in given.flags.items() if name not in taken},
            sets=tuple(text for text in given.sets if not (taken and _option_name(text))),
            environment={name: value for name, value in given.environment.items() if name not in variables},
        )

    def _given(self, option: Option) -> tuple[Any, str]:
        given = self._overrides
        for text in reversed(given.sets):
            if _option_name(text) == option.key:
                return text.partition("=")[2].strip(), f"flag --set options.{option.key}"
        if given.flags.get(option.key) is not None:
            return given.flags[option.key], f"flag --{option.name}"
        for name in (variable(option.key), option.env):
            if name and given.environment.get(name, "") != "":
                return given.environment[name], f"environment {name}"
        return option.default, "default"


def _option_name(text: str) -> str:
    path = text.partition("=")[0].strip()
    return path.removeprefix("options.").replace("-", "_") if path.startswith("options.") else ""
