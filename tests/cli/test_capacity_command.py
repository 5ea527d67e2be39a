"""`loadstone capacity` with what cannot be meant."""

import pytest

from loadstone.cli.main import main


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--slo", "nonsense"], "--slo"),
        (["--max-time", "5s"], "--max-time"),
        (["--start", "quick"], "--start"),
        (["--max", "0"], "--max"),
        (["--start", "100", "--max", "10"], "--start 100 is above --max 10"),
    ],
)
def test_a_wrong_flag_is_named(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["capacity", "http://127.0.0.1:9/", *words])
    assert end.value.code == 2
    assert part in capsys.readouterr().err


def test_nothing_that_answers_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["capacity", "http://127.0.0.1:9/"])
    assert end.value.code == 3
    assert "127.0.0.1:9" in capsys.readouterr().err
