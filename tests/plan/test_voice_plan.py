"""Scripts of calls, as they are written and as they are handed on."""

from typing import Any

import pytest
from pydantic import ValidationError

from loadstone.plan.voice import VoiceCall, VoiceSettings


def test_a_script_survives_the_way_to_a_worker() -> None:
    written: list[Any] = ["listen", {"speak": "hello"}, {"wait_answer": {"within": "3s"}}, {"barge_in": None}, {"silence": "2s"}, "hang_up"]
    call = VoiceCall.model_validate({"script": written})
    assert [act.kind for act in call.script] == ["listen", "speak", "wait_answer", "barge_in", "silence", "hang_up"]
    assert VoiceCall.model_validate_json(call.model_dump_json()) == call


@pytest.mark.parametrize(
    "script", [[], ["dance"], [{"speak": "a", "silence": "1s"}], ["wait_answer"], [{"silence": "0s"}], [{"hang_up": {"after": "-1s"}}]]
)
def test_a_script_that_cannot_be_is_refused(script: list[Any]) -> None:
    with pytest.raises(ValidationError):
        VoiceCall.model_validate({"script": script})


def test_a_rate_that_no_call_has_is_refused() -> None:
    with pytest.raises(ValidationError, match="8000, 16000, 24000, 48000"):
        VoiceSettings.model_validate({"rate": 11_025})
