"""What callers say when a script leaves it open."""

import pytest

from loadstone.clients.voice.conversation import ATTENTION, INTERRUPTION
from loadstone.reference.voice.script import is_backchannel
from loadstone.synth.said import QUESTION, say
from loadstone.synth.speech import names


def test_nothing_is_a_question_that_an_agent_answers_and_no_sound_of_attention() -> None:
    assert say("", 16_000) == say(QUESTION, 16_000)
    assert say("", 16_000).text.endswith("?")
    assert not is_backchannel(say("", 16_000).text)


@pytest.mark.parametrize("name", [QUESTION, INTERRUPTION, ATTENTION])
def test_what_is_said_by_default_ships(name: str) -> None:
    assert name in names()


def test_a_sound_of_attention_is_one_to_the_agent_too() -> None:
    assert is_backchannel(say(ATTENTION, 16_000).text)
