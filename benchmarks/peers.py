"""The tools that Loadstone is measured beside, and what each says about a run."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import Missing, environment
from benchmarks.processes import Failed, Finished, run

INSTALL = {
    "wrk": "apt-get install wrk",
    "hey": "apt-get install hey",
    "nginx": "apt-get install nginx-light",
    "gcc": "apt-get install gcc libc6-dev",
}
LOCUST_FILE = Path(__file__).parent / "suites" / "locust_one_get.py"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a tool made in a second, and its CPU time for each."""

    per_s: float
    cpu_us: float
    p50_ms: float | None = None


def need(name: str) -> str:
    """The path of a program."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} is not installed. Try: {INSTALL[name]}")
    return path


def number_after(pattern: str, done: Finished, tool: str) -> float:
    """The first number that follows the pattern in what the tool printed."""
    found = re.search(pattern + r"\s*([\d.]+)", done.stdout)
    if not found:
        raise Failed(f"{tool} printed no {pattern}: {(done.stdout + done.stderr)[-400:]}")
    return float(found[1])


def wrk(url: str, *, connections: int, seconds: float) -> Rate:
    """One thread of wrk."""
    done = run([need("wrk"), "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", url], limit_s=seconds + 30)
    per_s = number_after(r"Requests/sec:", done, "wrk")
    found = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout)
    p50_ms = float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]] if found else None
    return Rate(per_s, cpu_per_request_us(done, per_s * seconds), p50_ms)


def hey(url: str, *, connections: int, seconds: float) -> Rate:
    """One CPU of hey."""
    done = run([need("hey"), "-cpus", "1", "-c", str(connections), "-z", f"{seconds:.0f}s", url], limit_s=seconds + 30)
    per_s = number_after(r"Requests/sec:", done, "hey")
    return Rate(per_s, cpu_per_request_us(done, per_s * seconds))


def locust(url: str, *, users: int, seconds: float) -> Rate:
    """FastHttpUser, one GET per task, one process, no browser page."""
    arguments = ["-f", str(LOCUST_FILE), "--headless", "-u", str(users), "-r", str(users), "-t", f"{seconds:.0f}s", "--host", url]
    program = environment("locust", "locust", ["locust"])
    done = run([str(program), *arguments, "--json", "--loglevel", "ERROR"], limit_s=seconds + 60)
    try:
        (entry,) = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"Locust printed no result: {(done.stdout + done.stderr)[-400:]}") from None
    requests = int(entry["num_requests"])
    if entry["num_failures"] or not requests:
        raise Failed(f"Locust: {entry['num_failures']} of {requests} requests failed")
    lasted_s = entry["last_request_timestamp"] - entry["start_time"]
    return Rate(requests / lasted_s, cpu_per_request_us(done, requests), median_of_counts(entry["response_times"]))


def median_of_counts(counts: dict[str, int]) -> float:
    """Median of values given as value to count."""
    half = sum(counts.values()) / 2
    seen = 0
    for value in sorted(counts, key=float):
        seen += counts[value]
        if seen >= half:
            return float(value)
    raise Failed("no response times")


def cpu_per_request_us(done: Finished, requests: float) -> float:
    """CPU time of the tool per request, its start included."""
    return done.cpu_s / requests * 1e6


def versions() -> dict[str, str]:
    """What each peer says of itself, for the result file."""
    asked = {"wrk": ["-v"], "nginx": ["-v"], "gcc": ["--version"]}
    found = {}
    for name, arguments in asked.items():
        try:
            done = run([need(name), *arguments], core=None, limit_s=10)
        except Missing as missing:
            found[name] = str(missing)
        else:
            found[name] = (done.stdout + done.stderr).splitlines()[0]
    return found
