"""Reads that are one whole event, taken without parsing JSON, against the same events parsed one by one."""

import json

from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.llm.alike import Alike
from loadstone.clients.llm.client import DIALECTS
from loadstone.clients.llm.dialect import read_event
from loadstone.clients.llm.transcript import Transcript
from loadstone.clients.sse import Event

KINDS = ("content", "reasoning_content")
CHUNK = '{"choices": [{"index": 0, "delta": {"%s": %s}, "finish_reason": null}]}'


def transcript(documents: list[str], *, whole_pieces: bool) -> tuple[Transcript, int]:
    """What these events come to, event k stamped k, and how many of them were taken as pieces."""
    into, taken = Transcript(), 0
    alike = Alike(into)
    for at, document in enumerate(documents, 1):
        if whole_pieces and alike.read_piece(f"data: {document}\n\n".encode(), at):
            taken += 1
        else:
            read_event(DIALECTS["chat"], alike, Event(document), at, into)
    return into, taken


@given(st.sampled_from(KINDS), st.lists(st.text(max_size=8), max_size=12), st.booleans())
def test_a_piece_says_what_its_event_says(kind: str, texts: list[str], ascii_only: bool) -> None:
    documents = [CHUNK % (kind, json.dumps(text, ensure_ascii=ascii_only)) for text in ["unlike", *texts]]
    assert transcript(documents, whole_pieces=True)[0] == transcript(documents, whole_pieces=False)[0]


def test_plain_texts_are_taken_as_pieces_and_each_carries_its_own_stamp() -> None:
    into, taken = transcript([CHUNK % ("content", json.dumps(text)) for text in ("unlike", " a", "b~ ", "c")], whole_pieces=True)
    assert (taken, list(into.stamps), into.content, into.events) == (3, [1, 2, 3, 4], ["unlike", " a", "b~ ", "c"], 4)


def test_a_text_that_json_forbids_or_writes_otherwise_is_left_to_the_parser() -> None:
    for text in ("", "tab\t", "line\n", "nul\0", 'quote"', "back\\n", "é"):
        documents = [CHUNK % ("content", '"unlike"'), CHUNK % ("content", f'"{text}"')]
        assert transcript(documents, whole_pieces=True)[1] == 0, text


def test_an_error_without_words_is_named_by_its_kind() -> None:
    into = transcript([json.dumps({"error": "\r"})], whole_pieces=False)[0]
    assert into.fault_text == "stream error"


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from(KINDS), st.sampled_from(["same", "other"])), max_size=12))
def test_events_of_several_choices_are_told_apart_however_alike_they_are(events: list[tuple[int, str, str]]) -> None:
    documents = [json.dumps({"choices": [{"index": choice, "delta": {kind: text}}]}) for choice, kind, text in events]
    for whole_pieces in (True, False):
        into, _ = transcript(documents, whole_pieces=whole_pieces)
        assert into.content == [text for choice, kind, text in events if choice == 0 and kind == "content"]
        assert into.reasoning == [text for choice, kind, text in events if choice == 0 and kind != "content"]
        assert into.texts == [text for *_, text in events]
