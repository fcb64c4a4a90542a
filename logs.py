"""Logs: one JSON line an event, with links, addresses, numbers and keys masked (decision 26, L-12)."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import date
from types import TracebackType
from typing import Any

_NAME = r"[^\s@<>\"'(),;:\[\]{}|=/\\&?]+"
_GAP = r"[ \u00a0\u202f()\-]{0,2}"
_MASKS = (
    # links, opt-outs, return ids, card pages, calendar feeds, ways in to the desk and one-tap answers, also
    # where a path is part of a query
    (re.compile(r"(?i)(/|%2f)(l|x|r|s|feeds|in|answer)(/|%2f)[a-z0-9_\-]{6,}"), r"\1\2\3…"),
    # whole header values, as text or as the repr of a dict
    (
        re.compile(r"(?i)\b(authorization|cookie|stripe-signature)(['\"]?\s*[:=]\s*)(?:b?['\"])?[^'\"\r\n]+"),
        r"\1\2…",
    ),
    (re.compile(r"(?i)([a-z_]*(?:password|secret|token)['\"]?\s*[:=]\s*(?:b?['\"])?)[^\s,;&'\"]+"), r"\1…"),
    (re.compile(r"\b(sk|rk|pk|whsec)_[A-Za-z0-9_]{6,}"), r"\1_…"),
    # user and password of an address
    (re.compile(r"://[^\s/@'\"]+@"), "://…@"),
    # e-mail addresses in any script
    (re.compile(rf"{_NAME}(?:@|%40){_NAME}\.[^\W\d_]{{2,}}"), "…@…"),
    # phone- and card-like numbers; a day or a document number of ours begins with its year
    (
        re.compile(
            r"(?<![\w-])(?!(?:19|20)\d\d-\d)"
            rf"(?:\+\(?\d(?:{_GAP}\d){{6,18}}|\(?\d(?:{_GAP}\d){{9,18}})(?![\w-])"
        ),
        "…",
    ),
)


def mask(text: str) -> str:
    """Return a text without link tokens, keys, e-mail addresses, phone- and card-like numbers.

    >>> mask("GET /l/Zm9vYmFyYmF6 for dana@acme.example")
    'GET /l/… for …@…'
    """
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


class JsonLines(logging.Formatter):
    """One JSON object a line; every text in it is masked, numbers and names of ours stay."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            **getattr(record, "facts", {}),
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        # Masked before they become JSON: there a line break is two letters that hide what follows.
        return json.dumps(_masked(line), ensure_ascii=False)


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(part) for part in value]
    return value.isoformat() if isinstance(value, date) else mask(str(value))


def configure(level: int = logging.INFO) -> None:
    """Send every log, the web server's errors and last words too, to standard error as masked JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # gunicorn writes the paths of failed requests, and those hold tokens.
    server = logging.getLogger("gunicorn.error")
    server.handlers[:], server.propagate = [], True
    logging.getLogger("stripe").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    sys.excepthook = _last_words


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("amicable").critical("unhandled", exc_info=(kind, error, trace))
