"""Components of voice by name, or as a callable of the user's own: a detector, a recogniser, a synthesiser, a turn detector."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadstone.clients.call import find_callable
from loadstone.errors import UsageError
from loadstone.units import nearest

_DETECTORS, _SPEECH = "loadstone.voice_parts.detectors", "loadstone.voice_parts.speech"


@dataclass(frozen=True, slots=True)
class Named:
    """A component that has a name here.

    factory:  `module:attribute`, called with a rate in Hz (a synthesiser: with nothing)
    modules:  that must be there
    install:  what brings them
    """

    kind: str
    factory: str
    modules: tuple[str, ...]
    install: str

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that are not installed."""
        return tuple(module for module in self.modules if importlib.util.find_spec(module) is None)


NAMES: Mapping[str, Named] = {
    "webrtcvad": Named("vad", f"{_DETECTORS}:WebrtcDetector", ("webrtcvad",), "pip install webrtcvad-wheels"),
    "silero": Named(
        "vad", f"{_DETECTORS}:SileroDetector", ("onnxruntime", "silero_vad"), "pip install onnxruntime && pip install --no-deps silero-vad"
    ),
    "pocketsphinx": Named("recogniser", f"{_SPEECH}:shipped_recogniser", ("pocketsphinx",), "pip install pocketsphinx"),
    "pause": Named("turn_detector", "loadstone.voice_parts.turns:PauseDetector", ("webrtcvad",), "pip install webrtcvad-wheels"),
    "nanotts": Named("synthesiser", f"{_SPEECH}:NanoSynthesiser", ("py_nanotts",), "pip install py-nanotts"),
}


def missing_for(part: str) -> str:
    """The command that installs what a named component lacks; empty when all is there, or it is the user's own."""
    named = NAMES.get(part)
    return named.install if named is not None and named.missing else ""


def factory_of(part: str, kind: str) -> Callable[..., Any]:
    """What makes the component: a name of NAMES, or `module:attribute` of the user's own.

    raises: UsageError for an unknown name, one of another kind, a package that is missing, and what cannot be imported
    """
    named = NAMES.get(part)
    if named is None and ":" not in part:
        known = [name for name, each in NAMES.items() if each.kind == kind]
        raise UsageError(
            f"no {kind} is called {part!r}{nearest(part, known)}", where=kind, hint=f"{', '.join(known) or '(none)'}, or module:attribute"
        )
    if named is not None and named.kind != kind:
        raise UsageError(f"{part} is a {named.kind}, not a {kind}", where=kind, hint=f"--{named.kind.replace('_', '-')} {part}")
    if named is not None and named.missing:
        raise UsageError(f"{part} needs {' and '.join(named.missing)}, which is not installed", where=kind, hint=named.install)
    target = named.factory if named is not None else part
    return find_callable(target, hint="module:attribute, in the working directory")
