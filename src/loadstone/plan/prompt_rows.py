"""Prompts that stand in a file: rows found by their place in it, so that a large file costs 24 bytes a row at most."""

from __future__ import annotations

import csv
import json
import os
import random
import weakref
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from loadstone.errors import UsageError
from loadstone.plan.parts import beside
from loadstone.plan.prompts import Message
from loadstone.plan.words import count_tokens

Row = Mapping[str, Any]
TEXT_KEYS = ("prompt", "text_input", "question", "text")
LIMIT_KEYS = ("max_tokens", "output_length", "output_tokens")
FORM = '{"prompt": "…"}, {"messages": […]} or {"conversations": [{"from": "human", "value": "…"}]}'
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "system": "system"}


class RowFile:
    """The rows of JSON lines or CSV, read when they are asked for; raises UsageError with file and line."""

    def __init__(self, file: str, format_: str | None = None) -> None:
        self.file = file
        self.is_csv = (format_ or ("csv" if Path(file).suffix == ".csv" else "jsonl")) == "csv"
        try:
            self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"cannot read the prompts: {error.strerror}", where=file) from None
        weakref.finalize(self, os.close, self._descriptor)
        self._starts, self._lines = self._index()
        if not len(self):
            raise UsageError("has no rows", where=file, hint=FORM)

    def __len__(self) -> int:
        return len(self._starts) - 1 - self.is_csv

    def row(self, number: int) -> Row:
        """A row as a mapping."""
        at = number + self.is_csv
        return self._of_csv(at) if self.is_csv else self._of_json(at)

    def where(self, number: int) -> str:
        """`file:line` of a row."""
        return f"{self.file}:{self._lines[number + self.is_csv]}"

    @cached_property
    def columns(self) -> list[str]:
        """The names in a CSV file's header."""
        names = self._cells(0)
        if len(set(names)) < len(names):
            raise UsageError("two columns have the same name", where=f"{self.file}:1", hint="rename one of them")
        return names

    def _index(self) -> tuple[array[int], array[int]]:
        """Where each row begins, and one more: where the last ends; a cell of CSV in quotes may go over several lines."""
        starts, numbers, place, open_quote = array("q"), array("q"), 0, False
        with Path(self.file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not open_quote and line.strip():
                    starts.append(place)
                    numbers.append(number)
                if self.is_csv and line.count(b'"') % 2:
                    open_quote = not open_quote
                place += len(line)
        if open_quote:
            raise UsageError("a quote is not closed", where=f"{self.file}:{numbers[-1]}", hint="put texts with a quote in double quotes")
        if not starts:
            raise UsageError("has no rows", where=self.file, hint=FORM)
        starts.append(place)
        return starts, numbers

    def _between(self, at: int) -> bytes:
        return os.pread(self._descriptor, self._starts[at + 1] - self._starts[at], self._starts[at])

    def _text(self, data: bytes, line: int) -> str:
        try:
            return data.decode("utf-8-sig").strip("\r\n")
        except UnicodeDecodeError:
            raise UsageError("is not UTF-8 text", where=f"{self.file}:{line}", hint="save the file as UTF-8") from None

    def _of_json(self, at: int) -> Row:
        where = f"{self.file}:{self._lines[at]}"
        text = self._text(self._between(at), self._lines[at])
        try:
            row = json.loads(text)
        except ValueError as error:
            whole = text.lstrip().startswith("[")
            hint = "one object on each line: jq -c '.[]' FILE > FILE.jsonl" if whole else "one JSON object on each line"
            raise UsageError(f"is not JSON: {getattr(error, 'msg', error)}", where=where, hint=hint) from None
        if not isinstance(row, dict):
            raise UsageError("is not a JSON object", where=where, hint=FORM)
        return row

    def _cells(self, at: int) -> list[str]:
        text = self._text(self._between(at), self._lines[at])
        try:
            return next(csv.reader(text.splitlines(keepends=True), strict=True), [])
        except csv.Error as error:
            hint = "put texts with a quote in double quotes; very long ones belong into JSON lines"
            raise UsageError(f"is not CSV: {error}", where=f"{self.file}:{self._lines[at]}", hint=hint) from None

    def _of_csv(self, at: int) -> Row:
        cells = self._cells(at)
        if len(cells) != len(self.columns):
            what = f"has {len(cells)} cells, the header has {len(self.columns)}"
            raise UsageError(what, where=f"{self.file}:{self._lines[at]}", hint="put texts with a comma in double quotes")
        return dict(zip(self.columns, cells, strict=True))


def order_of(order: str, count: int, seed: int) -> Callable[[int], int]:
    """From a number without end to one of `count` rows, the same in every process."""
    if order == "random":
        return lambda number: random.Random(f"{seed}/row/{number}").randrange(count)
    if order == "shuffle":
        places = array("q", range(count))
        random.Random(f"{seed}/rows").shuffle(places)
        return lambda number: places[number % count]
    return lambda number: number % count


def messages_of(row: Row, where: str, column: str | None = None) -> tuple[Message, ...]:
    """Everything that is said in a row, recorded answers too; raises UsageError for a row of no known form."""
    if column is None and isinstance(row.get("messages"), list):
        return tuple(_message(each, where) for each in row["messages"])
    if column is None and isinstance(row.get("conversations"), list):
        return tuple(_of_sharegpt(each, where) for each in row["conversations"])
    keys = (column,) if column is not None else TEXT_KEYS
    key = next((key for key in keys if key in row), None)
    if key is None:
        wanted = f"no column {column!r}" if column else "no prompt"
        raise UsageError(f"{wanted}; it has {', '.join(map(str, row)) or 'nothing'}", where=where, hint=FORM)
    text = row[key]
    if not isinstance(text, str) or not text:
        raise UsageError(f"{key} is no text, or is empty", where=where, hint=FORM)
    return ({"role": "user", "content": text},)


def limit_of(row: Row, where: str) -> int | None:
    """The answer's limit as the row has it; for the ShareGPT form the length of the first recorded answer."""
    for key in LIMIT_KEYS:
        if (value := row.get(key)) is not None and value != "":
            return whole(value, where, key)
    return None


def whole(value: Any, where: str, key: str) -> int:
    """A whole number above 0; raises UsageError."""
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdigit() or int(text) < 1:
        raise UsageError(f"{key} {value!r} is not a whole number above 0", where=where, hint=f'"{key}": 128')
    return int(text)


def asked(messages: Sequence[Message]) -> tuple[tuple[Message, ...], int | None]:
    """The messages up to the first that a user says, and the length of the recorded answer to it."""
    first = next((at for at, message in enumerate(messages) if message["role"] == "user"), len(messages) - 1)
    answer = next((message["content"] for message in messages[first + 1 : first + 2] if message["role"] == "assistant"), None)
    return tuple(messages[: first + 1]), count_tokens(answer) or None if isinstance(answer, str) else None


def _message(value: Any, where: str) -> Message:
    if not isinstance(value, dict) or not isinstance(value.get("role"), str) or "content" not in value:
        raise UsageError("has a message without role and content", where=where, hint='{"role": "user", "content": "…"}')
    return dict(beside(value, Path(where.rpartition(":")[0]).parent))


def _of_sharegpt(value: Any, where: str) -> Message:
    role = _ROLES.get(str(value.get("from"))) if isinstance(value, dict) else None
    if role is None or not isinstance(value.get("value"), str):
        raise UsageError("has a part without from and value", where=where, hint='{"from": "human", "value": "…"}; also gpt and system')
    return {"role": role, "content": value["value"]}
