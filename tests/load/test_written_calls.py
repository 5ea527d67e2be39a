"""Written steps that call Python callables."""

from typing import Any

import pytest
from pydantic import ValidationError

from loadstone.load.behaviour import compiled
from loadstone.load.call_step import CallStep
from loadstone.plan.steps import Step
from loadstone.testing.talk import Talk


class Speaker:
    """As much of a session as a step needs."""

    index, data = 0, {"text": "[7]"}

    def __init__(self, client: Any) -> None:
        self._client, self.vars = client, dict[str, Any]()
        self.tags: dict[str, str] = {}
        self.checked: dict[str, bool] = {}

    def speak(self, kind: str) -> Any:
        assert kind == "call"
        return self._client

    def check(self, holds: bool, name: str) -> bool:
        self.checked[name] = holds
        return holds


def run(step: dict[str, Any]) -> Speaker:
    compiled = CallStep(Step.model_validate(step))

    async def act(client: Any) -> Speaker:
        session = Speaker(client)
        await compiled.run(session)  # type: ignore[arg-type]
        return session

    return Talk().speak("call", act)


def test_places_are_filled_in_and_the_value_is_checked_and_extracted() -> None:
    session = run({"call": {"target": "json:loads", "args": ["${row.text}"]}, "checks": ["json[0] == 7"], "extract": {"number": "json[0]"}})
    assert session.checked == {"json[0] == 7": True}
    assert session.vars == {"number": 7}


def test_arguments_may_have_names() -> None:
    session = run({"call": {"target": "builtins:dict", "args": {"a": 1}}, "extract": {"a": "json.a"}})
    assert session.vars == {"a": 1}


def test_a_call_is_a_kind_of_its_own_and_speaks_to_no_address() -> None:
    step = Step.model_validate({"call": "json:loads"})
    assert step.kind == "call"
    assert step.addresses == ()
    assert isinstance(compiled(step), CallStep)


@pytest.mark.parametrize("target", ["json", "json.loads", ":loads", "json:"])
def test_a_target_without_module_or_function_is_a_mistake(target: str) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate({"call": target})
