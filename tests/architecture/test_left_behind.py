"""Nothing of a workshop stays in what is shipped: machine paths, addresses of package indexes, unfinished marks."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN_NAME = Path(__file__).name

LEFT_BEHIND = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:root|work|home/\w+|Users/\w+)/"),
    "the address of a package index": re.compile(r"index-url|find-links|https?://\S*(?:pypi|/simple\b|registry)"),
    "a mark of unfinished work": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
    "a conflict that was not resolved": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def shipped_texts() -> list[Path]:
    """Every text that git keeps, or, in an unpacked archive without git, every text of the known folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines()
    if listed.returncode != 0:
        names = [str(path.relative_to(ROOT)) for folder in ("src", "tests", "docs", "benchmarks") for path in (ROOT / folder).rglob("*.*")]
    return [
        ROOT / name for name in names if name.endswith((".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".c", "Makefile", "run"))
    ]


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_nothing_of_the_workshop_is_shipped(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in shipped_texts()
        if path.name != OWN_NAME and path.exists()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if LEFT_BEHIND[what].search(line)
    ]
    assert not found, "\n".join(found)


def test_the_paths_of_a_machine_are_recognised() -> None:
    pattern = LEFT_BEHIND["a path of somebody's machine"]
    assert pattern.search("open('/root/x')")
    assert pattern.search("cd /home/ada/x")
    assert not pattern.search("GET /api/work/items")
    assert not pattern.search("https://example.com/work/")
