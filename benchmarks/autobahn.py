"""`python -m benchmarks.autobahn`: our WebSocket client judged by the fuzzing server of the Autobahn test suite.

The suite is written in Python 2: it needs a Python 2.7, named by LOADSTONE_PYTHON2 or found as `python2.7`, and is installed once into a
folder of its own. The exit code is 0 when no case failed, 1 when one did, 4 when the suite could not be run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.environments import CACHE, Missing, environment
from benchmarks.ours import PROGRAM, SUITES
from benchmarks.processes import Failed, end, free_port, run, server, start
from benchmarks.websocket_echo import PACKAGES

GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits and performance",
    "10": "automatic fragmentation",
    "12": "permessage-deflate",
    "13": "permessage-deflate, parameters",
}
USUAL = ("1", "2", "3", "4", "5", "6", "7", "10")
PACKAGE = "autobahntestsuite<1"  # the releases from 1 on carry no dependencies and do not start
FINE = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED")
START = "from autobahntestsuite.wstest import run; run()"


def python2() -> str:
    """A Python 2.7."""
    kept = sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))
    path = os.environ.get("LOADSTONE_PYTHON2") or next(map(str, kept), None) or shutil.which("python2.7")
    if path is None:
        raise Missing("Autobahn's test suite needs a Python 2.7. Try: LOADSTONE_PYTHON2=/path/to/python2.7")
    return path


def installed(python: str) -> Path:
    """The folder with the suite and what it needs."""
    folder = CACHE / "autobahn-2.7"
    if not (folder / "autobahntestsuite").exists():
        print(f"Installing Autobahn's test suite into {folder}, once.", file=sys.stderr)
        done = run(
            [python, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--target", str(folder), PACKAGE], core=None, limit_s=300
        )
        if done.code:
            shutil.rmtree(folder, ignore_errors=True)
            raise Missing(f"{PACKAGE} could not be installed: {done.stderr.strip()[-300:]}")
        (folder / "zope" / "__init__.py").touch()  # a namespace package, which Python 2 does not see without its .pth file
    return folder


@contextlib.contextmanager
def fuzzing_server(groups: list[str], folder: Path) -> Iterator[str]:
    """The suite's server with all cases of these groups, its reports below the folder; gives its URL."""
    python = python2()
    home, port = installed(python), free_port()
    spec = folder / "spec.json"
    cases = [f"{group}.*" for group in groups]
    spec.write_text(
        json.dumps({"url": f"ws://127.0.0.1:{port}", "outdir": str(folder), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}})
    )
    with server(["env", f"PYTHONPATH={home}", python, "-c", START, "-m", "fuzzingserver", "-s", str(spec)], port):
        yield f"ws://127.0.0.1:{port}/"


def start_agent(name: str, url: str) -> subprocess.Popen[bytes]:
    """The client under test: ours, or the control."""
    if name == "websockets":
        argv = [str(environment("websocket", "python", PACKAGES)), str(SUITES / "autobahn_websockets.py"), url]
    else:
        target = url.replace("ws:", "http:")
        argv = [*PROGRAM, "run", str(SUITES / "autobahn_agent.py"), "--target", target, "--users", "1", "--duration", "1h", "-q"]
    return start(argv, core=None, stdout=subprocess.DEVNULL, stderr=sys.stderr.fileno())


def judged(agent: str, groups: list[str], limit_s: float) -> dict[str, str]:
    """Case to what the suite says of the agent's behaviour."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "index.json"
        with fuzzing_server(groups, Path(name)) as url:
            process = start_agent(agent, url)
            try:
                limit = time.monotonic() + limit_s
                while not report.exists():
                    if time.monotonic() > limit:
                        raise Failed(f"{agent} did not finish all cases within {limit_s:g} s")
                    if process.poll() is not None and not report.exists():
                        raise Failed(f"{agent} ended with {process.returncode} before the last case")
                    time.sleep(0.1)
                time.sleep(1)  # the report is written while it exists
            finally:
                end(process, signal.SIGINT)
        return behaviours(json.loads(report.read_text()))


def behaviours(report: Mapping[str, Any]) -> dict[str, str]:
    """Of the one agent in the report; how it closed counts, too."""
    (cases,) = report.values()
    return {case: found["behavior"] if found["behavior"] not in FINE else closing(found) for case, found in cases.items()}


def closing(found: Mapping[str, Any]) -> str:
    """The behaviour, unless the connection was closed wrongly."""
    close = str(found.get("behaviorClose", "OK"))
    return str(found["behavior"]) if close in FINE else f"CLOSE {close}"


def table(cases: Mapping[str, str]) -> str:
    """One line a group, with every case that is not fine by its name."""
    lines = []
    for group, title in GROUPS.items():
        own = {case: said for case, said in cases.items() if case.split(".")[0] == group}
        if not own:
            continue
        counted = ", ".join(f"{count} {said}" for said, count in Counter(own.values()).most_common())
        wrong = [case for case, said in own.items() if said not in FINE]
        lines.append(f"{group:>3}  {title:<32}  {counted}" + (f": {' '.join(wrong)}" if wrong else ""))
    return "\n".join(lines)


def main() -> int:
    """0: no case failed. 1: one did. 4: it could not be run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.autobahn", description="Our WebSocket client judged by Autobahn's test suite."
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"of {' '.join(GROUPS)}, or a part as 12.1; {' '.join(USUAL)} when none is given"
    )
    parser.add_argument("--agent", choices=("loadstone", "websockets"), default="loadstone", help="websockets: the control")
    parser.add_argument("--limit", type=float, default=1200, metavar="SECONDS", help="for all cases together (%(default)s)")
    arguments = parser.parse_args()
    if unknown := {group.split(".")[0] for group in arguments.groups} - GROUPS.keys():
        parser.error(f"unknown: {' '.join(sorted(unknown))}; known: {' '.join(GROUPS)}")
    try:
        cases = judged(arguments.agent, arguments.groups or list(USUAL), arguments.limit)
    except (Missing, Failed) as problem:
        print(problem, file=sys.stderr)
        return 4
    print(table(cases))
    wrong = sum(said not in FINE for said in cases.values())
    print(f"\n{len(cases)} cases, {wrong} failed")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
