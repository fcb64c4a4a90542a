"""Logs: no link, address, number or key survives, and what is worth reading does (decision 26, L-12)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import logs

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "Zm9vYmFyYmF6cXV4X2NhbmFyeS10b2tlbg"  # noqa: S105 - a canary

#: Canaries, and the part of each that must not be seen.
CANARIES = [
    (f"GET /l/{TOKEN} 200", TOKEN),
    (f"https://pay.northgate.example/x/{TOKEN}/one-click", TOKEN),
    (f"/r/{TOKEN}?left=1", TOKEN),
    (f"/s/{TOKEN}?left=1", TOKEN),
    (f"/desk/feeds/{TOKEN}.ics", TOKEN),
    (f"next=%2Fl%2F{TOKEN}&lang=he", TOKEN),
    ("to helen@tidewater.example today", "helen"),
    ("to Müller.Käthe+bills@tide-water.co.example.", "bills"),
    ("mailto%3Ahelen%40tidewater.example", "helen"),
    ("to Käthe@tidewater.example", "Kä"),
    ("דנה@מכולת.example", "דנה"),
    ("call +44 113 496 0142", "496 0142"),
    ("call +441134960142", "1134960142"),
    ("call +44 (0)113 496 0142 now", "496 0142"),
    ("call (0113) 496 0142", "496 0142"),
    ("call 050-1234567", "1234567"),
    ("06 30 987 6543", "987 6543"),
    ("card 4242 4242 4242 4242", "4242"),
    ("card 4242424242424242", "4242"),
    ("card 4242-4242-4242-4242,", "4242"),
    ("card 378282246310005", "3782"),
    ("key sk_live_51AbCdEf0123", "51AbCdEf"),
    ("key rk_test_51AbCdEf0123", "51AbCdEf"),
    ("whsec_AbCdEf0123456789", "AbCdEf"),
    ("Authorization: Bearer abcdefgh", "abcdefgh"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("{'Authorization': 'Bearer abcdefgh', 'Accept': '*/*'}", "abcdefgh"),
    ("Cookie: __Host-portal=first; __Host-desk=second", "second"),
    ("Stripe-Signature: t=1760000000,v1=5257a869e7", "5257a869e7"),
    ("smtp://user:pass@localhost:25", "pass"),
    ("postgresql://app:s3cret@db/amicable", "s3cret"),
    ("password=hunter22&code=1", "hunter22"),
    ('{"totp_secret": "JBSWY3DPEHPK3PXP"}', "JBSWY3DPEHPK3PXP"),
    ("csrf_token=IjEyMzQ1", "IjEyMzQ1"),
]

#: What somebody who reads a log needs.
READABLE = [
    "attempt:17 open -> succeeded",
    "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    "cs_test_a1b2c3d4e5",
    "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    "payment PC-2026-000123",
    "invoice 2026-11-000123 of account 10482",
    "2026-11-19T10:00:00+00:00",
    "2026-11-19 10:00:00",
    "141840 GBP",
    "1,418.40 and 12345678.90",
    "http_500 no_answer",
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "/invoices/abc/lines",
    "/webhooks/stripe/default",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "host-1:4711",
]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Lines that a logger of ours wrote, with our formatter."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("amicable.test_logs")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(logger, "propagate", False)
    yield lines
    logger.removeHandler(handler)


LOG = logging.getLogger("amicable.test_logs")


@pytest.mark.parametrize(("text", "secret"), CANARIES, ids=[t for t, _ in CANARIES])
class TestCanaries:
    """L-12: whatever way a secret takes into a log, it does not come out."""

    def test_in_the_message(self, stream: list[str], text: str, secret: str) -> None:
        LOG.info(text)
        assert_hidden(stream, secret)

    def test_in_an_argument(self, stream: list[str], text: str, secret: str) -> None:
        LOG.info("what: %s / %r", text, {"deep": text})
        assert_hidden(stream, secret)

    def test_after_a_line_break(self, stream: list[str], text: str, secret: str) -> None:
        """In JSON a line break is two letters, and those must hide nothing."""
        LOG.info("first line\n%s\n\t%s", text, text)
        assert_hidden(stream, secret)

    def test_in_facts(self, stream: list[str], text: str, secret: str) -> None:
        LOG.info("x", extra={"facts": {"a": text, "b": {"c": [text, (text,)]}, text: 1}})
        assert_hidden(stream, secret)

    def test_in_an_exception(self, stream: list[str], text: str, secret: str) -> None:
        try:
            raise ValueError(text) from KeyError(text)
        except ValueError:
            LOG.exception("x", stack_info=True)
        assert_hidden(stream, secret)


def assert_hidden(lines: list[str], secret: str) -> None:
    [line] = lines
    assert isinstance(json.loads(line), dict)
    # The test's own source is in its tracebacks; only what was logged counts.
    assert secret not in line


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_secret_stays(text: str) -> None:
    assert logs.mask(text) == text


def test_numbers_and_moments_stay(stream: list[str]) -> None:
    """Amounts are numbers, and numbers are never masked; the line stays JSON."""
    facts: dict[str, Any] = {
        "amount_minor": 123456789012345, "ms": 0.30000000000000004, "ok": True, "none": None,
        "at": "not mine", "when": datetime(2026, 11, 19, 10, 0, tzinfo=UTC),
    }  # fmt: skip
    LOG.warning("x", extra={"facts": facts})
    line = json.loads(stream[0])
    assert line["amount_minor"] == 123456789012345
    assert (line["ms"], line["ok"], line["none"]) == (0.30000000000000004, True, None)
    assert line["when"] == "2026-11-19T10:00:00+00:00"
    assert (line["level"], line["from"], line["message"]) == ("WARNING", "amicable.test_logs", "x")
    assert line["at"] != "not mine"


def test_a_process_that_dies_says_so_masked() -> None:
    """Last words, the web server's own errors and libraries' warnings go the same way (decision 26)."""
    program = f"""
import logging, sys
logging.getLogger("gunicorn.error").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("gunicorn.error").propagate = False
import logs
logs.configure()
logging.getLogger("gunicorn.error").error("Error handling request /l/{TOKEN}")
logging.getLogger("some.library").warning("sent to helen@tidewater.example")
logging.getLogger("stripe").info("not wanted")
raise RuntimeError("card 4242 4242 4242 4242 of helen@tidewater.example")
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["Error handling request /l/…", "sent to …@…", "unhandled"]
    assert "RuntimeError: card … of …@…" in lines[2]["error"]
