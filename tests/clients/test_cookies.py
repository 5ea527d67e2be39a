"""A user's cookies: kept for their host, path and time, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.address import Origin
from loadstone.clients.cookies import MOST_COOKIES, CookieJar
from loadstone.clients.http import HttpClient
from loadstone.errors import UsageError
from loadstone.testing.server import ScriptedServer, always, answer, response
from loadstone.testing.talk import Talk

HERE = Origin("http", "app.example.com", 80)


def jar_of(*lines: str, origin: Origin = HERE, target: str = "/a/b") -> CookieJar:
    jar = CookieJar()
    jar.take([("set-cookie", line) for line in lines], origin, target)
    return jar


@pytest.mark.parametrize(
    ("line", "origin", "target", "header"),
    [
        ("a=1", HERE, "/a/b", "a=1"),
        ("a=1", HERE, "/a", "a=1"),
        ("a=1", HERE, "/", ""),
        ("a=1", HERE, "/ab", ""),
        ("a=1; Path=/", HERE, "/x?y", "a=1"),
        ("a=1; Path=/", Origin("http", "example.com", 80), "/", ""),
        ("a=1; Path=/; Domain=example.com", Origin("http", "other.example.com", 8080), "/", "a=1"),
        ("a=1; Path=/; Domain=.Example.com", Origin("http", "example.com", 80), "/", "a=1"),
        ("a=1; Path=/; Domain=elsewhere.com", HERE, "/", ""),
        ("a=1; Path=/; Domain=com", Origin("http", "other.com", 80), "/", ""),
        ("a=1; Path=/; Secure", HERE, "/", ""),
        ("a=1; Path=/; Secure", HERE._replace(scheme="https"), "/", "a=1"),
        ("a=1; Max-Age=0", HERE, "/a", ""),
        ("a=1; Max-Age=-99999999999999999999", HERE, "/a", ""),
        ("a=1; Max-Age=" + "9" * 5_000, HERE, "/a", "a=1"),
        ("a=1; Max-Age=\xb2", HERE, "/a", "a=1"),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HERE, "/a", ""),
        ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", HERE, "/a", ""),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=100", HERE, "/a", "a=1"),
        ("a=1; Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HERE, "/a", "a=1"),
        ("a=1; Expires=soon", HERE, "/a", "a=1"),
        (f"a=1; Expires=Thu, 01 Jan {'9' * 30} 00:00:00 GMT", HERE, "/a", "a=1"),
        ("a = x=y ; HttpOnly", HERE, "/a", "a=x=y"),
        ("novalue", HERE, "/a", ""),
        ("=1", HERE, "/a", ""),
        ("", HERE, "/a", ""),
    ],
)
def test_a_cookie_goes_where_it_belongs(line: str, origin: Origin, target: str, header: str) -> None:
    assert jar_of(line).header(origin, target) == header


def test_the_longest_path_comes_first_and_the_same_cookie_is_replaced() -> None:
    jar = jar_of("a=1; Path=/", "b=2; Path=/a", "a=3; Path=/")
    assert jar.header(HERE, "/a/b") == "b=2; a=3"
    jar.take([("set-cookie", "a=; Path=/; Max-Age=0")], HERE, "/")
    assert jar.header(HERE, "/a/b") == "b=2"
    assert (jar.get("b"), jar.get("a"), len(jar)) == ("2", None, 1)


def test_the_number_of_cookies_is_bounded() -> None:
    jar = jar_of(*(f"c{number}=1" for number in range(MOST_COOKIES + 50)))
    assert len(jar) == MOST_COOKIES


@given(st.text(max_size=200))
def test_no_text_breaks_the_jar(text: str) -> None:
    jar_of(text, f"a=1; {text}", f"a=1; Expires={text}", f"a=1; Max-Age={text}").header(HERE, "/a")


@pytest.mark.parametrize(("name", "value"), [("a", "1\r\nEvil: 2"), ("a", "1; b=2"), ("a=b", "1"), ("", "1")])
def test_a_cookie_by_hand_cannot_break_out_of_its_header(name: str, value: str) -> None:
    with pytest.raises(UsageError, match="not a cookie"):
        CookieJar().set(name, value, HERE)


def test_users_have_cookies_of_their_own_and_may_refuse_them() -> None:
    async def twice(http: HttpClient) -> None:
        await http.get("/")
        await http.get("/")

    with ScriptedServer([always(answer(response(b"", "Set-Cookie: id=1", "Set-Cookie: s=2; Path=/x")))]) as server:
        Talk(target=server.url).hold(twice)
        Talk(target=server.url, cookies=False).hold(twice)
    assert [b"Cookie: id=1\r\n\r\n" in request for request in server.requests] == [False, True, False, False]
