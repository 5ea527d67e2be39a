"""Commands in the documents are commands of the program; those marked `<!-- run -->` are run."""

import functools
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from loadstone.cli.main import cli
from loadstone.errors import ExitCode

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<mark><!-- run(?: exit=(?P<exit>\d+))? -->\s*\n)?^ *```(?:console|bash|sh|shell)\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL
)
PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
LIMIT_S = 180
AT_ONCE = 3
Ended = subprocess.CompletedProcess[str]


class Command(NamedTuple):
    """One documented command line and, when it is to be run, its exit code."""

    page: str
    words: tuple[str, ...]
    exit_code: int | None


def commands_in(text: str, page: str) -> Iterator[Command]:
    """Every command line that starts with `loadstone`; where a block shows output, its commands start with `$ `."""
    for block in BLOCK.finditer(text):
        lines = re.sub(r"\\\n\s*", "", block["body"]).splitlines()
        if any(line.lstrip().startswith("$ ") for line in lines):
            lines = [line.lstrip()[2:] for line in lines if line.lstrip().startswith("$ ")]
        for line in lines:
            words = tuple(shlex.split(line, comments=True))
            if words[:1] == ("loadstone",):
                yield Command(page, words[1:], int(block["exit"] or 0) if block["mark"] else None)


COMMANDS = [command for path in PAGES if path.exists() for command in commands_in(path.read_text(), path.relative_to(ROOT).as_posix())]


@functools.cache
def help_of(words: tuple[str, ...]) -> str:
    """What `loadstone WORDS --help` prints; empty when there is no such command."""
    done = CliRunner().invoke(cli, [*words, "--help"], prog_name="loadstone", terminal_width=200, max_content_width=200)
    return done.stdout if done.exit_code == 0 else ""


def what_is_wrong(words: tuple[str, ...]) -> list[str]:
    """Sub-commands and flags that the program does not know."""
    path: tuple[str, ...] = ()
    rest = list(words)
    while rest and not rest[0].startswith("-") and "Commands:" in help_of(path):
        path = (*path, rest.pop(0))
        if not help_of(path):
            return [f"there is no command `loadstone {' '.join(path)}`"]
    # A suite brings flags of its own: `loadstone run chat --help` shows more than `loadstone run --help`.
    named = help_of((*path, rest[0])) if rest and not rest[0].startswith("-") else ""
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", named or help_of(path))) | {"--help"}
    flags = [word.partition("=")[0] for word in rest if re.match(r"--?[A-Za-z]", word)]
    return [f"`loadstone {' '.join(path)}` has no flag {flag}" for flag in flags if flag not in known]


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Command, Future[Ended]]:
    """What became of each command that a chosen test asks about: some at a time, because most of their time is waiting."""
    given = (
        item.callspec.params.get("command")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    )
    wanted = dict.fromkeys(command for command in given if isinstance(command, Command) and command.exit_code is not None)
    with ThreadPoolExecutor(AT_ONCE) as room:
        return {command: room.submit(run_of, command, tmp_path_factory.mktemp("documented")) for command in wanted}


def run_of(command: Command, folder: Path) -> Ended:
    """The command, run in a folder with the examples beside it."""
    if (ROOT / "examples").exists():
        shutil.copytree(ROOT / "examples", folder / "examples")
    return subprocess.run(
        [*PROGRAM, *command.words], cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_S, stdin=subprocess.DEVNULL
    )


def ends_of(command: Command) -> set[int | None]:
    """The documented exit code, and, of what puts load on a target, that the generator was late: other work may take the machine."""
    return {command.exit_code, ExitCode.UNTRUSTWORTHY} if command.words[0] in {"run", "hit", "duet"} else {command.exit_code}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}: {' '.join(command.words)}")
def test_a_documented_command_exists_with_its_flags(command: Command) -> None:
    assert what_is_wrong(command.words) == []


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.exit_code is not None],
    ids=lambda command: f"{command.page}: {' '.join(command.words)}",
)
def test_a_command_that_is_marked_to_run_ends_as_documented(command: Command, ended: Mapping[Command, Future[Ended]]) -> None:
    done = ended[command].result()
    assert done.returncode in ends_of(command), done.stdout + done.stderr


def test_commands_are_found_in_blocks_with_and_without_output() -> None:
    text = (
        "```console\n$ loadstone doctor\nall well\n$ ls\n```\n"
        "<!-- run exit=2 -->\n```bash\nloadstone hit \\\n  URL  # a comment\n```\n"
        "```python\nloadstone = 1\n```\n"
    )
    assert list(commands_in(text, "x.md")) == [
        Command("x.md", ("doctor",), None),
        Command("x.md", ("hit", "URL"), 2),
    ]


def test_an_unknown_command_and_an_unknown_flag_are_found() -> None:
    assert what_is_wrong(("no-such-command",))
    assert what_is_wrong(("hit", "URL", "--no-such-flag"))
