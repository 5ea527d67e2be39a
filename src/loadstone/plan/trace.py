"""Recorded request traces: when requests came, and how many tokens went in and out.

Read are the columns of three public collections, told apart by the file itself:
- Azure LLM inference traces 2023 and 2024: CSV, `TIMESTAMP, ContextTokens, GeneratedTokens`, dates
- BurstGPT: CSV, `Timestamp, Model, Request tokens, Response tokens, Total tokens, Log Type`, seconds
- Mooncake: JSON lines, `timestamp` in ms, `input_length`, `output_length`, `hash_ids` (one for each 512 tokens of prefix)
"""

from __future__ import annotations

import csv
import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import UsageError

NS_PER_S = 1_000_000_000
BLOCK_TOKENS = 512  # tokens that one hash id stands for

_TIMES = ("timestamp", "arrivedat", "arrivaltime")
_INPUTS = ("contexttokens", "requesttokens", "inputlength", "inputtokens", "prompttokens")
_OUTPUTS = ("generatedtokens", "responsetokens", "outputlength", "outputtokens", "completiontokens")
_COLUMNS = "TIMESTAMP, ContextTokens, GeneratedTokens"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A trace in columns, 24 bytes a row, in order of time.

    due_ns: since the first row
    place:  where a row's line starts in the file, in bytes; only JSON lines have more in them than these columns
    """

    file: str
    due_ns: NDArray[np.int64]
    input_tokens: NDArray[np.int32]
    output_tokens: NDArray[np.int32]
    place: NDArray[np.int64]
    has_blocks: bool

    def __len__(self) -> int:
        return len(self.due_ns)

    def blocks(self, row: int) -> tuple[int, ...]:
        """The ids of the prefix blocks of a row: equal ids are equal text; () when the trace has none."""
        if not self.has_blocks:
            return ()
        with Path(self.file).open("rb") as lines:
            lines.seek(int(self.place[row]))
            ids = json.loads(lines.readline()).get("hash_ids") or ()
        return tuple(int(each) for each in ids)


class _Row(NamedTuple):
    due_ns: int
    input_tokens: int
    output_tokens: int
    place: int


def read_trace(file: str, limit: int | None = None) -> Trace:
    """The first `limit` rows of a trace (all without it); raises UsageError with file and line."""
    try:
        state = Path(file).stat()
    except OSError as error:
        raise UsageError(f"cannot read the trace: {error.strerror}", where=file) from None
    return _read(file, limit, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(file: str, limit: int | None, _changed_ns: int, _size: int) -> Trace:
    times, places, tokens = array("q"), array("q"), array("i")
    try:
        with Path(file).open("rb") as lines:
            is_json = _first_byte(lines) == b"{"
            for row in _json_rows(file, lines) if is_json else _csv_rows(file, lines):
                times.append(row.due_ns)
                places.append(row.place)
                tokens.extend((row.input_tokens, row.output_tokens))
                if len(times) == limit:
                    break
    except OSError as error:
        raise UsageError(f"cannot read the trace: {error.strerror}", where=file) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 text (byte {error.start})", where=file, hint="save the file as UTF-8") from None
    if not times:
        raise UsageError("has no rows", where=file, hint=_COLUMNS)
    due_ns = np.array(times, dtype=np.int64)
    order = np.argsort(due_ns, kind="stable")
    pairs = np.array(tokens, dtype=np.int32).reshape(-1, 2)[order]
    due_ns = due_ns[order]
    return Trace(file, due_ns - due_ns[0], pairs[:, 0], pairs[:, 1], np.array(places, dtype=np.int64)[order], is_json)


def _first_byte(lines: BinaryIO) -> bytes:
    first = lines.read(256).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    lines.seek(0)
    return first


def _json_rows(file: str, lines: BinaryIO) -> Iterator[_Row]:
    place = 0
    for number, line in enumerate(lines, 1):
        here, place = place, place + len(line)
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            row: Any = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            raise UsageError("is not JSON", where=where, hint="one JSON object on each line") from None
        try:
            wanted = row["timestamp"], row["input_length"], row["output_length"]
        except (KeyError, TypeError):
            raise UsageError("is no row of a trace", where=where, hint='{"timestamp": 0, "input_length": 9, "output_length": 9}') from None
        given, said = (_tokens(each, where) for each in wanted[1:])
        yield _Row(round(_number(wanted[0], where, "timestamp") * 1e6), given, said, here)


def _csv_rows(file: str, lines: BinaryIO) -> Iterator[_Row]:
    reader = csv.reader((line.decode() for line in lines), strict=True)
    try:
        names = [name.removeprefix("\ufeff").strip().lower().replace(" ", "").replace("_", "") for name in next(reader, [])]
        at = [next((names.index(known) for known in columns if known in names), None) for columns in (_TIMES, _INPUTS, _OUTPUTS)]
        for column, what in zip(at, ("of times", "of input tokens", "of output tokens"), strict=True):
            if column is None:
                raise UsageError(f"has no column {what}; it has {', '.join(names) or 'none'}", where=f"{file}:1", hint=_COLUMNS)
        time, given, said = (column or 0 for column in at)
        for cells in reader:
            where = f"{file}:{reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(names):
                raise UsageError(f"has {len(cells)} cells, the header has {len(names)}", where=where)
            yield _Row(_time_ns(cells[time], where), _tokens(cells[given], where), _tokens(cells[said], where), -1)
    except csv.Error as error:
        raise UsageError(f"is not CSV: {error}", where=f"{file}:{reader.line_num}") from None


def _time_ns(text: str, where: str) -> int:
    """A date with or without zone, or seconds."""
    try:
        return round(float(text) * NS_PER_S)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is not a time", where=where, hint="2023-11-16 18:17:03.979960, or seconds") from None
    whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * NS_PER_S + whole.microseconds * 1000


def _number(value: Any, where: str, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{what} {value!r} is not a number", where=where)
    return number


def _tokens(value: Any, where: str) -> int:
    count = _number(value, where, "the number of tokens")
    if not 0 <= count < 2**31 or count != int(count):
        raise UsageError(f"{value!r} is not a number of tokens", where=where)
    return int(count)
