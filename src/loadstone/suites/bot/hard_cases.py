"""Queries that are hard to take: very long, malformed, of many scripts, or none at all."""

from typing import NamedTuple


class HardCase(NamedTuple):
    """What is sent in place of a question; `kind` groups reports."""

    kind: str
    name: str
    value: object


HARD_CASES = (
    HardCase("long", "1,200 words", "Find messages about " + "the quarterly invoice export and its timeout " * 200),
    HardCase("long", "one word of 15,000 letters", "a" * 15_000),
    HardCase("malformed", "SQL injection", "'; DROP TABLE messages; --"),
    HardCase("malformed", "SQL injection in a name", "What does @admin'/**/OR/**/1=1-- do here?"),
    HardCase("malformed", "script", "<script>alert('x')</script><img src=x onerror=alert(1)>"),
    HardCase("malformed", "null byte", "invoice\0refund"),
    HardCase("malformed", "format and path", "%s%n {0.__class__} ../../etc/passwd $(id)"),
    HardCase("unicode", "emoji", "Find messages about 🚀👩‍💻🇪🇺❤️"),
    HardCase("unicode", "mixed scripts", "Найди сообщения о refund 請求書 و الفاتورة"),
    HardCase("unicode", "right to left with overrides", "\u202eمرحبا\u202c invoice \u2067refund\u2069"),
    HardCase("unicode", "combining marks", "i\u0301n\u0303v\u0308o\u0302i\u0327ce " + "z\u0323\u0307" * 50),
    HardCase("unicode", "UTF-8 read as Latin-1", "Wo ist die Rechnung für Müller, 請求書?".encode().decode("latin-1")),
    HardCase("unicode", "composed beside decomposed, zero width, look-alikes", "caf\u00e9 cafe\u0301 in\u200bvoice \u0456nvo\u0456ce"),
    HardCase("unicode", "half a character", "invoice \ud83d refund"),
    HardCase("empty", "empty", ""),
    HardCase("empty", "blanks", " \t\n  "),
    HardCase("empty", "null", None),
    HardCase("empty", "a number", 42),
)
# What an answer shows only when something inside broke.
INSIDE = (
    "Traceback (most recent call",
    'File "/',
    "sqlite3.",
    "OperationalError",
    "psycopg",
    "syntax error at or near",
    "java.lang.",
    "at Object.<anonymous>",
)


def outcome(status: int, body: str) -> str:
    """What became of a hard case: answered, refused, failed, or leaked."""
    if any(sign in body for sign in INSIDE):
        return "leaked"
    return "answered" if 200 <= status < 300 else "refused" if 400 <= status < 500 else "failed"
