"""`loadstone hit`: each flag alone, the awkward pairs, and values that cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from loadstone.cli.hit import CHECKS_GATE, ERRORS_GATE, command, plan_of
from loadstone.errors import LoadstoneError
from loadstone.plan.model import Plan
from loadstone.plan.profile import OpenProfile

URL = "http://127.0.0.1:9/a"


def plan(*flags: str, url: str = URL) -> Plan:
    """The plan behind a command line; nothing is started."""
    given: dict[str, Any] = dict(command.make_context("hit", [url, *flags], resilient_parsing=False).params)
    found: Plan = plan_of(given.pop("url"), given)
    return found


def shape(*flags: str) -> tuple[Any, ...]:
    profile = plan(*flags).scenarios[0].profile
    if isinstance(profile, OpenProfile):
        return profile.kind, profile.duration_s, profile.peak_rate_per_s
    limit = profile.iterations
    return profile.kind, profile.duration_s, profile.max_users, limit.count if limit else None


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), ("constant-users", 10, 10, None)),
        (("-c", "3"), ("constant-users", 10, 3, None)),
        (("-d", "1m"), ("constant-users", 60, 10, None)),
        (("-r", "150/s"), ("constant-rate", 10, 150)),
        (("-r", "30/m", "-d", "5s"), ("constant-rate", 5, 0.5)),
        (("-r", "5", "--poisson"), ("poisson-rate", 10, 5)),
        (("-n", "7"), ("shared-iterations", 600, 7, 7)),
        (("-n", "7", "-c", "2", "-d", "3s"), ("shared-iterations", 3, 2, 7)),
    ],
)
def test_the_load_is_the_one_that_the_flags_say(flags: tuple[str, ...], expected: tuple[Any, ...]) -> None:
    assert shape(*flags) == expected


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("-r", "5/s", "-n", "3"), "flag --requests: --rate takes --duration, not --requests"),
        (("-r", "5/s", "-c", "3"), "flags --users and --rate: a load is either users or a rate"),
        (("--poisson",), "flag --poisson: --poisson is about a rate"),
        (("--poisson", "-n", "3"), "flag --poisson"),
        (("-c", "many"), "flag --users: 'many' is not a whole number"),
        (("-c", "0"), "flag --users"),
        (("-c", "-1"), "flag --users"),
        (("-c", "1.5"), "flag --users"),
        (("-n", "0"), "flag --requests"),
        (("-n", "x"), "flag --requests"),
        (("-d", "0s"), "flag --duration"),
        (("-d", "5 parsecs"), "flag --duration"),
        (("-n", "5", "-d", "x"), "flag --duration"),
        (("-r", "-5/s"), "flag --rate"),
        (("-r", "fast"), "flag --rate"),
        (("-m", "GE T"), "flag -m"),
        (("-H", "no colon"), "flag -H"),
        (("-H", ": empty"), "flag -H"),
        (("--expect", "body is"), "flag --expect"),
        (("--gate", "p95 < 1s"), "flag --gate"),
        (("--warm-up", "10s"), "leaves nothing to judge"),
        (("--warm-up", "soon"), "flag --warm-up"),
        (("--timeout", "0s"), "flag --timeout"),
        (("--workers", "0"), "flag --workers"),
        (("--workers", "two"), "flag --workers"),
        (("--seed", "-1"), "flag --seed"),
        (("--body", "@no/such/file"), "--body @no/such/file: cannot read the body"),
    ],
)
def test_a_value_or_a_pair_that_cannot_be_meant_names_its_flag(flags: tuple[str, ...], said: str) -> None:
    with pytest.raises(LoadstoneError) as error:
        plan(*flags)
    assert said in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("url", ["http://", "ftp://host/", "http://h:99999/", "http://a b/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(LoadstoneError) as error:
        plan(url=url)
    assert error.value.exit_code == 2


def test_an_unknown_flag_and_a_missing_address_are_clicks_own_mistakes() -> None:
    with pytest.raises(click.NoSuchOption):
        command.make_context("hit", [URL, "--nonsense"])
    with pytest.raises(click.MissingParameter):
        command.make_context("hit", [])


def test_an_address_without_a_scheme_is_http_and_its_query_is_no_part_of_the_name() -> None:
    found = plan(url="127.0.0.1:9/a/b?c=${d}")
    step = found.scenarios[0].steps[0]
    assert (found.target, step.name, step.path) == ("http://127.0.0.1:9", "GET /a/b", "/a/b?c=$${d}")


@pytest.mark.parametrize(
    ("flags", "method", "body"),
    [
        (("-m", "delete"), "DELETE", None),
        (("--body", "hello ${x}"), "POST", "hello $${x}"),
        (("--body", "hello", "-m", "put"), "PUT", "hello"),
        (("--body", "@body.txt"), "POST", "from a file"),
        (("--body", ""), "POST", ""),
    ],
)
def test_a_body_makes_a_post_unless_a_method_is_named(
    flags: tuple[str, ...], method: str, body: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("body.txt").write_text("from a file")
    step = plan(*flags).scenarios[0].steps[0]
    assert (step.method, step.body) == (method, body)


def test_what_is_expected_is_a_status_or_a_check_and_checks_get_a_gate() -> None:
    found = plan("--expect", "2xx", "--expect", "404", "--expect", "body contains hello")
    step = found.scenarios[0].steps[0]
    assert step.checks == ("body contains hello",)
    assert [gate.gate for gate in found.gates] == [ERRORS_GATE, CHECKS_GATE]
    assert [gate.gate for gate in plan("--expect", "200").gates] == [ERRORS_GATE]
    assert [gate.gate for gate in plan("--gate", "count(http.requests) > 1", "--expect", "status == 200").gates] == [
        "count(http.requests) > 1"
    ]


def test_the_other_flags_reach_the_settings_that_they_name() -> None:
    found = plan(
        "-k", "--no-keep-alive", "--timeout", "3s", "--workers", "2", "--seed", "7", "--warm-up", "2s", "-H", "X-A: 1:2", "-H", "X-B:"
    )
    assert (found.http.verify, found.http.keep_alive, found.workers, found.seed) == (False, False, 2, 7)
    assert (found.http.timeouts.total_s, found.http.timeouts.first_byte_s) == (3, 3)
    assert found.scenarios[0].warm_up_s == 2
    assert dict(found.scenarios[0].steps[0].headers) == {"X-A": "1:2", "X-B": ""}
    plain = plan()
    assert (plain.http.verify, plain.http.keep_alive, plain.http.redirects, plain.http.cookies) == (True, True, 0, False)
