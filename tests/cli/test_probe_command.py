"""`loadstone probe`, and the flags that name a process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadstone.cli.main import main
from loadstone.clock import now_ns
from loadstone.errors import ExitCode
from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import Readings
from loadstone.probes.remote import RemoteProbe

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  of this test
LIMIT_S = 120


def test_it_answers_until_it_is_told_to_end() -> None:
    command = [*PROGRAM, "probe", "--listen", "127.0.0.1:0", "--pid", str(os.getpid()), "--probe", "machine"]
    environment = {**os.environ, "LOADSTONE_PROBE_TOKEN": TOKEN}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        remote = RemoteProbe(ProbePlan(kind="remote", watches=url, settings={"token": TOKEN, "timeout": "30s"}), "")
        remote.open(now_ns)
        readings = Readings()
        remote.sample(readings)
        running.send_signal(signal.SIGTERM)
        assert running.wait(LIMIT_S) == 0
    found = {series.metric: value for series, value in readings.gauges.items()}
    assert found["target.memory"] > 1e6
    assert found["machine.memory"] > 1e6


@pytest.mark.parametrize(
    ("words", "token", "told"),
    [
        ([], TOKEN, "nothing is named that could be watched"),
        (["--pid", "1"], None, "the environment has no LOADSTONE_PROBE_TOKEN"),
        (["--pid", "1", "--listen", "127.0.0.1:0"], "short", "16 printable characters"),
        (["--pid", "1", "--listen", "nowhere"], TOKEN, "no place to listen"),
        (["--pid", "1", "--cert", "c.pem"], TOKEN, "needs its key"),
        (["--pid", "1", "--listen", "127.0.0.1:0", "--cert", "c.pem", "--key", "k.pem"], TOKEN, "cannot be used"),
        (["--pid", "x"], TOKEN, "is no pid"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    words: list[str], token: str | None, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LOADSTONE_PROBE_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("LOADSTONE_PROBE_TOKEN", token)
    with pytest.raises(SystemExit) as end:
        main(["probe", *words])
    said = capfd.readouterr().err
    assert end.value.code == 2, said
    assert told in said
    assert "Traceback" not in said


def test_an_embedded_backend_is_watched_by_itself_and_the_records_are_kept(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "embedded: true\nscenarios: {a: {profile: {rate: 20/s, duration: 3s}, steps: [{get: /health}]}}\n"
        "gates: ['max(target.memory{probe=backend}) < 2GB', 'max(target.descriptors) > 1', 'max(generator.memory{worker=parent}) < 2GB']\n"
    )
    words = ["run", str(suite), "--json", "--sink", "resources", "--out", str(tmp_path / "out"), "--pid", str(os.getpid())]
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    assert done.returncode in {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}, done.stderr + done.stdout[-2000:]  # a busy machine may be late
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["target.memory"]["last"] > 1e6
    assert metrics["probe.cpu"]["mean"] >= 0
    (records,) = (tmp_path / "out").glob("resources_*.csv")
    lines = records.read_text().splitlines()
    assert len(lines) >= 3
    assert float(lines[-1].split(",")[2]) > 1
