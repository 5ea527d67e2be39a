"""Pages of kept runs, through the application as a server calls it."""

import asyncio
import json
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loadstone.dashboard import history_app
from loadstone.live.dashboard.guard import Guard
from loadstone.store.location import shown
from loadstone.store.rows import Policy
from loadstone.store.store import Store
from loadstone.testing.kept_runs import make_parts, make_row
from tests.postgres import QUOTED, NewUrl

EVIL = "<script>alert(1)</script>"
PORT = 8471


def ask(url: str, path: str, body: str = "", *, ours: bool = True) -> tuple[int, str]:
    """Status and text of an answer."""
    app = Guard(history_app(lambda: Store.open(url, make=False)), host="127.0.0.1", port=PORT)
    parts, host = urlsplit(path), f"127.0.0.1:{PORT}"
    headers = [(b"host", host.encode())]
    if ours:
        headers += [(b"x-loadstone", b"1"), (b"origin", f"http://{host}".encode())]
    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": headers,
        "scheme": "http",
        "server": ("127.0.0.1", PORT),
        "root_path": "",
        "http_version": "1.1",
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return filled(f"sqlite:///{tmp_path}/runs.db")


def filled(url: str) -> str:
    with Store.open(url) as store:
        for number, name in enumerate(("shop", "shop", EVIL)):
            store.add(make_row(number, id=f"run{number}", plan_name=name), make_parts())
        store.make_baseline("main", Policy())
    return url


@pytest.mark.parametrize("path", ["/", "/run/run0", "/compare?before=run0&after=run1", "/trend", "/trend?metric=p50(http.response_time)"])
def test_a_page_of_a_store_in_postgresql_is_that_of_the_same_store_in_a_file(url: str, new_url: NewUrl, path: str) -> None:
    server = filled(new_url())
    status, page = ask(server, path)
    assert (status, page.replace(escape(shown(server)), escape(url))) == ask(url, path)
    assert QUOTED not in page


def test_runs_are_listed_newest_first_and_names_stay_text(url: str) -> None:
    status, text = ask(url, "/")
    assert status == 200
    assert text.index("run2") < text.index("run0")
    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_runs_are_searched(url: str) -> None:
    text = ask(url, "/?find=SCRIPT&verdict=pass&branch=main")[1]
    assert "run2" in text
    assert "run0" not in text
    assert "No run fits" in ask(url, "/?verdict=fail")[1]


@pytest.mark.parametrize(
    "path",
    [
        "/?since=yesterday&tag=x",
        "/?find=" + "x" * 5000,
        "/compare?before=nope",
        "/compare?before=%00%ff&after=%F0",
        "/compare?before=run0&after=run0",
        "/trend?metric=%3Cscript%3E",
        "/trend?metric=p95(http.response_time)&limit=much",
        "/baselines",
    ],
)
def test_absurd_questions_get_a_page_and_no_bug(url: str, path: str) -> None:
    status, text = ask(url, path)
    assert status == 200
    assert "<script>alert" not in text


def test_two_runs_are_compared_with_what_the_command_says(url: str) -> None:
    text = ask(url, "/compare?run=run1&run=run0")[1]
    assert "p95(http.response_time)" in text or "Not compared" in text


def test_a_run_that_is_not_there_is_told(url: str) -> None:
    status, text = ask(url, "/runs/nope")
    assert status == 404
    assert "nope" in text


def test_a_run_is_promoted_and_a_baseline_retired(url: str) -> None:
    status, text = ask(url, "/promote", json.dumps({"run": "run0", "baseline": "main"}))
    assert (status, json.loads(text)["done"]) == (200, True)
    with Store.open(url) as store:
        assert [member.pinned for member in store.baseline("main").members] == [True]
    assert ask(url, "/retire", '{"baseline": "main"}')[0] == 200
    with Store.open(url) as store:
        assert store.baselines() == []


@pytest.mark.parametrize("body", ['{"run": "nope", "baseline": "main"}', '{"run": "run0"}', "[]", "not json", "{" * 70_000])
def test_what_cannot_be_changed_is_refused_in_words(url: str, body: str) -> None:
    status, text = ask(url, "/promote", body)
    assert status == 409
    assert json.loads(text)["text"]


def test_another_page_of_the_browser_changes_nothing(url: str) -> None:
    assert ask(url, "/retire", '{"baseline": "main"}', ours=False)[0] == 403
    with Store.open(url) as store:
        assert store.baselines()


def test_the_frame_of_a_run_that_is_forgotten_says_so_without_a_page_around_it(url: str) -> None:
    status, text = ask(url, "/runs/gone/report")
    assert status == 404
    assert "gone" in text
    assert "<" not in text
