"""A run in one file, to be handed on: a gzipped tar of a manifest, plan, report and measurements, each with its checksum.

Nothing of a bundle is ever unpacked to a path that the bundle names: members are read by the names that we know, into memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from loadstone.errors import StoreError
from loadstone.measure.event import Event
from loadstone.measure.packing import unpack
from loadstone.store.rows import Packed, RunParts, RunRow
from loadstone.store.schema import work_hash_now

FORMAT = "loadstone.run/1"
SUFFIX = ".loadstone.tar.gz"
MANIFEST = "manifest.json"
MEMBERS = ("plan.json", "document.json", "totals.bin", "sections.bin", "timeline.bin", "seconds.bin", "events.json")
NEWER = frozenset({"timeline.bin"})  # bundles of older versions have none
MOST_BYTES = 1 << 30  # of one member: 65,536 seconds of 50 series take less
_STRETCH = struct.Struct("<qddQ")
_HINT = "a file that `loadstone runs export` wrote"


def write_bundle(row: RunRow, parts: RunParts) -> bytes:
    """The bundle; the same run gives the same bytes."""
    contents = {
        "plan.json": parts.plan_json.encode(),
        "document.json": parts.document,
        "totals.bin": parts.totals,
        "sections.bin": _stretches_to_bytes(parts.sections),
        "timeline.bin": _stretches_to_bytes(parts.timeline),
        "seconds.bin": _stretches_to_bytes(parts.seconds),
        "events.json": json.dumps(parts.events).encode(),
    }
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    run = {**asdict(row), "started_at": row.started_at.isoformat(), "tags": dict(row.tags)}
    manifest = {"format": FORMAT, "run": run, "sha256": checksums}
    whole = io.BytesIO()
    with gzip.GzipFile(fileobj=whole, mode="wb", mtime=0, compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in {MANIFEST: json.dumps(manifest, indent=1).encode(), **contents}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return whole.getvalue()


def read_bundle(path: Path) -> tuple[RunRow, RunParts]:
    """The run in a bundle; raises StoreError, with what does not fit, and then nothing of it is used."""
    where = str(path)
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
            contents = _members(tar, where)
        manifest = json.loads(contents.pop(MANIFEST))
        _check(manifest, contents, where)
        row = _row(manifest["run"])
        parts = RunParts(
            plan_json=contents["plan.json"].decode(),
            document=contents["document.json"],
            totals=contents["totals.bin"],
            sections=_stretches(contents["sections.bin"]),
            timeline=_stretches(contents.get("timeline.bin", b"")),
            seconds=_stretches(contents["seconds.bin"]),
            events=tuple(Event(*event) for event in json.loads(contents["events.json"])),
        )
        _readable(parts)
        row = replace(row, work_hash=work_hash_now(row.work_hash, parts.plan_json))
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror or error}", where=where, hint=_HINT) from None
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, struct.error, AttributeError) as error:
        raise StoreError(f"is no bundle of a run: {type(error).__name__}: {error}", where=where, hint=_HINT) from None
    return row, parts


def _members(tar: tarfile.TarFile, where: str) -> dict[str, bytes]:
    known = {MANIFEST, *MEMBERS}
    contents: dict[str, bytes] = {}
    for info in tar:
        if info.name not in known or not info.isreg() or info.name in contents:
            raise StoreError(f"holds {info.name[:80]!r}, which no bundle does", where=where, hint=_HINT)
        if info.size > MOST_BYTES:
            raise StoreError(f"{info.name} is {info.size} bytes; at most {MOST_BYTES} are read", where=where, hint=_HINT)
        opened = tar.extractfile(info)
        assert opened is not None
        contents[info.name] = opened.read()
    if missing := sorted(known - NEWER - contents.keys()):
        raise StoreError(f"lacks {', '.join(missing)}", where=where, hint="the whole file")
    return contents


def _check(manifest: Mapping[str, Any], contents: Mapping[str, bytes], where: str) -> None:
    if manifest["format"] != FORMAT:
        raise StoreError(f"is of format {str(manifest['format'])[:40]!r}; {FORMAT} is known", where=where, hint="a newer Loadstone")
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != manifest["sha256"][name]:
            raise StoreError(f"{name} is damaged: its checksum is another one", where=where, hint="copy or export it once more")


def _row(told: Mapping[str, Any]) -> RunRow:
    """The row of a manifest, each value of its type."""
    known = {each.name for each in fields(RunRow)}
    if told.keys() != known:
        raise ValueError(f"its run has other fields: {', '.join(sorted(told.keys() ^ known))}")
    row = RunRow(**{**told, "started_at": datetime.fromisoformat(told["started_at"])})
    for each in fields(RunRow):
        value = getattr(row, each.name)
        if each.type == "str" and not isinstance(value, str):
            raise ValueError(f"{each.name} is no text")
        if each.type in {"int", "float"} and not isinstance(value, (int, float)):
            raise ValueError(f"{each.name} is no number")
    if not row.id.isalnum() or len(row.id) > 32:
        raise ValueError("its id is none")
    if row.started_at.tzinfo is None:
        raise ValueError("its start has no time zone")
    if any(not isinstance(text, str) for pair in row.tags.items() for text in pair):
        raise ValueError("its tags are no texts")
    return row


def _readable(parts: RunParts) -> None:
    """Everything can be read now, rather than when a comparison wants it."""
    json.loads(parts.plan_json)
    if parts.document:
        json.loads(parts.document)
    for content in (
        *([parts.totals] if parts.totals else []),
        *(each.content for each in (*parts.sections, *parts.timeline, *parts.seconds)),
    ):
        unpack(content)


def _stretches_to_bytes(stretches: Sequence[Packed]) -> bytes:
    return b"".join(_STRETCH.pack(each.seq, each.start_s, each.end_s, len(each.content)) + each.content for each in stretches)


def _stretches(data: bytes) -> tuple[Packed, ...]:
    found, at = [], 0
    while at < len(data):
        seq, start_s, end_s, length = _STRETCH.unpack_from(data, at)
        at += _STRETCH.size
        if length > len(data) - at:
            raise ValueError("a stretch is cut off")
        found.append(Packed(seq, start_s, end_s, data[at : at + length]))
        at += length
    return tuple(found)
