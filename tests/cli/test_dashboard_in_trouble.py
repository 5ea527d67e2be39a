"""`loadstone dashboard` and `loadstone report` where something is newer, held or missing: told before anything is served."""

import json
import sqlite3
from pathlib import Path

import pytest

from loadstone.cli.main import main
from loadstone.live.dashboard.listen import Address, listen
from loadstone.report.json import render_json
from loadstone.store.rows import Policy
from loadstone.store.store import Store
from tests.report.html_runs import slowing, told_of


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """A store with a baseline and no runs."""
    url = f"sqlite:///{tmp_path}/runs.db"
    with Store.open(url) as store:
        store.make_baseline("main", Policy())
    return url


def said_by(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that must fail as a mistake of the user says."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "Try:" in said
    return said


def test_a_port_in_use_is_told_with_its_holder(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    held = listen(Address())
    try:
        said = said_by(capsys, "dashboard", "--store", store_url, "--listen", f"127.0.0.1:{held.port}")
    finally:
        held.socket.close()
    assert "the port is in use" in said
    assert "dashboard: http" not in said


def test_a_store_of_a_newer_version_is_refused_before_anything_is_served(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    db = sqlite3.connect(store_url.removeprefix("sqlite:///"))
    db.execute("PRAGMA user_version = 99")
    db.close()
    said = said_by(capsys, "dashboard", "--store", store_url, "--listen", "127.0.0.1:0")
    assert "version 99" in said
    assert "dashboard: http" not in said


def test_looking_makes_no_store_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no runs are kept here" in said_by(capsys, "dashboard", "--store", str(tmp_path / "none.db"), "--listen", "127.0.0.1:0")
    assert not (tmp_path / "none.db").exists()


def test_a_document_of_a_newer_schema_becomes_a_page_that_says_so(tmp_path: Path) -> None:
    document = json.loads(render_json(told_of(slowing())))
    (tmp_path / "newer.json").write_text(json.dumps({**document, "schema": "loadstone.result/99", "hologram": {"depth": 3}}))
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path / "newer.json"), "--format", "html", "--out", str(tmp_path / "out"), "--name", "newer"])
    page = (tmp_path / "out" / "newer.html").read_text()
    assert "it is of the schema loadstone.result/99" in page
    assert "hologram is unknown here" in page
