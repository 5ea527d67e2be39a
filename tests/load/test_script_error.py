from loadstone.load.script_error import describe, place_of


def raised_by(call: object) -> Exception:
    try:
        call()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001  what it is does not matter here
        return error
    raise AssertionError("nothing was raised")


def deeper() -> None:
    int("x")


def test_the_line_is_the_scripts_last_and_not_that_of_a_library() -> None:
    import json

    def parse() -> None:
        json.loads("{")

    text = describe(raised_by(parse), __file__)
    assert text.startswith("JSONDecodeError: ")
    assert text.endswith(f"(test_script_error.py:{parse.__code__.co_firstlineno + 1})")


def test_a_group_of_errors_is_told_by_its_first_real_one() -> None:
    inner = raised_by(deeper)
    group = ExceptionGroup("several", [ExceptionGroup("inner", [inner])])
    assert describe(group, __file__).startswith("ValueError: invalid literal")


def test_a_long_message_keeps_its_line() -> None:
    def complain() -> None:
        raise ValueError("x" * 5000)

    text = describe(raised_by(complain), __file__)
    assert len(text) <= 121
    assert f"(test_script_error.py:{complain.__code__.co_firstlineno + 1})" in text


def test_an_error_without_a_line_of_the_script_has_no_place() -> None:
    assert place_of(ValueError("x"), __file__) == ""


def test_a_syntax_error_is_placed_where_it_is() -> None:
    error = raised_by(lambda: compile("a b\n", "shop.py", "exec"))
    assert place_of(error) == "shop.py:1"
