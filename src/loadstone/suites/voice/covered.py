"""Which lines of a package the components reach: all of them once more, untimed, in a process of its own under `coverage`."""

import asyncio
import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import loadstone as ls

INSTALL = "pip install coverage"
WITHIN_S = 110
METRICS = {
    "parts.coverage": {"unit": "1", "better": "higher", "meaning": "percentage of the package's lines that ran, outside of all timed parts"}
}
SENTENCE = "Good morning, how can I help you today?"


def check() -> None:
    """Raises UsageError where the package `coverage` is missing."""
    if importlib.util.find_spec("coverage") is None:
        raise ls.UsageError("needs the package coverage, which is not installed", where="--coverage", hint=INSTALL)


class Covering(ls.User):
    """Starts that process, and tells the percentage that it found."""

    @ls.task
    async def cover(self) -> None:
        percent, why = await asyncio.to_thread(measured, dict(self.settings))
        self.check(percent is not None, f"coverage was measured{f': {why}' if why else ''}")
        if percent is not None:
            self.record("parts.coverage", percent)


def measured(settings: dict[str, Any]) -> tuple[float | None, str]:
    """Percentage of lines, or why there is none. HTML goes to the settings' folder."""
    command = [sys.executable, "-m", "loadstone.suites.voice.covered", json.dumps(settings)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)  # noqa: S603  our own program
    except subprocess.TimeoutExpired:
        return None, f"not done within {WITHIN_S} s"
    last = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1:] or ["it said nothing"]
    try:
        return float(last[0]), ""
    except ValueError:
        return None, last[0][:200]


def main(settings: dict[str, Any]) -> None:
    """Run every component once under coverage; the percentage goes to standard output."""
    import coverage

    watching = coverage.Coverage(source=[settings["package"]], data_file=None, messages=False)
    watching.start()
    try:
        for kind, part in settings["chosen"]:
            use(kind, part, settings["rate_hz"])
    finally:
        watching.stop()
    folder = Path(settings["folder"])
    sys.stdout.write(f"{watching.html_report(directory=str(folder)):.2f}\n")


def use(kind: str, part: str, rate_hz: int) -> None:
    """One component or registry, once through; imported only here, so that its import counts, too."""
    from loadstone.suites.voice import own_sessions, tool_registry
    from loadstone.voice_parts.named import factory_of
    from loadstone.voice_parts.sound import sentences

    if kind == "tools":
        for tool in tool_registry.found(part).values():
            settled(tool())
        return
    if kind == "sessions":
        store = own_sessions.opened(part)
        session = settled(store.create("caller"))
        settled(store.insert(session, SENTENCE))
        settled(store.query(session))
        settled(store.delete(session))
        return
    sound, factory = sentences(4.0, rate_hz), factory_of(part, kind)
    if kind == "synthesiser":
        settled(factory()(SENTENCE))
    elif kind == "recogniser":
        settled(factory(rate_hz)(sound.pcm))
    else:
        component = factory(rate_hz)
        for frame in sound.frames():
            settled(component(frame))


def settled(value: Any) -> Any:
    """The value, also of a coroutine."""

    async def wait() -> Any:
        return await value

    return asyncio.run(wait()) if inspect.isawaitable(value) else value


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
