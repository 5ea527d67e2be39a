"""A leak of a published library, hunted from outside: aiohttp 3.10.10 on the server (CVE-2024-52303), and 3.10.11, which mends it.

Each request that no route takes makes a new handler, and with a middleware each new handler stays in a cache without bound
(`_build_middlewares` in `aiohttp/web_app.py`). The versions are installed once, each in an environment of its own.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.environments import environment
from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM
from benchmarks.processes import Failed, free_port, run, server
from benchmarks.rounds import Options, attempt

LEAKING, MENDED = "3.10.10", "3.10.11"
HERE = Path(__file__).parent
SOURCE = HERE.parent / "src"
GATE = "leak(target.memory) = none"
SITE = "aiohttp/web_app.py"
FRAMES = 4


def measure(_options: Options) -> Iterator[Figure]:
    """One hunt of 95 s for each version, and one more with a trace, which names the lines and makes the leak look larger than it is."""
    leaking, mended = (attempt(partial(hunt, version)) for version in (LEAKING, MENDED))
    traced = attempt(partial(hunt, LEAKING, frames=FRAMES))
    found = Figure(f"aiohttp {LEAKING}: LEAK is said", "", Bound(least=1))
    found.add(leaking.map(lambda gate: float(gate["reason"].startswith("LEAK"))))
    rate = Figure(f"aiohttp {LEAKING}: growth", "kB/s")
    rate.add(leaking.map(lambda gate: gate["value"] / 1e3))
    clear = Figure(f"aiohttp {MENDED}: NO LEAK is said", "", Bound(least=1))
    clear.add(mended.map(lambda gate: float(gate["reason"].startswith("NO LEAK"))))
    named = Figure(f"aiohttp {LEAKING}, traced: {SITE} among the first three lines", "", Bound(least=1))
    named.add(traced.map(lambda gate: float(any(SITE in site for site in (gate["cause"] or {"sites": []})["sites"]))))
    grown = Figure(f"aiohttp {LEAKING}, traced: growth, that of the tracer with it", "kB/s")
    grown.add(traced.map(lambda gate: gate["value"] / 1e3))
    yield from (found, rate, clear, named, grown)


def hunt(version: str, frames: int = 0) -> dict[str, Any]:
    """The verdict about the memory of a service with that version; frames of each allocation that are traced, 0 for no trace."""
    python, port, token = environment(f"aiohttp-{version}", "python", [f"aiohttp=={version}"]), free_port(), secrets.token_hex(16)
    secret = f"LOADSTONE_INSIDE_TOKEN={token}"
    serving = ["env", secret, f"PYTHONPATH={SOURCE}", str(python), str(HERE / "servers" / "hunted.py"), str(port)]
    asked = ["--set", f"probes.0.trace={frames}", "--target", f"http://127.0.0.1:{port}", "--port", str(port), "--json"]
    with server(serving, port):
        finished = run(["env", secret, *PROGRAM, "run", str(HERE / "suites" / "hunt.yaml"), *asked], limit_s=180)
    try:
        gate: dict[str, Any] = next(gate for gate in json.loads(finished.stdout)["gates"] if gate["gate"] == GATE)
    except (ValueError, StopIteration):
        raise Failed(f"no verdict: {finished.stderr[-300:]}") from None
    print(f"  aiohttp {version}, {frames} frames: {gate['reason']}", file=sys.stderr)
    return gate
