"""Whatever is wrong with what somebody gives us: a message that says what, where and what to try, an exit code, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadstone.cli.main import main
from loadstone.errors import ExitCode

SCENARIO = "scenarios: {a: {profile: {users: 1, duration: 1s}, steps: [{get: /}]}}\n"
FILES = {
    "unknown key": (f"target: http://h\ngaets: []\n{SCENARIO}", "bad.yaml:2 gaets", "gates"),
    "wrong unit": (
        "target: http://h\nscenarios:\n  a: {profile: {rate: 5 parsecs, duration: 1s}, steps: [{get: /}]}\n",
        "bad.yaml:3",
        "5/s",
    ),
    "negative rate": (
        "target: http://h\nscenarios:\n  a: {profile: {rate: -1/s, duration: 1s}, steps: [{get: /}]}\n",
        "bad.yaml:3",
        "Try:",
    ),
    "empty scenario": ("target: http://h\nscenarios:\n  a: {profile: {users: 1, duration: 1s}, steps: []}\n", "bad.yaml:3", "steps"),
    "no scenario": ("target: http://h\nscenarios: {}\n", "bad.yaml:2", "scenarios"),
    "syntax error": ("target: [http://h\nscenarios: {}\n", "bad.yaml:2", ""),
    "unknown metric": (
        f"target: http://h\n{SCENARIO}gates: ['p95(http.respons_time) < 1s']\n",
        "bad.yaml:3 gates[0] = 'p95(http.respons_time) < 1s'",
        "http.response_time",
    ),
}
SUITES = {
    "raises on import": ("raise RuntimeError('no database')\n", "no database"),
    "is no Python": ("def broken(:\n", "is not Python: invalid syntax"),
    "exits on import": ("raise SystemExit(3)\n", "SystemExit"),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ended(*words: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


@pytest.mark.parametrize("wrong", FILES)
def test_a_plan_with_a_mistake_is_told_with_its_place_and_what_to_try(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, where, said = FILES[wrong]
    Path("bad.yaml").write_text(text)
    assert ended("check", "bad.yaml") == ExitCode.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("loadstone: ")
    assert where in shown.err
    assert said in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("wrong", SUITES)
def test_a_suite_that_cannot_be_imported_is_told_with_its_line(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = SUITES[wrong]
    Path("bad.py").write_text(text)
    assert ended("check", "bad.py") == ExitCode.USAGE
    shown = capsys.readouterr()
    assert "bad.py:1" in shown.err
    assert said in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("hit", "http://127.0.0.1:1/", "-n", "1"), ExitCode.UNREACHABLE, "nothing listens on port 1"),
        (("hit", "http://no-such-name.invalid/", "-n", "1"), ExitCode.UNREACHABLE, "no-such-name.invalid does not resolve"),
        (("hit", "http://127.0.0.1:1/", "-r", "-5/s"), ExitCode.USAGE, "-5/s"),
        (("hit", "http://127.0.0.1:1/", "-d", "10 apples"), ExitCode.USAGE, "10 apples"),
        (("check", "nowhere.yaml"), ExitCode.USAGE, "nowhere.yaml"),
        (("rnu", "chat"), ExitCode.USAGE, "run"),
        (("run",), ExitCode.USAGE, "SUITE"),
    ],
)
def test_a_command_that_cannot_work_says_so_and_ends(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: ExitCode, said: str
) -> None:
    assert ended(*words) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err + shown.out


def test_who_asks_for_details_gets_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text(FILES["negative rate"][0])
    assert ended("check", "bad.yaml", "-v") == ExitCode.USAGE
    assert "Traceback" in capsys.readouterr().err
