"""Reading the requests of each dialect. Raises Refusal with the field that is wrong, as the APIs do."""

from __future__ import annotations

from typing import Any

from loadstone.reference.bodies import Refusal, text_field, whole_field
from loadstone.reference.reply import Ask
from loadstone.reference.simulator import MODEL
from loadstone.reference.switches import MOST_TOKENS

# Parts without text that a multimodal client sends; the simulator does not look at them, and they count no token.
_OTHER_PARTS = frozenset({"image_url", "input_image", "image", "input_audio", "audio", "file", "input_file", "document"})
_CALL_ITEMS = frozenset({"function_call", "function_call_output", "reasoning", "item_reference"})


def chat_ask(body: dict[str, Any]) -> Ask:
    """A request for /v1/chat/completions."""
    check_model(body)
    _check_one(body)
    limit = whole_field(body, "max_tokens", None, least=1, greatest=MOST_TOKENS)
    limit = whole_field(body, "max_completion_tokens", limit, least=1, greatest=MOST_TOKENS)
    prompt = _conversation(body.get("messages"), "messages")
    return Ask(prompt, _seed(body), limit, bool(body.get("stream", False)), _include_usage(body), _forced_calls(body))


def text_ask(body: dict[str, Any]) -> Ask:
    """A request for /v1/completions; a list of one prompt is one prompt."""
    check_model(body)
    _check_one(body)
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Refusal(400, "'prompt' must be one text", param="prompt")
    limit = whole_field(body, "max_tokens", None, least=1, greatest=MOST_TOKENS)
    return Ask(prompt, _seed(body), limit, bool(body.get("stream", False)), _include_usage(body))


def responses_ask(body: dict[str, Any]) -> Ask:
    """A request for /v1/responses: `input` is a text or a list of messages."""
    check_model(body)
    given = body.get("input")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if isinstance(messages, list):
        messages = [item for item in messages if not (isinstance(item, dict) and item.get("type") in _CALL_ITEMS)]
    prompt = _conversation(messages, "input")
    instructions = text_field(body, "instructions", default="")
    limit = whole_field(body, "max_output_tokens", None, least=1, greatest=MOST_TOKENS)
    prompt = f"{instructions}\n{prompt}" if instructions else prompt
    return Ask(prompt, _seed(body), limit, bool(body.get("stream", False)), calls=_forced_calls(body))


def messages_ask(body: dict[str, Any]) -> Ask:
    """A request for /v1/messages: `max_tokens` must be given, as in that API."""
    check_model(body)
    limit = whole_field(body, "max_tokens", None, least=1, greatest=MOST_TOKENS)
    if limit is None:
        raise Refusal(400, "'max_tokens' is missing", param="max_tokens")
    prompt = _conversation(body.get("messages"), "messages")
    system = body.get("system")
    if system is not None:
        prompt = f"{_text(system, 'system')}\n{prompt}"
    choice = body.get("tool_choice")
    calls = int(isinstance(choice, dict) and choice.get("type") in ("any", "tool"))
    return Ask(prompt, _seed(body), limit, bool(body.get("stream", False)), calls=calls)


def check_model(body: dict[str, Any]) -> None:
    """Raises Refusal 404 for a model that is not served here."""
    model = body.get("model")
    if model == MODEL:
        return
    if not isinstance(model, str):
        raise Refusal(400, "you must provide a model parameter", param="model")
    more = ". Try: loadstone serve --model smollm2" if model == "smollm2" else ""
    raise Refusal(404, f"the model {model[:60]!r} does not exist; known: {MODEL}{more}", param="model", code="model_not_found")


def _check_one(body: dict[str, Any]) -> None:
    if body.get("n", 1) != 1:
        raise Refusal(400, "'n' must be 1: the simulator gives one choice", param="n")


def _seed(body: dict[str, Any]) -> int:
    return whole_field(body, "seed", 0, least=-(2**63), greatest=2**63) or 0


def _forced_calls(body: dict[str, Any]) -> int:
    """1 when the request says that a tool must be called."""
    choice = body.get("tool_choice")
    return int(choice == "required" or (isinstance(choice, dict) and choice.get("type") == "function"))


def _include_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict) or not body.get("stream"):
        raise Refusal(400, "'stream_options' must be an object and needs 'stream': true", param="stream_options")
    return bool(options.get("include_usage", False))


def _conversation(messages: Any, name: str) -> str:
    """All contents, joined by line ends."""
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, f"{name!r} must be a list of at least one message", param=name)
    return "\n".join(_message(message, f"{name}[{index}]") for index, message in enumerate(messages))


def _message(message: Any, where: str) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise Refusal(400, "a message needs a 'role' and a 'content' of text", param=where)
    if message.get("content") is None and message.get("tool_calls"):
        return ""
    return _text(message.get("content"), where)


def _text(content: Any, where: str) -> str:
    if isinstance(content, list):
        return "".join(_part(part, where) for part in content)
    if not isinstance(content, str):
        raise Refusal(400, "a message needs a 'role' and a 'content' of text", param=where)
    return content


def _part(part: Any, where: str) -> str:
    if isinstance(part, dict):
        if part.get("type") in _OTHER_PARTS:
            return ""
        if part.get("type") == "tool_result":
            return _text(part.get("content", ""), where)
        if part.get("type") == "tool_use":
            return ""
        if isinstance(part.get("text"), str):
            return str(part["text"])
    raise Refusal(400, "a part of a message needs a 'text', or a type that is known", param=where)
