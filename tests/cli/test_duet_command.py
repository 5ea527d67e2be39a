"""`loadstone duet` as people type it: targets that are started, revisions, mistakes, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from loadstone.cli.duet import _quantile, usual_pairs
from loadstone.cli.duet_targets import CommandTarget, UrlTarget, checked_out, target_of
from loadstone.cli.main import main
from loadstone.errors import TargetUnreachable, UsageError

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
SERVER = """
import http.server, sys
class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answering).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path) -> str:
    """A command that starts a server."""
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(file))} {{port}}"


def loadstone(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120, cwd=cwd, stdin=subprocess.DEVNULL)


def test_two_commands_are_started_compared_and_ended(server: str) -> None:
    done = loadstone("duet", f"cmd:{server}", f"cmd:{server}", "--pairs", "2", "--users", "1", "--json")
    assert done.returncode == 4, done.stderr
    told = json.loads(done.stdout)
    assert told["schema"] == "loadstone.duet/1"
    assert (told["answer"], told["exit_code"], told["ended"], told["pairs"]) == ("cannot tell", 4, "pairs", 2)
    assert [figure["figure"] for figure in told["differences"]] == ["p50(http.service_time)", "errors"]
    assert not [each for each in psutil.process_iter() if str(Path(server.split()[1])) in " ".join(_words(each))]


def test_ctrl_c_ends_it_with_130_and_no_server_is_left(server: str) -> None:
    words = ["duet", f"cmd:{server}", f"cmd:{server}", "--pairs", "100000", "--users", "1"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        family: list[psutil.Process] = []
        while len(family) < 3:
            assert process.poll() is None
            select.select([], [], [], 0.02)
            family = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert b"Traceback" not in out
    gone, alive = psutil.wait_procs(family, timeout=120)
    assert (len(gone) >= 3, alive) == (True, [])


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_kill_9_of_the_duet_leaves_no_server_and_no_child_of_a_server_behind(tmp_path: Path) -> None:
    family_server = "import os, sys\nif os.fork() == 0:\n    import signal; signal.pause()\n" + SERVER
    (tmp_path / "family.py").write_text(family_server)
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(tmp_path / 'family.py'))} {{port}}"
    words = ["duet", f"cmd:{command}", f"cmd:{command}", "--pairs", "100000", "--users", "1", "--no-control"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        servers: list[psutil.Process] = []
        while len(servers) < 4:  # two servers, and a child of each
            assert process.poll() is None
            select.select([], [], [], 0.02)
            children = psutil.Process(process.pid).children(recursive=True)
            servers = [each for each in children if "family.py" in " ".join(_words(each))]
    finally:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(servers, timeout=120)
    assert alive == []


def test_revisions_are_checked_out_beside_the_work_tree_and_removed(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "server.py").write_text(SERVER)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    start = f"{shlex.quote(sys.executable)} server.py {{port}}"
    words = ["duet", "--rev-a", "HEAD", "--rev-b", "HEAD", "--start", start, "--pairs", "1", "--users", "1", "--quiet"]
    done = loadstone(*words, cwd=repository)
    assert done.returncode == 4, done.stderr
    assert "CANNOT TELL" in done.stdout
    trees = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True).stdout
    assert len(trees.splitlines()) == 1


def test_an_unknown_revision_is_a_mistake_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(UsageError, match="cannot check out 'nowhere'"), checked_out("nowhere"):
        pass


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "a duet needs two targets"),
        (["http://127.0.0.1:1"], 2, "a duet needs two targets"),
        (["http://127.0.0.1:1", "http://127.0.0.1:1"], 3, "nothing listens on port 1"),
        (["cmd:true", "cmd:true"], 2, "no place for its port"),
        (["cmd:false {port}", "cmd:false {port}"], 3, "ended with exit code 1"),
        (["cmd:/no/such {port}", "cmd:/no/such {port}"], 2, "cannot be started"),
        (["serve:--no-such", "serve:"], 3, "No such option"),
        (["a", "b", "--limit", "0%"], 2, "must be from 0.1% to 99%"),
        (["a", "b", "--percentile", "95"], 2, "is no percentile"),
        (["a", "b", "--pairs", "0"], 2, "must be more than 0"),
        (["a", "b", "--max-time", "0s"], 2, "must be more than 0"),
        (["a", "b", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["a", "b", "chat", "--path", "/x"], 2, "a suite has paths of its own"),
        (["ftp://a", "b"], 2, "ftp"),
        (["--rev-a", "main"], 2, "belong together"),
    ],
)
def test_a_mistake_ends_with_its_exit_code_and_says_what_to_do(
    words: list[str], code: int, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["duet", *words])
    said = capfd.readouterr().err
    assert end.value.code == code, said
    assert text in said
    assert "Traceback" not in said


def test_a_command_that_never_answers_is_given_up_with_its_last_words() -> None:
    words = shlex.join([sys.executable, "-uc", "import signal; print('thinking'); signal.pause()"])
    target = CommandTarget(f"{words} {{port}}", ready_within_s=0.5)
    try:
        with pytest.raises(TargetUnreachable, match=r"does not answer on port \d+ within 0.5 s"):
            target.start()
    finally:
        target.stop()
    assert target.gone() == ""


def test_a_password_in_a_url_is_not_shown() -> None:
    assert UrlTarget("http://me:secret@localhost:8000/x").name == "http://localhost:8000/x"
    assert target_of("localhost:8000").name == "http://localhost:8000/"


def test_percentiles_are_written_as_everywhere() -> None:
    assert [_quantile("p50"), _quantile(" p99.9")] == pytest.approx([0.5, 0.999])


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("flag", ["--limit", "--error-limit"])
def test_a_share_that_is_none_is_named_by_its_flag(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["duet", "http://127.0.0.1:9/", "http://127.0.0.1:9/", flag, "5x"])
    assert end.value.code == 2
    assert f"{flag}: '5x'" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_ends_a_duet_begins_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with pytest.raises(SystemExit) as end:
        main(["duet", "http://127.0.0.1:9/", "http://127.0.0.1:9/"])
    assert end.value.code == 3
    assert "\r\x1b[Kloadstone: http://127.0.0.1:9" in screen.getvalue()


def test_as_many_pairs_as_a_percentile_can_be_told_with_are_usual() -> None:
    assert usual_pairs([0.5]) == usual_pairs([0.5, 0.95]) == 80
    assert usual_pairs([0.5, 0.99]) == 667  # twice 5,000 requests in turns of 15


@pytest.mark.parametrize("words", [["http://127.0.0.1:9", "http://127.0.0.1:9"], ["--call", "json:dumps", "json:dumps"]])
def test_pairs_that_could_never_tell_a_percentile_are_refused_with_the_number_that_would_do(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["duet", *words, "--percentile", "p99", "--pairs", "80"])
    assert end.value.code == 2
    printed = capsys.readouterr().err
    assert "p99 needs 5000 requests a side, and these pairs have 1200" in printed
    assert "--pairs 334" in printed
