"""A debtor's browser without pictures: follows links, sends forms with their CSRF token."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')


@dataclass
class Visitor:
    """One browser with its own cookies; remembers the CSRF token of the last page it saw."""

    app: Flask
    client: Client = field(init=False)
    csrf: str = ""

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._seen(self.client.get(path, **more))

    def post(self, path: str, fields: Any = None, **more: Any) -> TestResponse:
        """Send a form; `fields` is a dict or a list of pairs."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
        data: dict[str, list[str]] = {"csrf_token": [self.csrf]}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        return self._seen(self.client.post(path, data=data, **more))

    def open(self, token: str, query: str = "") -> TestResponse:
        """Follow a link of a message and press Continue."""
        self.get(f"/l/{token}{query}")
        answer = self.post(f"/l/{token}{query}")
        assert answer.status_code == 303, answer.text
        return self.get(answer.location)

    def _seen(self, answer: TestResponse) -> TestResponse:
        found = CSRF.search(answer.text) if answer.mimetype == "text/html" else None
        if found:
            self.csrf = found[1]
        return answer


def hidden(answer: TestResponse) -> list[tuple[str, str]]:
    """The hidden fields of a page's own form, without the CSRF token."""
    return [(n, html.unescape(v)) for n, v in HIDDEN.findall(answer.text) if n != "csrf_token"]


def words(answer: TestResponse) -> str:
    """What a page says, without tags and with single spaces, bidi marks left out."""
    body = re.sub(r"<(title|style)[^>]*>.*?</\1>", " ", answer.text, flags=re.S)
    text = html.unescape(
        re.sub(r"<[^>]+>", "", re.sub(r"<(/?(p|li|div|h\d|dt|dd|br|td|th|tr|label|small)\b)", r" <\1", body))
    )
    text = re.sub("[\u200e\u200f\u2066-\u2069]", "", text).replace("\u00a0", " ")
    return re.sub(r"\s+", " ", text).strip()


def complaint(answer: TestResponse) -> str:
    """What the summary on top of a refused form says is wrong, without its heading."""
    found = re.search(r'<div class="errors.*?<ul>(.*?)</ul>', answer.text, flags=re.S)
    assert found is not None, answer.text
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip()
