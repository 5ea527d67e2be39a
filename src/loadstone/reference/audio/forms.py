"""Reading `multipart/form-data` (RFC 7578): the fields of a form and the bytes of its files."""

from __future__ import annotations

from email.message import Message

from loadstone.reference.bodies import Refusal


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Each part by its name; the last of those with the same name. Raises Refusal 400 for what is no form."""
    boundary = _parameter(content_type, "content-type", "boundary")
    if not content_type.lower().startswith("multipart/form-data") or not boundary:
        raise Refusal(400, "the body must be a form: multipart/form-data with a boundary", code="invalid_form")
    mark = b"--" + boundary.encode("latin-1", "replace")
    # A first line break makes the first boundary like all others: whatever holds the mark inside a line is a file's own.
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Refusal(400, "the form breaks off before its last boundary", code="invalid_form")
    fields: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        name = _name(head.decode("utf-8", "replace"))
        if not gap or not name:
            raise Refusal(400, "a part of the form has no name", code="invalid_form")
        fields[name] = content
    return fields


def _name(head: str) -> str:
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            return _parameter(value.strip(), key, "name")
    return ""


def _parameter(value: str, header: str, name: str) -> str:
    message = Message()
    message[header] = value.replace("\r", " ").replace("\n", " ")
    found = message.get_param(name, header=header)
    return found if isinstance(found, str) else ""
