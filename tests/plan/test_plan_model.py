"""The validated plan: it travels, it keeps its secrets, it has a schema."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from loadstone.plan.http import HttpSettings, status_set
from loadstone.plan.model import Plan
from loadstone.plan.schema import plan_schema
from loadstone.plan.starter import starter

TREE: dict[str, Any] = {
    "target": "https://h",
    "http": {"headers": {"X-Api-Key": "k1", "Accept": "a/b", "Cookie": "${env:HOME}"}, "auth": {"bearer": "b1"}, "max_response": "1MB"},
    "scenarios": {
        "rate": {
            "profile": {"kind": "spike", "rate": 5, "peak": 10, "at": "5s", "for": "2s"},
            "steps": [{"post": "/", "form": {"a": "b"}}],
        },
        "users": {
            "profile": {"iterations": 5, "users": 2},
            "pacing": "10s",
            "code": {"file": "x.py", "classes": ["A"]},
            "data": "users.csv",
        },
        "endless": {"profile": {"rate": "0.5/s"}, "think": "1s..2s", "steps": [{"get": "/", "weight": 1}]},
    },
    "gates": ["p95(http.response_time) < 2s", {"gate": "rate(http.errors) < 1%", "requirement": "few_errors"}],
}


def test_a_plan_travels_as_json_and_as_a_pickle() -> None:
    plan = Plan.model_validate(TREE)
    list(plan.scenarios[1].profile.changes())  # type: ignore[union-attr]
    assert Plan.from_wire(plan.wire()) == plan
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301
    assert Plan.from_wire(plan.wire()).http.auth.bearer.get_secret_value() == "b1"  # type: ignore[union-attr]


def test_secrets_show_nowhere_but_on_the_wire() -> None:
    plan = Plan.model_validate(TREE)
    for shown in (repr(plan), str(plan), plan.model_dump_json(), plan.model_dump_json(by_alias=True), str(plan.model_dump(mode="json"))):
        assert "k1" not in shown
        assert "b1" not in shown
    assert json.loads(plan.model_dump_json())["http"]["headers"] == {"X-Api-Key": "**********", "Accept": "a/b", "Cookie": "${env:HOME}"}


def test_headers_take_the_environment_when_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADSTONE_TEST_TOKEN", "t")
    http = HttpSettings.model_validate({"headers": {"Authorization": "Bearer ${env:LOADSTONE_TEST_TOKEN}"}})
    assert http.sent_headers() == {"Authorization": "Bearer t"}


def test_a_plan_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(TREE).seed = 3


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        (200, {200}),
        ("2xx", set(range(200, 300))),
        ([200, "404"], {200, 404}),
        ("200, 3xx", {200, *range(300, 400)}),
        ("any", set(range(100, 600))),
    ],
)
def test_an_expected_status_has_many_forms(text: Any, statuses: set[int]) -> None:
    assert HttpSettings(expect=text).expected_statuses == statuses
    assert status_set(HttpSettings(expect=text).expect) == statuses


@pytest.mark.parametrize("auth", [{}, {"basic": "a:b", "bearer": "c"}, {"basic": "nopassword"}])
def test_auth_is_one_of_two(auth: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"auth": auth})


@pytest.mark.parametrize(
    "step", [{}, {"get": "/", "post": "/"}, {"post": "/", "json": {}, "body": "x"}, {"get": "/", "weight": 0}, {"got": "/"}]
)
def test_a_step_is_one_exchange(step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate({"scenarios": {"a": {"profile": {"users": 1}, "steps": [step]}}})


def test_the_schema_accepts_what_the_model_accepts_and_refuses_what_it_refuses() -> None:
    validator = jsonschema.Draft202012Validator(plan_schema())
    validator.check_schema(plan_schema())
    validator.validate(TREE)
    validator.validate(yaml.safe_load(starter("suite.yaml", "suite", python=False)))
    wrongs: list[dict[str, Any]] = [
        {},
        {"scenarios": {}},
        {"scenarios": {"a": {}}},
        {**TREE, "unknown": 1},
        {"scenarios": {"a": {"profile": {"kind": "nothing"}, "steps": [{"get": "/"}]}}},
        {"scenarios": {"a": {"profile": {"kind": "constant-rate", "rate": 1}, "steps": [{"got": "/"}]}}},
    ]
    for wrong in wrongs:
        assert not validator.is_valid(wrong)


def test_the_starter_names_no_other_settings_than_the_plan_has(tmp_path: Path) -> None:
    text = starter("suite.yaml", "suite", python=False)
    (tmp_path / "suite.yaml").write_text(text)
    assert Plan.model_validate(yaml.safe_load(text)).scenarios


def test_a_login_in_steps_does_not_show_but_a_models_settings_do() -> None:
    login = {"post": "/", "json": {"user": "a", "password": "p4ss", "max_tokens": "5", "deep": [{"api_key": "k3y", "token": "${vars.t}"}]}}
    plan = Plan.model_validate(
        {"scenarios": {"a": {"profile": {"users": 1}, "steps": [login, {"get": "/", "headers": {"Cookie": "c00k"}}]}}}
    )
    shown = plan.model_dump_json() + repr(plan)
    assert not [secret for secret in ("p4ss", "k3y", "c00k") if secret in shown]
    assert "max_tokens" in plan.model_dump_json()
    assert "${vars.t}" in plan.model_dump_json()
    assert Plan.from_wire(plan.wire()) == plan


def test_a_password_in_the_target_is_refused() -> None:
    with pytest.raises(ValidationError, match="holds a password"):
        Plan.model_validate({**TREE, "target": "http://user:pass@host/"})
