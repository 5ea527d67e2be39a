"""The block about WebSockets: connections, messages each way, drops by code, pings, reconnects, and the ledger of a fan-out."""

from __future__ import annotations

from loadstone.report.document import Count, Distribution, Document, Level
from loadstone.report.sheet import Sheet, Span, Style
from loadstone.units import format_count, format_duration, format_rate, format_share, format_size

LABEL = 12


def websockets(document: Document, sheet: Sheet) -> None:
    """Nothing, unless a WebSocket was asked for."""
    if not any(_count(document, f"ws.{name}") for name in ("connects", "messages_out", "messages_in")):
        return
    sheet.heading("WEBSOCKET")
    for label, text, bad in (_connections(document), _ends(document), _messages(document), _pings(document), _returns(document)):
        _line(sheet, label, text, bad=bad)
    for label, text, bad in (_ledger(document), _limit(document), _memory(document)):
        _line(sheet, label, text, bad=bad)


Line = tuple[str, str, bool]


def _connections(document: Document) -> Line:
    asked, failed = _count(document, "ws.connects"), _count(document, "ws.connect_failures")
    if not asked:
        return "connections", "all opened before the judged part", False
    text = f"{format_count(asked - failed)} of {format_count(asked)} opened ({format_share((asked - failed) / asked)})"
    opening = _times(document, "ws.open_time")
    return "connections", f"{text}{f', in {opening}' if opening else ''}", failed > 0


def _ends(document: Document) -> Line:
    drops = _count(document, "ws.drops")
    abnormal = sum(error.count for error in document.errors if error.kind == "1006")
    if not drops:
        return "dropped", "none", False
    return "dropped", f"{format_count(drops)} that we had not closed, {format_count(abnormal)} of them without a close frame (1006)", True


def _messages(document: Document) -> Line:
    parts = []
    for way in ("out", "in"):
        messages, size = document.metrics.get(f"ws.messages_{way}"), document.metrics.get(f"ws.bytes_{way}")
        if isinstance(messages, Count) and messages.count:
            volume = f", {format_size(size.count)}" if isinstance(size, Count) and size.count else ""
            rate = f" ({format_rate(messages.rate)}{volume})" if messages.rate is not None else ""
            parts.append(f"{format_count(messages.count)} {way}{rate}")
    lost = [
        f"{format_count(count)} {what}"
        for metric, what in (
            ("ws.messages_lost", "lost with their connection"),
            ("ws.unsent", "due while it was away"),
            ("ws.unread", "dropped unread"),
        )
        if (count := _count(document, metric))
    ]
    return "messages", " · ".join([*parts, *lost]), bool(lost)


def _pings(document: Document) -> Line:
    pings, missed = _count(document, "ws.pings"), _count(document, "ws.missed_pongs")
    if not pings:
        return "", "", False
    times = _times(document, "ws.pong_time")
    return "pings", f"{format_count(pings)}, {format_count(missed)} unanswered{f', pong after {times}' if times else ''}", missed > 0


def _returns(document: Document) -> Line:
    back, gone = _count(document, "ws.reconnects"), _count(document, "ws.not_reconnected")
    if not back + gone:
        return "", "", False
    values = document.metrics.get("ws.reconnect_time")
    share = format_share(back / (back + gone))
    within = ""
    if isinstance(values, Distribution) and values.p95 is not None:
        within = f", 95% within {format_duration(values.p95 / 1e3)}"
    return "came back", f"{format_count(back)} of {format_count(back + gone)} ({share}){within}", gone > 0


def _ledger(document: Document) -> Line:
    received = _count(document, "ws.deliveries")
    wrong = {
        what: _count(document, f"ws.{metric}")
        for metric, what in (("missing", "missing"), ("duplicates", "double"), ("out_of_order", "out of order"))
    }
    if not received + sum(wrong.values()):
        return "", "", False
    text = ", ".join(f"{format_count(count)} {what}" for what, count in wrong.items())
    first, last = _times(document, "ws.first_delivery_time"), _times(document, "ws.last_delivery_time")
    delays = f"; first subscriber after {first}, last after {last}" if first and last else ""
    return "fan-out", f"{format_count(received)} deliveries, {text}{delays}", any(wrong.values())


def _limit(document: Document) -> Line:
    level = document.metrics.get("ws.connection_limit")
    if not isinstance(level, Level) or level.last is None:
        return "", "", False
    most = format_count(round(level.last))
    if _count(document, "ws.connect_failures") + _count(document, "ws.drops"):
        return "limit", f"{most} connections were open when the next was refused", False
    return "limit", f"none up to {most} connections, which is as many as were tried", False


def _memory(document: Document) -> Line:
    parts = []
    for stage in ("idle", "used", "closed"):
        level = document.metrics.get(f"ws.server_memory_{stage}")
        if isinstance(level, Level) and level.last is not None:
            parts.append(f"{format_size(round(level.last))} {stage}")
    return ("server RAM", f"for each connection: {', '.join(parts)}", False) if parts else ("", "", False)


def _times(document: Document, metric: str) -> str:
    values = document.metrics.get(metric)
    if not isinstance(values, Distribution) or values.p50 is None:
        return ""
    tail = f" (p95 {format_duration(values.p95 / 1e3)})" if values.p95 is not None else ""
    return f"{format_duration(values.p50 / 1e3)}{tail}"


def _count(document: Document, metric: str) -> int:
    values = document.metrics.get(metric)
    return values.count or 0 if isinstance(values, Count) else 0


def _line(sheet: Sheet, label: str, text: str, *, bad: bool) -> None:
    if text:
        sheet.prose(
            text, Style.WARN if bad else Style.PLAIN, indent=" " * (LABEL + 2), first=Span(f"  {label}".ljust(LABEL + 2)[: LABEL + 2])
        )
