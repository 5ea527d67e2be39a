"""`loadstone run` beside a process that really leaks; only the clock is ours: a reading of the process stands for a second."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadstone.cli.main import main
from loadstone.errors import ExitCode
from loadstone.judge.story import Story
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.probes.procfs import PAGE
from loadstone.run import judge_again

READINGS, BYTES, LIMIT = 120, 300_000, 2_000_000_000
KEEPER = """
import json
import sys

from loadstone.inside.sites import count_sites, start_tracing

kept = [b"x" * 30_000_000]
start_tracing(1)
for line in sys.stdin:
    if size := int(line):
        kept.append(b"x" * size)
    most = max(count_sites().items(), key=lambda site: site[1][0], default=None)
    print(json.dumps([most[0][0], most[1][0]] if most else ["", 0]), flush=True)
"""


def readings_of(program: Path, size: int) -> list[Snapshot]:
    """What the system says of the process's memory, and the process of its allocations, each time that it has kept so many bytes more."""
    seconds = []
    with subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for at in range(READINGS):
            print(size, file=process.stdin, flush=True)
            site, more = json.loads(process.stdout.readline())
            resident = float(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE
            gauges = {
                Series("target.memory", (("probe", "backend"),)): Gauge.of(resident),
                Series("target.memory_limit", (("probe", "backend"),)): Gauge.of(LIMIT),
                Series("target.site_more", (("probe", "inside"), ("site", site))): Gauge.of(more),
            }
            counts = {Series("http.requests", (("scenario", "a"),)): 1}
            seconds.append(Snapshot(at, float(at), at + 1.0, counts=counts, gauges=gauges))
        process.stdin.close()
    return seconds


@pytest.mark.parametrize("size", [BYTES, 0], ids=["leaks", "does not"])
def test_a_run_says_how_fast_a_process_leaks_how_sure_that_is_until_when_it_lasts_and_which_line_it_is(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program, suite = tmp_path / "keeper.py", tmp_path / "suite.json"
    program.write_text(KEEPER)
    scenario = {"profile": {"rate": "1/s", "duration": f"{READINGS}s"}, "steps": [{"get": "/"}]}
    asked = {"target": "http://127.0.0.1:9", "scenarios": {"a": scenario}, "gates": ["leak(target.memory) = none"], "allow_unreached": True}
    suite.write_text(json.dumps(asked))

    def read(plan: Plan, _sinks: Sequence[Sink] = (), **_more: Any) -> Story:
        return judge_again(plan, readings_of(program, size), datetime(2025, 1, 1, tzinfo=UTC), unfinished=False)

    monkeypatch.setattr("loadstone.run.execute", read)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(suite), "--json", "--quiet"])
    (gate,) = json.loads(capsys.readouterr().out)["gates"]
    if not size:
        assert ended.value.code == ExitCode.PASS
        assert (gate["status"], gate["cause"]) == ("pass", None)
        return
    assert ended.value.code == ExitCode.GATE_FAILED
    assert gate["reason"].startswith("LEAK")
    assert gate["low"] <= gate["value"] <= gate["high"]
    assert gate["low"] <= BYTES * 1.05
    assert gate["high"] >= BYTES * 0.95
    assert "; at its limit in 1h " in gate["reason"]  # 1.95 GB are free, and 1.08 GB an hour are kept
    assert gate["cause"]["sites"][0].startswith(f"{program}:11")
