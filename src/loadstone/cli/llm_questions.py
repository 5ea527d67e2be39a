"""What `loadstone llm` asks, and when: questions, conversations and traces from its flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadstone.cli.one_url import profile_of, whole_number
from loadstone.errors import UsageError

INPUT_TOKENS, SPEED = "64", "1x"
# What a trace says itself, or what cannot go with it.
NOT_WITH_TRACE = ("rate", "poisson", "concurrency", "prompt", "prompt_file", "input_tokens", "turns", "think")
Profile = tuple[dict[str, Any], dict[str, str]]


def load_of(given: dict[str, Any], *, users: str, duration: str) -> Profile:
    """The profile that the flags ask for, and the flag behind each of its keys; `users` and `duration` count without flags."""
    if given["trace"] is None:
        if given["speed"] is not None:
            raise UsageError("is the speed of a trace", where="flag --speed", hint="--trace FILE --speed 2x")
        return profile_of(given, users_flag="--concurrency", users=users, duration=duration, example=("30s", "5/s"))
    if strange := next((name for name in NOT_WITH_TRACE if given[name]), None):
        flag = _flag(strange)
        raise UsageError("the trace says when and how long", where=f"flags --trace and {flag}", hint=f"leave {flag} out")
    profile: dict[str, Any] = {"kind": "trace", "file": _whole_path(given["trace"]), "speed": given["speed"] or SPEED}
    if given["requests"] is not None:
        profile["limit"] = whole_number(given["requests"], "--requests")
    if given["duration"] is not None:
        profile["duration"] = given["duration"]
    return profile, {"file": "flag --trace", "speed": "flag --speed", "limit": "flag --requests", "duration": "flag --duration"}


def prompts_of(given: dict[str, Any], origins: dict[Any, str]) -> dict[str, Any] | None:
    """Where questions come from; None when the step itself says them."""
    sources = [name for name in ("prompt", "prompt_file", "input_tokens") if given[name] is not None]
    if len(sources) > 1:
        raise UsageError("the questions come from one place", where=f"flags {_flags(sources)}", hint="keep one of them")
    if given["turns"] is not None and sources not in ([], ["input_tokens"]):
        flags = f"flags --turns and {_flag(sources[0])}"
        raise UsageError("these turns are made up", where=flags, hint="--turns 4 --input-tokens 60, or conversations in --prompt-file")
    if given["think"] is not None and given["turns"] is None and given["prompt_file"] is None:
        raise UsageError("belongs to conversations", where="flag --think", hint=f"--turns 4 --think {given['think']}")
    if (given["images"] or given["sounds"]) and given["prompt"] is None:
        flag = "--image" if given["images"] else "--audio"
        raise UsageError("goes with a question", where=f"flag {flag}", hint=f"--prompt 'What is it?' {flag} FILE")
    source = "trace" if given["trace"] is not None else "turns" if given["turns"] is not None else (sources or ["input_tokens"])[0]
    origins["llm", "prompts"] = f"flag {_flag(source)}"
    for key, name in (("output", "output_tokens"), ("think", "think"), ("turns", "turns"), ("input", "input_tokens")):
        origins["llm", "prompts", key] = f"flag {_flag(name)}"
    limit = {"output": given["output_tokens"]} if given["output_tokens"] is not None else {}
    if given["images"] or given["sounds"]:
        if limit:
            raise UsageError("is for questions without parts", where="flag --output-tokens", hint="--max-tokens 128")
        return None
    return {**_source(given), **limit}


def _source(given: dict[str, Any]) -> dict[str, Any]:
    if given["trace"] is not None:
        limit = {} if given["requests"] is None else {"limit": whole_number(given["requests"], "--requests")}
        return {"kind": "trace", "file": _whole_path(given["trace"]), **limit}
    if given["prompt"] is not None:
        return {"kind": "fixed", "texts": [given["prompt"]]}
    think = {} if given["think"] is None else {"think": given["think"]}
    if given["prompt_file"] is not None:
        return {"kind": "conversations" if think else "file", "file": given["prompt_file"], **think}
    # No prompt begins as another does: a cache of prefixes would answer for the model.
    made_up = {"input": given["input_tokens"] or INPUT_TOKENS, "unique": True}
    if given["turns"] is not None:
        return {"kind": "conversations", "turns": given["turns"], **made_up, **think}
    return {"kind": "synthetic", **made_up}


def asked_by(given: dict[str, Any]) -> dict[str, Any]:
    """The call as a step has it: empty where the next of the prompts is asked, else the question with its pictures and sounds."""
    if not (given["images"] or given["sounds"]):
        return {}
    from loadstone.plan.parts import audio, image

    for each in given["images"]:
        image(each)  # what cannot be read is told before anything is sent
    for each in given["sounds"]:
        audio(each)
    parts: list[dict[str, Any]] = [{"image": _source_of(each)} for each in given["images"]]
    parts += [{"audio": _whole_path(each)} for each in given["sounds"]]
    # A text from a flag is no template.
    return {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": given["prompt"].replace("${", "$${")}]}]}


def limited(given: dict[str, Any]) -> bool:
    """Does each question bring the limit of its answer?"""
    return given["output_tokens"] is not None or given["trace"] is not None


def _source_of(image: str) -> str:
    return image if image.startswith(("http://", "https://", "data:")) else _whole_path(image)


def _whole_path(file: str) -> str:
    return str(Path(file).resolve()) if file else file


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _flags(names: list[str]) -> str:
    return " and ".join(map(_flag, names))
