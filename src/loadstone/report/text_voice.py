"""The section on calls: what a caller heard when, each time with its two anchors, and what went wrong."""

from __future__ import annotations

from loadstone.measure.voice import CALIBRATION, TIMES
from loadstone.report.document import Count, Distribution, Document, Level
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.text_latency import TITLES, time_row
from loadstone.units import format_count, format_duration, format_rtf, format_share

LABEL = 14
SERVICES = (("recogniser", "stt"), ("synthesis", "tts"))


def voice(document: Document, sheet: Sheet) -> None:
    """Nothing, unless there was a call, or a speech service was asked."""
    calls = _count(document, "voice.calls")
    services = [(label, text) for label, way in SERVICES if (text := _service(document, way))]
    if not calls and services:
        sheet.heading("VOICE", "")
    if calls:
        _heard(document, sheet, calls)
    for label, text in services:
        _line(sheet, label, text, bad=_count(document, f"voice.{dict(SERVICES)[label]}_errors") > 0)


def _heard(document: Document, sheet: Sheet, calls: int) -> None:
    sheet.heading("VOICE", "ms")
    times = [(each, document.metrics.get(each.name)) for each in TIMES]
    heard = [(each, values) for each, values in times if isinstance(values, Distribution) and values.count]
    rows = [row for each, values in heard for row in time_row(each.name, values)]
    if rows:
        titles = ("count", *TITLES.values(), "max")
        sheet.table([Column("metric", left=True, flexible=True, middle=True), *(Column(title) for title in titles)], rows)
        for each, _ in heard:
            sheet.prose(f"{each.name.removeprefix('voice.')}: {each.anchors}", Style.DIM, indent="      ", first=Span("    "))
    for label, text, bad in (_calls(document, calls), _turns(document), _talking_over(document), _speech(document), _words(document)):
        _line(sheet, label, text, bad=bad)
    for label, text, bad in (_faults(document), _own(document)):
        _line(sheet, label, text, bad=bad)
    _line(sheet, "targets", _targets(document), bad=False)


Line = tuple[str, str, bool]


def _calls(document: Document, calls: int) -> Line:
    failed = _count(document, "voice.call_errors")
    up = document.metrics.get("voice.call_time")
    at_once = f"; {up.rate / 1e3:.3g} up at once, on average" if isinstance(up, Count) and up.rate else ""
    return "calls", f"{format_count(calls)}, {format_count(failed)} not set up or lost ({_share(failed, calls)}){at_once}", failed > 0


def _turns(document: Document) -> Line:
    turns, dead, cut = (_count(document, f"voice.{name}") for name in ("turns", "dead_turn", "early_cut"))
    if not turns:
        return "", "", False
    text = f"{format_count(turns)}, {format_count(dead)} never answered ({_share(dead, turns)})"
    return "turns", f"{text}, {format_count(cut)} cut off before the caller had finished ({_share(cut, turns)})", dead + cut > 0


def _talking_over(document: Document) -> Line:
    names = ("barge_ins", "missed_yield", "backchannels", "false_yield")
    barged, missed, sounds, yielded = (_count(document, f"voice.{name}") for name in names)
    parts = []
    if barged:
        parts.append(f"{format_count(barged)} interruptions, {format_count(missed)} ignored ({_share(missed, barged)})")
    if sounds:
        parts.append(f"{format_count(sounds)} sounds of attention, {format_count(yielded)} taken for one ({_share(yielded, sounds)})")
    return "over agent", " · ".join(parts), missed + yielded > 0


def _speech(document: Document) -> Line:
    spoken, dry = _seconds(document, "voice.speech_time"), _seconds(document, "voice.stall_time")
    stalls = document.metrics.get("voice.stall")
    if not spoken:
        return "", "", False
    count = stalls.count if isinstance(stalls, Distribution) else 0
    text = f"{format_duration(spoken)} of the agent's"
    gaps = f", {format_count(count)} stalls of {format_duration(dry)} in all ({format_share(dry / spoken)})" if count else ", no stall"
    bursts = _count(document, "voice.bursts")
    return "speech", f"{text}{gaps}{f'; in {format_count(bursts)} calls sent far ahead' if bursts else ''}", count > 0


def _words(document: Document) -> Line:
    words, wrong = _count(document, "voice.words"), _count(document, "voice.wer")
    return ("words", f"{format_count(wrong)} of {format_count(words)} wrong (WER {wrong / words:.3f})", False) if words else ("", "", False)


def _faults(document: Document) -> Line:
    faults, unknown = _count(document, "voice.faults"), _count(document, "voice.unknown_events")
    parts = [f"{format_count(count)} {what}" for count, what in ((faults, "faults, see errors"), (unknown, "unknown events")) if count]
    return "agent", ", ".join(parts), faults > 0


def _own(document: Document) -> Line:
    level = document.metrics.get(CALIBRATION)
    if not isinstance(level, Level) or level.max is None:
        return "caller", "not calibrated: no verdict on voice", True
    return "caller", f"calibrated against an oracle: off by {format_duration(level.max / 1e3)}", False


def _targets(document: Document) -> str:
    targets = document.voice_targets
    if targets is None:
        return ""
    gap, stop = format_duration(targets.response_gap_ms / 1e3), format_duration(targets.barge_stop_ms / 1e3)
    return f"rules of thumb, no gates: a response gap below {gap}; below {stop} to stop when interrupted"


def _service(document: Document, way: str) -> str:
    """What a speech service over HTTP cost beside the length of its sound; empty where none was asked."""
    asked, factor = _count(document, f"voice.{way}_requests"), document.metrics.get(f"voice.{way}_rtf")
    if not asked:
        return ""
    text = f"{format_count(asked)} requests, {format_count(_count(document, f'voice.{way}_errors'))} of them failed"
    if isinstance(factor, Distribution) and factor.mean is not None:
        return f"{text}; {format_rtf(factor.mean)} on average"
    return text


def _seconds(document: Document, name: str) -> float:
    values = document.metrics.get(name)
    return (values.count or 0) / 1e3 if isinstance(values, Count) else 0.0


def _share(count: int, of: int) -> str:
    return format_share(count / of) if of else "none"


def _count(document: Document, name: str) -> int:
    values = document.metrics.get(name)
    return values.count or 0 if isinstance(values, Count) else 0


def _line(sheet: Sheet, label: str, text: str, *, bad: bool) -> None:
    if text:
        style = Style.WARN if bad else Style.PLAIN
        sheet.prose(text, style, indent=" " * LABEL, first=Span(f"  {label}".ljust(LABEL)))
