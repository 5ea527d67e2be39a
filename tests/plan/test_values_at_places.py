"""Values at places of a plan's tree."""

import pytest

from loadstone.plan.mistakes import Absent, value_at

TREE = {"gates": ["a", {"gate": "b"}], "name": "shop"}


@pytest.mark.parametrize(("place", "value"), [(("gates", 0), "a"), (("gates", 1, "gate"), "b"), (("name",), "shop"), ((), TREE)])
def test_a_value_is_found_at_its_place(place: tuple[str | int, ...], value: object) -> None:
    assert value_at(TREE, place) == value


@pytest.mark.parametrize("place", [("gates", 2), ("gates", -1), ("gates", "0"), ("name", 0), ("none",), ("gates", 1, "none")])
def test_nothing_is_at_a_place_that_is_not_there(place: tuple[str | int, ...]) -> None:
    assert isinstance(value_at(TREE, place), Absent)


def test_a_list_is_not_walked_to_find_one_of_its_members() -> None:
    class Untouched(list[str]):
        def __iter__(self) -> None:  # type: ignore[override]
            raise AssertionError("all gates are looked at for each of them")

    assert value_at({"gates": Untouched(["a", "b"])}, ("gates", 1)) == "b"
