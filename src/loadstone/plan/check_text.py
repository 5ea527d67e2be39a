"""Checks as text: `json.items.length > 0`, `body contains hello`, `header content-type ~ json`, `response_time < 1s`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from loadstone.errors import UnitError
from loadstone.plan.reply import MISSING, Look, Reply, look
from loadstone.plan.wrong import Wrong
from loadstone.units import parse_duration

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_HOW = "SUBJECT exists, SUBJECT contains TEXT, SUBJECT ~ REGEX or SUBJECT == VALUE (also != < <= > >=)"
_FORM = re.compile(r"(?P<subject>.+?)\s*(?:(?P<exists>\bexists)|(?P<op>\bcontains\b|==|!=|<=|>=|<|>|=~|~)\s*(?P<operand>.+))\s*", re.DOTALL)


def _nothing(_reply: Reply) -> Any:
    return MISSING


def _is_there(_found: Any, _operand: Any) -> bool:
    return True


@dataclass(frozen=True)
class Check:
    """One statement about a reply. What the reply does not have fulfils nothing, not even `!=`."""

    text: str
    subject: str
    op: str
    operand: Any = None
    _look: Look = field(compare=False, repr=False, default=_nothing)
    _holds: Callable[[Any, Any], bool] = field(compare=False, repr=False, default=operator.is_)

    def evaluate(self, reply: Reply) -> bool:
        """Does it hold? Never raises: a reply of another shape is a check that does not hold."""
        found = self._look(reply)
        if found is MISSING:
            return False
        try:
            return bool(self._holds(found, self.operand))
        except TypeError:  # a text compared with a number
            return False


def parse_check(text: str) -> Check:
    """Read a check; raises Wrong."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise Wrong(f"cannot read the check {text!r}", hint=_HOW)
    subject, op = match["subject"], match["op"] or "exists"
    where = look(subject)
    if op == "exists":
        return Check(text, subject, op, None, where, _is_there)
    operand = match["operand"].strip()
    if op == "contains":
        return Check(text, subject, op, _unquoted(operand), where, _contains)
    if op in {"~", "=~"}:
        return Check(text, subject, "~", operand, where, _matcher(operand))
    value = _seconds(operand) if subject == "response_time" else _literal(operand)
    return Check(text, subject, op, value, where, _COMPARE[op])


def _contains(found: Any, wanted: str) -> bool:
    if isinstance(found, (list, dict)):
        return wanted in found or _literal(wanted) in found
    return wanted in str(found)


def _matcher(pattern: str) -> Callable[[Any, Any], bool]:
    try:
        search = re.compile(_unquoted(pattern)).search
    except re.error as error:
        raise Wrong(f"{pattern!r} is not a regular expression: {error}", hint="put a backslash before . ( ) [ ] * + ?") from None

    def matches(found: Any, _operand: Any) -> bool:
        return search(found if isinstance(found, str) else json.dumps(found)) is not None

    return matches


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except UnitError as error:
        raise Wrong(error.what, hint=error.hint) from None


def _literal(text: str) -> Any:
    """A JSON value, or the text as it stands: `== 3`, `== true`, `== "a b"`, `== ready`."""
    try:
        return json.loads(text)
    except ValueError:
        return _unquoted(text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
