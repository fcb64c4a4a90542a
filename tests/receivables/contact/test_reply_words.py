"""What somebody wrote himself, apart from what his mail program put around it."""

from __future__ import annotations

import doctest

import pytest

from receivables.contact import reply_words
from receivables.contact.reply_words import asked_in, kept, kept_subject, own_words
from receivables.contact.stop_words import Asked

OURS = "\n> Northgate has not yet received £12.00\n> Opt out: stop"
INTRODUCTIONS = [
    "On Thu, 19 Nov 2026 at 10:00, Maya Thornton <accounts@northgate.example> wrote:",
    "On Thu, 19 Nov 2026 at 10:00, Maya Thornton, Northgate Paper\n<accounts@northgate.example> wrote:",
    "-----Original Message-----\nFrom: Maya",
    "________________________________\nFrom: Maya Thornton",
    "From: Maya Thornton <accounts@northgate.example>\nSent: 19 November 2026\nTo: Helen",
    "בתאריך יום ה׳, 19 בנוב׳ 2026 ב-10:00 מאת Maya Thornton <accounts@northgate.example>:",
    "מאת: Maya Thornton\nנשלח: יום חמישי\nאל: דנה",
    "чт, 19 нояб. 2026 г. в 10:00, Maya Thornton <accounts@northgate.example>:",
    "19 ноября 2026 г. Maya Thornton написал(а):",
    "От: Maya Thornton\nОтправлено: 19 ноября",
    "Maya Thornton <accounts@northgate.example> ezt írta (időpont: 2026. nov. 19., Cs, 10:00):",
    "Feladó: Maya Thornton\nElküldve: 2026. november 19.",
    "-- \nHelen Marsh\nTidewater Café",
]


def test_doctests() -> None:
    assert doctest.testmod(reply_words).failed == 0


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_what_is_answered_is_left_out(introduction: str) -> None:
    words = "Paid today, invoice 2026-1131.\nSee the slip."
    assert own_words(f"{words}\n\n{introduction}{OURS}\n") == words
    assert own_words(f"{words}\r\n\r\n{introduction}{OURS}\r\n") == words


def test_ordinary_lines_stay() -> None:
    text = "From: our side all is paid in 2026\nTo be clear: twice.\nOn Monday I wrote: see above - 2026"
    assert own_words(text) == text
    assert own_words("> all of it\n> is quoted") == ""


def test_what_is_kept() -> None:
    assert kept(" \n ") is None
    assert kept("a\u202eb\x00c 4242424242424242") == "abc •••• 4242"
    assert kept_subject("Re:\r\n 4242 4242 4242 4242 " + "x" * 500) == ("Re: •••• 4242 " + "x" * 500)[:200]
    assert kept_subject("  ") is None
    assert len(kept("ab " * 5000) or "") == 2000


@pytest.mark.parametrize(
    ("subject", "words", "asked"),
    [
        ("Re: Invoice 7", "stop", Asked.STOP),
        ("STOP", "", Asked.STOP),
        ("AW: Re: unsubscribe", "", Asked.STOP),
        ("Unsubscribe", "Kind regards, Helen", Asked.STOP_AND_ASK),
        ("Re: start", "", Asked.NOTHING),
        (None, "paid", Asked.NOTHING),
    ],
)
def test_the_subject_is_heard_last(subject: str | None, words: str, asked: Asked) -> None:
    assert asked_in(subject, words).asked is asked
