"""What ships as speech is what the real agent understands: its recogniser, its rules, and the tools that they ask for."""

import pytest

from loadstone.reference.voice import parts
from loadstone.reference.voice.script import GRAMMAR, needs_tool, rule_for
from loadstone.reference.voice.worker import _recogniser
from loadstone.stats.word_error import WordErrors, word_errors
from loadstone.synth.speech import names, utterance

pytestmark = pytest.mark.skipif(bool(parts.missing()), reason=f"NO REAL VOICE AGENT: {parts.described()}")


@pytest.fixture(scope="module")
def heard() -> dict[str, str]:
    recognise = _recogniser(GRAMMAR)
    return {name: recognise(bytes(9_600) + utterance(name).pcm + bytes(16_000)) for name in names()}


def test_what_ships_is_recognised_nearly_word_by_word(heard: dict[str, str]) -> None:
    found = sum((word_errors(utterance(name).text, text) for name, text in heard.items()), WordErrors())
    assert found.words > 60
    assert found.rate < 0.15, heard


@pytest.mark.parametrize("name", ["time", "weather", "coffee"])
def test_a_question_that_needs_a_tool_gets_one(heard: dict[str, str], name: str) -> None:
    assert needs_tool(heard[name])


def test_every_sentence_has_a_reply_of_its_own(heard: dict[str, str]) -> None:
    assert [name for name, text in heard.items() if rule_for(text) is None and name not in {"mm_hm", "okay"}] == []
