"""What a chat backend calls things: its paths and fields, each an option, and all of them in one file of `--config`.

Another backend's file begins with `loadstone config write chat --output ours.yaml`.
"""

import json
from typing import Any

import loadstone as ls
from loadstone.suites.bot.bot_client import answer_of, found_at, placed

__all__ = ["PATTERNS", "WORDING", "answer_of", "endpoints", "filled", "found_at", "is_like", "placed", "spoken"]

PATTERNS = ("light", "mixed", "heavy")


def _api(name: str, default: str, text: str) -> ls.Option:
    return ls.Option(name, default, text, place=f"api.{name.replace('-', '_')}")


def _socket(name: str, default: str, text: str) -> ls.Option:
    return ls.Option(f"websocket-{name}", default, text, place=f"websocket.{name.replace('-', '_')}")


WORDING = (
    ls.Option("patterns", ",".join(PATTERNS), "Patterns of users who stay.", kind="parts", choices=PATTERNS, place="patterns"),
    _api("ask-path", "/api/ask", "Where a single question is sent."),
    _api("question-field", "question", "Its field with the text; dots go deeper."),
    _api("answer-field", "answer", "The field of the answer with its text."),
    _api("health-path", "/health", "Where light users look in; empty for nowhere."),
    _api("sessions-path", "/api/chat/sessions", "Where a session is opened."),
    _api("user-field", "user", "Its field with the user's name; empty for none."),
    _api("session-field", "id", "The field of the answer with the session's id."),
    _api("messages-path", "/api/chat/sessions/{id}/messages", "Where its messages are sent."),
    _api("message-field", "text", "Their field with the text."),
    _api("reply-field", "text", "The field of the answer with what the assistant says."),
    _api("history-path", "/api/chat/sessions/{id}/messages", "Where a session is read back; empty for nowhere."),
    _api("history-field", "messages", "The field with the list of messages; empty: the answer is that list."),
    _api("completions-path", "/v1/chat/completions", "Where heavy users stream completions (OpenAI's form)."),
    _api("models-path", "/v1/models", "Where the model's name is asked; empty: --model says it."),
    _api("model", "", "The model, where it is not asked for."),
    _socket("path", "/ws/chat?room={room}&user={user}", "Where a member enters a room."),
    _socket("message", '{"type": "message", "text": "{text}", "id": "{id}"}', "What a member says."),
    _socket("match", "json.id", "How its own message is known when it comes back: json.FIELD, json.SENT = json.GOT, or order."),
    _socket("ask", '{"type": "ask", "text": "{text}", "fail": {fail}}', "What the assistant is asked."),
    _socket("answer", '{"type": "message", "user": "assistant"}', "What its answer has among its fields."),
    _socket("error", '{"type": "error", "user": "assistant"}', "The same of an answer that failed; empty where there is none."),
    _socket("typing-on", '{"type": "typing", "user": "assistant", "state": "on"}', "Of typing; empty: nobody watches it."),
    _socket("typing-off", '{"type": "typing", "user": "assistant", "state": "off"}', "Of its end."),
)


def spoken(options: ls.Options) -> dict[str, Any]:
    """The words of one backend, for the settings of a scenario; raises UsageError for what is no JSON object."""
    words = {each.key: getattr(options, each.key) for each in WORDING}
    for key in ("answer", "error", "typing_on", "typing_off"):
        words[f"websocket_{key}"] = _fields(f"websocket-{key.replace('_', '-')}", words[f"websocket_{key}"])
    return words


def _fields(option: str, text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ls.UsageError(f"{text!r} is no JSON object", where=f"option {option}", hint='\'{"type": "typing"}\'')
    return value


def endpoints(options: ls.Options, *, users: bool, visitors: bool) -> list[str]:
    """The paths over HTTP that may be asked before the run."""
    patterns = set(options.patterns) if users else set()
    light, mixed, heavy = "light" in patterns or visitors, "mixed" in patterns, "heavy" in patterns
    paths = [
        options.ask_path if light else "",
        options.health_path if light else "",
        options.sessions_path if mixed else "",
        options.models_path if heavy else "",
        options.completions_path if heavy else "",
    ]
    return [path for path in dict.fromkeys(paths) if path]


def filled(text: str, /, **values: object) -> str:
    """A text with each `{name}` of these replaced; other braces stay, so that JSON needs no escapes."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def is_like(value: Any, fields: dict[str, Any]) -> bool:
    """Has a message all these fields with these values? None are like nothing."""
    return bool(fields) and isinstance(value, dict) and all(value.get(name) == each for name, each in fields.items())
