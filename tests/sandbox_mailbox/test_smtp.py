"""The SMTP sink: what it keeps, and how it fails when told to (FT-23)."""

import smtplib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.mailboxes import MailboxProcess, start_mailbox
from tests.sandbox_mailbox.letters import HEBREW_SUBJECT, LINK, mail, post_mail


def test_a_hebrew_mail_in_two_parts_is_kept_whole(mailbox: MailboxProcess) -> None:
    """Subject, text, HTML, ids and links come out as they went in (X-04)."""
    html = f'<html dir="rtl"><body><a href="{LINK}">לצפייה</a> <a href="{LINK}/stop">הסרה</a></body></html>'
    refused = post_mail(mailbox, mail(html=html))

    [kept] = mailbox.messages()
    assert refused == {}
    assert kept["channel"] == "mail"
    assert kept["subject"] == HEBREW_SUBJECT
    assert kept["sender"] == "billing@hashachar-print.example"
    assert kept["recipient"] == "noa@galim.example"
    assert kept["message_id"] == "<reminder-1@hashachar-print.example>"
    assert kept["text"].startswith("שלום נועה,\n")
    assert kept["html"].strip() == html
    assert kept["links"] == [LINK, f"{LINK}/stop"]
    assert ["Subject", HEBREW_SUBJECT] in kept["headers"]


def test_the_table_is_readable_by_others_while_the_mailbox_runs(mailbox: MailboxProcess) -> None:
    """The independent checker reads table `message` with no code of ours: its columns are a promise."""
    message = mail(to="noa@galim.example, dan@galim.example")
    post_mail(mailbox, message)

    with closing(sqlite3.connect(f"file:{mailbox.db_path}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM message ORDER BY id").fetchall()
        mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    assert rows[0].keys() == [
        "id", "received_at", "channel", "sender", "recipient", "subject", "message_id", "text", "html", "raw",
    ]  # fmt: skip
    assert [row["recipient"] for row in rows] == ["noa@galim.example", "dan@galim.example"]
    assert datetime.fromisoformat(rows[0]["received_at"]).utcoffset() == timedelta(0)
    assert b"Message-ID: <reminder-1@hashachar-print.example>\r\n" in rows[0]["raw"]
    assert mode == "wal"


def test_bytes_that_no_parser_likes_are_kept_as_they_came(mailbox: MailboxProcess) -> None:
    raw = b"Subject: \xff\xfe broken =?utf-8?b?!!?=\r\nContent-Type: text/plain; charset=no-such\r\n"
    raw += b"\r\n\xe9\x00 end\r\n"
    with smtplib.SMTP(*mailbox.smtp_address, timeout=20) as line:
        line.sendmail("a@b.example", ["c@d.example"], raw)
        line.sendmail("", ["c@d.example"], b"")

    assert len(mailbox.messages()) == 2
    with closing(sqlite3.connect(mailbox.db_path)) as database:
        assert database.execute("SELECT raw FROM message ORDER BY id").fetchone()[0] == raw


def test_what_was_answered_250_survives_a_kill(tmp_path: Path) -> None:
    """The 250 comes after the commit; a restart keeps the mail and goes on with new ids."""
    mailbox = start_mailbox(tmp_path)
    post_mail(mailbox, mail())
    mailbox.process.kill()
    mailbox.process.wait()

    again = start_mailbox(tmp_path)
    try:
        post_mail(again, mail(message_id="<second@x.example>"))
        assert [(one["id"], one["message_id"]) for one in again.messages()] == [
            (1, "<reminder-1@hashachar-print.example>"),
            (2, "<second@x.example>"),
        ]
    finally:
        again.stop()
    assert again.process.returncode == 0
    assert "Traceback" not in (tmp_path / "mailbox.log").read_text()


def test_many_lines_at_once_lose_nothing(mailbox: MailboxProcess) -> None:
    def send(number: int) -> None:
        post_mail(mailbox, mail(message_id=f"<{number}@x.example>"))

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(send, range(40)))
    assert {one["message_id"] for one in mailbox.messages()} == {f"<{n}@x.example>" for n in range(40)}


def test_drop_after_data_keeps_the_mail_and_cuts_the_line(mailbox: MailboxProcess) -> None:
    """FT-23: accepted, then dropped after DATA; the next delivery goes well and is a second row."""
    mailbox.arm("drop_after_data")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        post_mail(mailbox, mail())
    assert len(mailbox.messages()) == 1

    post_mail(mailbox, mail())
    assert [one["message_id"] for one in mailbox.messages()] == ["<reminder-1@hashachar-print.example>"] * 2


def test_reject_421_keeps_nothing_and_hangs_up(mailbox: MailboxProcess) -> None:
    """FT-23: a deferral before DATA, for as many mails as were asked."""
    mailbox.arm("reject_421", 2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
            post_mail(mailbox, mail())
        assert refusal.value.smtp_code == 421
    assert mailbox.messages() == []

    post_mail(mailbox, mail())
    assert len(mailbox.messages()) == 1


def test_reject_421_closes_the_line_itself(mailbox: MailboxProcess) -> None:
    mailbox.arm("reject_421")
    with smtplib.SMTP(*mailbox.smtp_address, timeout=20) as line:
        line.ehlo()
        assert line.mail("a@b.example")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            line.noop()


def test_reject_550_refuses_the_recipient_for_good(mailbox: MailboxProcess) -> None:
    """FT-23: an unknown address bounces at once."""
    mailbox.arm("reject_550")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        post_mail(mailbox, mail())
    assert refusal.value.recipients["noa@galim.example"][0] == 550
    assert mailbox.messages() == []


def test_slow_outlasts_an_impatient_sender_who_then_does_not_know(mailbox: MailboxProcess) -> None:
    """FT-23: the sender gives up waiting, the mail is kept all the same."""
    mailbox.arm("slow", ms=60_000)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        post_mail(mailbox, mail(), timeout=0.5)
    assert len(mailbox.messages()) == 1
    assert mailbox.ask("GET", "/api/faults")["armed"] == []
