"""Logs: one JSON line an event, with links, addresses, numbers and keys masked (decision 26, L-12)."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

_MASKS = (
    (re.compile(r"/(l|x|r)/[A-Za-z0-9_\-]{6,}"), r"/\1/…"),
    (re.compile(r"(?i)(authorization|cookie|stripe-signature)(['\"]?\s*[:=]\s*)[^\s,;'\"]+"), r"\1\2…"),
    (re.compile(r"\b(sk|rk|pk|whsec)_[A-Za-z0-9_]{6,}"), r"\1_…"),
    (re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}"), "…@…"),
    (re.compile(r"(?<![\w-])\+?\d(?:[ -]?\d){9,18}(?![\w-])"), "…"),
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
    """One JSON object a line; every string in it is masked."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "from": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # Stable names of our own may look like long numbers; what a person typed never may stand.
        return mask(json.dumps(line, ensure_ascii=False, default=str))


def configure(level: int = logging.INFO) -> None:
    """Send every log to standard error as masked JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("stripe").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
