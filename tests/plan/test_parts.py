"""Pictures and recordings in messages, from every source and in every dialect's words."""

import base64
import json
from pathlib import Path

import pytest

import loadstone as ls
from loadstone.clients.llm.client import DIALECTS
from loadstone.clients.llm.dialect import Call
from loadstone.errors import UsageError
from loadstone.plan.parts import beside, filled_in
from loadstone.plan.prompt_source import PromptSource
from loadstone.plan.prompts import PromptPlan

PNG, WAV = b"\x89PNG\r\n\x1a\n rest", b"RIFF\x00\x00\x00\x00WAVEfmt "
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (WEBP, "image/webp"), (b"BM12", "image/bmp")],
)
def test_a_picture_is_known_by_its_bytes_and_travels_whole(content: bytes, kind: str) -> None:
    link = ls.image(content)["image_url"]["url"]
    head, _, data = link.partition(",")
    assert head == f"data:{kind};base64"
    assert base64.b64decode(data) == content


def test_an_address_is_passed_on_and_a_recording_says_its_format(tmp_path: Path) -> None:
    assert ls.image("https://host/a.png", detail="low")["image_url"] == {"url": "https://host/a.png", "detail": "low"}
    file = tmp_path / "no-ending"
    file.write_bytes(WAV)
    sound = ls.audio(file)["input_audio"]
    assert (sound["format"], base64.b64decode(sound["data"])) == ("wav", WAV)
    assert ls.audio(b"\0\0", format="pcm16")["input_audio"]["format"] == "pcm16"


@pytest.mark.parametrize("make", [lambda: ls.image(b"text"), lambda: ls.audio(b"text"), lambda: ls.image("nowhere.png")])
def test_what_is_no_picture_or_recording_is_the_users_mistake(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


def test_each_dialect_words_the_same_parts_in_its_own_way() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "What?"}, ls.image(PNG), ls.image("https://host/b.png")]}]
    call = Call("m", messages=messages, stream=False)
    data = base64.b64encode(PNG).decode()
    assert DIALECTS["chat"].body(call)["messages"] == messages
    asked = DIALECTS["responses"].body(call)["input"][0]["content"]
    assert asked[0] == {"type": "input_text", "text": "What?"}
    assert asked[1] == {"type": "input_image", "image_url": f"data:image/png;base64,{data}", "detail": "auto"}
    said = DIALECTS["messages"].body(call)["messages"][0]["content"]
    assert said[1] == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    assert said[2] == {"type": "image", "source": {"type": "url", "url": "https://host/b.png"}}
    with pytest.raises(UsageError, match="no audio"):
        DIALECTS["messages"].body(Call("m", messages=[{"role": "user", "content": [ls.audio(WAV)]}]))


def test_files_in_short_form_are_read_and_everything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "q.wav").write_bytes(WAV)
    own = {"type": "something", "of": "the server's"}
    short = [{"role": "user", "content": [{"text": "What?"}, {"image": "cat.png"}, {"audio": "q.wav"}, own]}]
    found = [beside(each, tmp_path) for each in short]
    (message,) = filled_in(found)
    assert message["content"] == [{"type": "text", "text": "What?"}, ls.image(PNG), ls.audio(WAV), own]
    plain = [{"role": "user", "content": "text"}]
    assert filled_in(plain) is plain
    left = {"role": "user", "content": [{"image": "https://host/a.png"}, {"image": "${row.picture}"}]}
    assert beside(left, tmp_path) == left


def test_rows_of_prompts_name_files_beside_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    row = {"messages": [{"role": "user", "content": [{"text": "What?"}, {"image": "cat.png"}]}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    plan = PromptPlan.model_validate({"kind": "file", "file": str(tmp_path / "rows.jsonl")})
    (message,) = filled_in(PromptSource(plan, 1).at(0).messages)
    assert message["content"][1] == ls.image(PNG)
