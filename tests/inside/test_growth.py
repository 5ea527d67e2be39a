"""What grew, and in which order it is told."""

from hypothesis import given
from hypothesis import strategies as st

from loadstone.inside.growth import SiteGrowth, TypeGrowth, growth_by_site, growth_by_type
from loadstone.inside.sites import Line, named

COUNTS = st.dictionaries(st.sampled_from(["dict", "list", "app.User", "logging.Logger", "str", "lib.Node"]), st.integers(0, 10_000))


def names(before: dict[str, int], now: dict[str, int]) -> list[str]:
    return [each.name for each in growth_by_type(before, now)]


def test_types_of_the_application_go_before_the_library_and_everyday_types() -> None:
    now = {"dict": 3000, "list": 2000, "_asyncio.Future": 1500, "app.Session": 1000, "coroutine app.job": 900}
    assert names({}, now) == ["app.Session", "coroutine app.job", "_asyncio.Future", "dict", "list"]


def test_a_type_that_grew_little_beside_the_others_comes_last() -> None:
    assert names({}, {"dict": 3000, "app.Session": 200}) == ["dict", "app.Session"]


def test_a_few_more_are_no_growth() -> None:
    assert names({"app.Session": 100}, {"app.Session": 109}) == []


def test_growth_is_told_with_its_numbers() -> None:
    assert growth_by_type({"dict": 10}, {"dict": 1510}) == [TypeGrowth("dict", 1500, 1510)]
    assert str(TypeGrowth("dict", 1500, 1510)) == "dict: +1,500 to 1,510"
    site = SiteGrowth("a.py:1", 2048, 2, "b.py:3")
    assert growth_by_site({("a.py:1", "b.py:3"): (0, 1)}, {("a.py:1", "b.py:3"): (2048, 3), ("c.py:1", ""): (0, 5)}) == [site]
    assert str(site) == "a.py:1: +2,048 B in +2 pieces (in b.py:3)"


@given(COUNTS, COUNTS)
def test_each_growth_is_the_difference_and_only_once(before: dict[str, int], now: dict[str, int]) -> None:
    grown = growth_by_type(before, now)
    assert len({each.name for each in grown}) == len(grown)
    assert all(each.more == now[each.name] - before.get(each.name, 0) > 0 for each in grown)
    assert growth_by_type(now, now) == []


def test_the_nearest_line_of_the_application_answers_for_a_library() -> None:
    import asyncio

    library, app = Line(asyncio.__file__, 5), Line("app.py", 7)
    assert named([library, app, Line("main.py", 1)]) == ("app.py:7", f"{asyncio.__file__}:5")
    assert named([app, library]) == ("app.py:7", "")
    assert named([library]) == (f"{asyncio.__file__}:5", "")
