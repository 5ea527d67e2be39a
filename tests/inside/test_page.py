"""The protected page, as ASGI and as WSGI."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.inside import Inside, InsideWsgi
from loadstone.inside.page import InsidePage
from loadstone.inside.sites import stop_tracing, tracing

TOKEN = "a-token-for-tests"  # noqa: S105
BEARER = f"Bearer {TOKEN}".encode()


def page() -> InsidePage:
    return InsidePage(TOKEN, "/_inside")


def asked(method: str, path: str, query: str = "", authorization: bytes = BEARER) -> tuple[int, Any]:
    answer = page().answer(method, path, authorization, query)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(("token", "what"), [("", "is missing"), ("short", "is shorter than 8 characters")])
def test_there_is_no_page_without_a_token(token: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        InsidePage(token, "/_inside")


def test_a_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOADSTONE_INSIDE_TOKEN", raising=False)
    with pytest.raises(UsageError, match="missing"):
        InsidePage(None, "/_inside")
    monkeypatch.setenv("LOADSTONE_INSIDE_TOKEN", TOKEN)
    assert InsidePage(None, "/_inside").answer("GET", "/_inside", BEARER, "").status == 200


@pytest.mark.parametrize("path", ["_inside", "/", "/_inside/"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="path"):
        InsidePage(TOKEN, path)


@pytest.mark.parametrize("shown", [b"", b"Bearer ", b"Bearer wrong", TOKEN.encode(), BEARER + b"x", b"\xff\xfe"])
@pytest.mark.parametrize("path", ["/_inside", "/_inside/trim", "/_inside/nothing"])
def test_who_shows_no_token_learns_nothing(shown: bytes, path: str) -> None:
    answer = page().answer("POST", path, shown, "")
    assert answer.status == 401
    assert json.loads(answer.body) == {"error": "no token, or a wrong one"}
    assert TOKEN.encode() not in answer.body


def test_levels_are_read() -> None:
    status, levels = asked("GET", "/_inside", "since_ns=5")
    assert status == 200
    assert levels["version"] == 1
    assert levels["allocated_blocks"] > 0
    assert levels["threads"] >= 1


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("POST", "/_inside", "", 405),
        ("GET", "/_inside/trim", "", 405),
        ("POST", "/_inside/format_disk", "", 404),
        ("GET", "/_inside", "since_ns=-1", 400),
        ("GET", "/_inside", "since_ns=%C2%B2", 400),
        ("POST", "/_inside/trace", "frames=0", 400),
        ("POST", "/_inside/trace", "frames=many", 400),
    ],
)
def test_what_makes_no_sense_is_told(method: str, path: str, query: str, status: int) -> None:
    assert asked(method, path, query)[0] == status


def test_a_second_checkpoint_tells_what_grew() -> None:
    class Leaked:
        def __init__(self) -> None:
            self.me = self

    one = page()
    first = json.loads(one.answer("POST", "/_inside/checkpoint", BEARER, "").body)
    kept = [Leaked() for _ in range(300)]
    second = json.loads(one.answer("POST", "/_inside/checkpoint", BEARER, "").body)
    assert first["first"]
    assert first["types"] == []
    assert not second["first"]
    grown = {each["name"].rpartition(".")[2]: each["more"] for each in second["types"]}
    assert grown["Leaked"] == len(kept)
    assert second["sites"] is None, "allocations are not traced"
    one.answer("POST", "/_inside/restart", BEARER, "")
    assert json.loads(one.answer("POST", "/_inside/checkpoint", BEARER, "").body)["first"]


def test_allocations_are_traced_from_trace_to_untrace() -> None:
    one = page()
    try:
        assert one.answer("POST", "/_inside/trace", BEARER, "frames=4").status == 200
        assert json.loads(one.answer("GET", "/_inside", BEARER, "").body)["tracing"]
        one.answer("POST", "/_inside/checkpoint", BEARER, "")
        kept = [bytes(1000) for _ in range(300)]
        sites = json.loads(one.answer("POST", "/_inside/checkpoint", BEARER, "").body)["sites"]
    finally:
        stop_tracing()
    assert __file__ in sites[0]["site"]
    assert sites[0]["more_bytes"] >= 1000 * len(kept)
    one.answer("POST", "/_inside/untrace", BEARER, "")
    assert not tracing()


def test_trim_says_what_came_back() -> None:
    status, found = asked("POST", "/_inside/trim")
    assert status == 200
    assert found["before"].keys() == found["collected"].keys()
    assert isinstance(found["unreachable_objects"], int)


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    await send({"type": "app", "path": scope.get("path")})


def exchange(middleware: Inside, scope: dict[str, Any]) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    asyncio.run(middleware(scope, receive, send))
    return sent


def http_scope(path: str, root: str = "") -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root,
        "headers": [(b"host", b"x"), (b"authorization", BEARER)],
        "query_string": b"",
    }


@pytest.mark.parametrize(("path", "root"), [("/_inside", ""), ("/v1/_inside", "/v1"), ("/_inside", "/v1")])
def test_asgi_answers_its_own_path_also_where_it_is_mounted(path: str, root: str) -> None:
    start, body = exchange(Inside(app, token=TOKEN), http_scope(path, root))
    assert start["status"] == 200
    assert (b"content-type", b"application/json") in start["headers"]
    levels = json.loads(body["body"])
    assert levels["loop"]["tasks"] == 1


@pytest.mark.parametrize(
    "scope", [http_scope("/_insider"), http_scope("/"), {"type": "websocket", "path": "/_inside"}, {"type": "lifespan"}]
)
def test_everything_else_is_the_applications(scope: dict[str, Any]) -> None:
    assert exchange(Inside(app, token=TOKEN), scope) == [{"type": "app", "path": scope.get("path")}]


def test_wsgi_has_the_same_page() -> None:
    said: list[Any] = []
    wsgi = InsideWsgi(lambda environ, _start: [str(environ["PATH_INFO"]).encode()], token=TOKEN)

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        said.append((status, dict(headers)))

    environ = {"PATH_INFO": "/_inside", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": BEARER.decode(), "QUERY_STRING": ""}
    (body,) = wsgi(environ, start)
    assert said[0][0] == "200 OK"
    assert int(said[0][1]["Content-Length"]) == len(body)
    assert json.loads(body)["loop"] == {"tasks": None, "longest_lag_ns": None}
    list(wsgi({**environ, "HTTP_AUTHORIZATION": "Bearer no"}, start))
    assert said[1][0] == "401 Unauthorized"
    assert list(wsgi({**environ, "PATH_INFO": "/else"}, start)) == [b"/else"]
