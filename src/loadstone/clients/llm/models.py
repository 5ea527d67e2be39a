"""Asks a server which models it has, once, before there is any load."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from loadstone.clients.address import split_url
from loadstone.clients.llm.client import DIALECTS
from loadstone.clients.llm.dialect import Call, said_by
from loadstone.clients.reach import check_reachable
from loadstone.errors import LoadstoneError, UsageError
from loadstone.plan.http import from_environment

PATIENCE_S = 10.0
MOST_NAMED = 8


class Server:
    """The server at a target, as far as its models go.

    headers, bearer: may name variables of the environment
    """

    def __init__(self, target: str, headers: Mapping[str, str], bearer: str, *, verify: bool = True) -> None:
        self._target, self._verify = target, verify
        self._origin, self._base = split_url(target)
        try:
            self._headers = {name: from_environment(value) for name, value in headers.items()}
            if bearer:
                self._headers["Authorization"] = f"Bearer {from_environment(bearer)}"
        except KeyError as missing:
            raise LoadstoneError(f"the environment has no {missing.args[0]}", where="http", hint=f"export {missing.args[0]}=…") from None

    def only_model(self) -> str:
        """The one model that it has; raises UsageError when it has several, or does not say."""
        check_reachable(self._origin)
        models = self.models()
        if models is not None and len(models) == 1:
            return models[0]
        what = f"the server has {len(models)} models" if models else "the server does not say which models it has"
        raise UsageError(what, where="flag --model", hint=f"--model {_listed(models) if models else 'NAME'}")

    def known(self, model: str, dialect: str) -> str:
        """The model, unless the server refuses it; raises UsageError with the server's words.

        A list of models can lack names that the server knows, so that one that is not in it is asked one token.
        """
        check_reachable(self._origin)
        models = self.models()
        if models is not None and model in models:
            return model
        if models is None:  # it does not say, so that the load itself must find out
            return model
        messages = [{"role": "user", "content": "Hello"}]
        call = Call(model=model, messages=messages, texts=() if dialect != "completions" else ("Hello",), stream=False, max_tokens=16)
        status, body = self._ask("POST", DIALECTS[dialect].path, json.dumps(DIALECTS[dialect].body(call)).encode())
        if status in {400, 404, 422}:
            what = f"the server refuses the model {model!r}: status {status}: {said_by(body) or '(no words)'}"
            raise UsageError(what, where="flag --model", hint=_listed(models) or "a model of the server")
        return model

    def models(self) -> list[str] | None:
        """The names of its models; None when it does not say."""
        status, body = self._ask("GET", "/v1/models")
        if status != 200:
            return None
        try:
            return [str(entry["id"]) for entry in json.loads(body)["data"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body; (0, b"") when no answer came, of which the load will tell more."""
        origin = self._origin
        connection: http.client.HTTPConnection
        if origin.scheme == "https":
            context = ssl.create_default_context() if self._verify else ssl._create_unverified_context()  # noqa: S323, SLF001  --insecure
            connection = http.client.HTTPSConnection(origin.host, origin.port, timeout=PATIENCE_S, context=context)
        else:
            connection = http.client.HTTPConnection(origin.host, origin.port, timeout=PATIENCE_S)
        headers: dict[str, Any] = {"User-Agent": "loadstone", "Content-Type": "application/json", **self._headers}
        try:
            connection.request(method, self._base.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(1_000_000)
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


def _listed(models: Sequence[str]) -> str:
    more = f" … ({len(models)} in all)" if len(models) > MOST_NAMED else ""
    return ", ".join(models[:MOST_NAMED]) + more
