"""Mail by SMTP: how a letter is made up, and the four ways of handing it over (P-26, X-04, FT-23)."""

from __future__ import annotations

import email
import gc
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from gateways.mail import SmtpMail
from gateways.mime import compose
from receivables.ports import Attachment, Mail, SendDeferred, SendRefused, SendUnknown
from tests.mailboxes import MailboxProcess

LETTER = Mail(
    to="helen@tidewater.example",
    to_name="Helen Marsh",
    from_name="Maya Thornton, Northgate Paper & Print Ltd",
    from_address="accounts@northgate.example",
    reply_to=None,
    subject="2 invoices, £1,418.40",
    text="Hello Helen,\n.a line that begins with a dot\nשלום\n",
    html="<p>Hello <b>Helen</b></p>",
    message_id="<0123456789abcdef@northgate.example>",
    sent_at=datetime(2026, 11, 19, 10, 0, tzinfo=UTC),
    headers={"List-Unsubscribe": "<https://pay.northgate.example/x/abcdef/one-click>"},
)


def send(mailbox: MailboxProcess, mail: Mail = LETTER, timeout: float = 20.0) -> None:
    SmtpMail(mailbox.smtp_url, timeout=timeout).send(mail)


def read(mail: Mail) -> EmailMessage:
    """What a reader's program makes of the mail."""
    return email.message_from_bytes(compose(mail), policy=default)


class TestLetter:
    def test_what_arrives_is_what_was_written(self, mailbox: MailboxProcess) -> None:
        """Decision 19: our Message-ID, both parts, and no more than one To."""
        send(mailbox)
        [letter] = mailbox.messages()
        assert (letter["sender"], letter["recipient"]) == (LETTER.from_address, LETTER.to)
        assert (letter["subject"], letter["message_id"]) == (LETTER.subject, LETTER.message_id)
        assert letter["text"].split() == LETTER.text.split()
        assert letter["html"].strip() == LETTER.html
        headers = dict(letter["headers"])
        assert headers["List-Unsubscribe"] == LETTER.headers["List-Unsubscribe"]
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["Date"] == "Thu, 19 Nov 2026 10:00:00 +0000"
        assert headers["To"] == "Helen Marsh <helen@tidewater.example>"

    @pytest.mark.parametrize("length", [1, 40, 200])
    def test_a_long_way_out_stays_whole(self, length: int) -> None:
        """RFC 8058: the address in List-Unsubscribe is neither folded nor encoded on the wire."""
        way_out = f"<https://{'n' * length}.example/x/{'a' * 22}/one-click>"
        with relay() as (url, seen):
            SmtpMail(url).send(replace(LETTER, headers={"List-Unsubscribe": way_out}))
        assert f"List-Unsubscribe: {way_out}" in seen

    @pytest.mark.parametrize("name", ["דנה כהן", "Лена", 'O\'Brien, "Bob"', '"><img src=x onerror=alert(1)>'])
    def test_names_of_all_kinds_are_one_name(self, mailbox: MailboxProcess, name: str) -> None:
        """X-04: a name is text, whatever is in it."""
        message = read(replace(LETTER, to_name=name))
        assert [a.display_name for a in message["To"].addresses] == [name]
        send(mailbox, replace(LETTER, to_name=name))
        assert [letter["recipient"] for letter in mailbox.messages()] == [LETTER.to]

    @pytest.mark.parametrize("field", ["to_name", "from_name", "subject", "message_id", "reply_to", "to"])
    @pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
    def test_a_line_break_never_makes_a_header(self, mailbox: MailboxProcess, field: str, end: str) -> None:
        """X-04: `a\\r\\nBcc:` in any header refuses the mail; nobody else gets one."""
        change: dict[str, Any] = {field: f"a{end}Bcc: eve@evil.example"}
        spoilt = replace(LETTER, **change)
        with pytest.raises(SendRefused):
            send(mailbox, spoilt)
        assert mailbox.messages() == []

    def test_a_line_break_in_a_further_header(self, mailbox: MailboxProcess) -> None:
        with pytest.raises(SendRefused):
            send(mailbox, replace(LETTER, headers={"List-Unsubscribe": "x\r\nBcc: eve@evil.example"}))
        assert mailbox.messages() == []

    @pytest.mark.parametrize(
        "address",
        ["", "helen", "helen@", "@tidewater.example", "a@b@c", "a b@c.example", "a@b.example,c@d.example"],
    )
    def test_a_malformed_address_is_refused(self, mailbox: MailboxProcess, address: str) -> None:
        """Refused for good and by name, never a trace in the worker."""
        with pytest.raises(SendRefused):
            send(mailbox, replace(LETTER, to=address))
        assert mailbox.messages() == []

    @pytest.mark.parametrize("address", ["käthe@tidewater.example", "helen@bücher.example"])
    def test_an_address_beyond_ascii_is_refused(self, mailbox: MailboxProcess, address: str) -> None:
        """By name, and before the relay is asked."""
        with pytest.raises(SendRefused, match="ASCII"):
            send(mailbox, replace(LETTER, to=address))


class TestOutcomes:
    """P-26: what the outbox may conclude from each end of the conversation."""

    def test_refused_for_good(self, mailbox: MailboxProcess) -> None:
        mailbox.arm("reject_550")
        with pytest.raises(SendRefused, match=r"550 5\.1\.1"):
            send(mailbox)

    def test_deferred(self, mailbox: MailboxProcess) -> None:
        mailbox.arm("reject_421")
        with pytest.raises(SendDeferred, match="421"):
            send(mailbox)
        assert mailbox.messages() == []

    def test_dropped_after_the_text_is_unknown(self, mailbox: MailboxProcess) -> None:
        mailbox.arm("drop_after_data")
        with pytest.raises(SendUnknown):
            send(mailbox)
        assert len(mailbox.messages()) == 1

    def test_an_answer_that_comes_too_late_is_unknown(self, mailbox: MailboxProcess) -> None:
        """FT-23: a slow relay has taken the mail."""
        mailbox.arm("slow", ms=1500)
        with pytest.raises(SendUnknown):
            send(mailbox, timeout=0.4)
        assert len(mailbox.messages()) == 1

    def test_nobody_there(self) -> None:
        with pytest.raises(SendDeferred):
            SmtpMail("smtp://127.0.0.1:9").send(LETTER)

    @pytest.mark.parametrize(
        ("replies", "outcome"),
        [
            ({"": "554 go away"}, SendDeferred),
            ({"MAIL": "451 later"}, SendDeferred),
            ({"MAIL": "550 blocked"}, SendRefused),
            ({"RCPT": "452 full"}, SendDeferred),
            ({"RCPT": "553 no"}, SendRefused),
            ({"RCPT": None}, SendDeferred),
            ({"DATA": "451 later"}, SendDeferred),
            ({"DATA": "554 no"}, SendRefused),
            ({".": "451 greylisted"}, SendDeferred),
            ({".": "552 too big"}, SendRefused),
            ({".": None}, SendUnknown),
        ],
    )
    def test_each_step(self, replies: dict[str, str | None], outcome: type[Exception]) -> None:
        """4xx is for now, 5xx for good, a cut line is unknown only once the text was sent."""
        with relay(replies) as (url, _), pytest.raises(outcome) as said:
            SmtpMail(url).send(LETTER)
        assert type(said.value) is outcome

    def test_a_forwarding_relay_has_taken_it(self) -> None:
        with relay({"RCPT": "251 will forward"}) as (url, seen):
            SmtpMail(url).send(LETTER)
        assert ".." + "a line that begins with a dot" in "\n".join(seen)

    def test_a_log_in_that_fails_defers_and_hangs_up(self) -> None:
        """Wrong keys are ours to mend: the mail waits, and no line stays open."""
        with relay() as (url, seen):
            with pytest.raises(SendDeferred):
                SmtpMail(url.replace("//", "//user:pass%40word@")).send(LETTER)
            gc.collect()  # an open socket would warn, and warnings are errors here
        assert not any("MAIL" in line for line in seen)

    def test_tls_is_not_optional_where_it_was_asked_for(self) -> None:
        """smtps:// at a relay that speaks plain text: nothing is sent."""
        with relay() as (url, seen):
            with pytest.raises(SendDeferred):
                SmtpMail(url.replace("smtp://", "smtps://"), timeout=1).send(LETTER)
            gc.collect()
        assert not any("MAIL" in line for line in seen)


class TestLines:
    """One line for many mails: what a relay says of the line is not said of the mail."""

    def test_mails_share_a_line(self) -> None:
        """Issue C: one SMTP connection for a lease."""
        with relay() as (url, seen):
            carrier = SmtpMail(url)
            for number in range(3):
                carrier.send(replace(LETTER, message_id=f"<{number}@northgate.example>"))
            del carrier
            gc.collect()  # an open socket would warn, and warnings are errors here
        assert sum(line.startswith("ehlo") for line in seen) == 1
        assert sum(line.startswith("Message-ID:") for line in seen) == 3

    @pytest.mark.parametrize("tired", ["421 too many", None])
    def test_a_relay_that_is_tired_of_the_line(self, tired: str | None) -> None:
        """The third mail opens a new line; it was not refused, and nothing is sent twice."""
        with relay(mails=2, tired=tired) as (url, seen):
            carrier = SmtpMail(url)
            for number in range(4):
                carrier.send(replace(LETTER, message_id=f"<{number}@northgate.example>"))
            del carrier
            gc.collect()
        ids = [line for line in seen if line.startswith("Message-ID:")]
        assert ids == [f"Message-ID: <{number}@northgate.example>" for number in range(4)]

    def test_a_refusal_ends_the_line(self) -> None:
        """Half a conversation is never gone on with."""
        with relay({"RCPT": "553 no"}) as (url, seen):
            carrier = SmtpMail(url)
            for _ in range(2):
                with pytest.raises(SendRefused):
                    carrier.send(LETTER)
        assert sum(line.startswith("mail") for line in seen) == seen.count("quit") == 2

    def test_a_hebrew_mail_is_read_as_it_was_written(self) -> None:
        """RFC 2047, 2045: subject and both parts, longer than a line."""
        words = "שלום, החשבונית שלך ממתינה לתשלום. " * 12
        mail = replace(LETTER, subject=words.strip(), text=words, html=f"<p>{words}</p>")
        letter = read(mail)
        assert letter["Subject"] == mail.subject
        for kind, written in (("plain", mail.text), ("html", mail.html)):
            part = letter.get_body(preferencelist=(kind,))
            assert part is not None
            assert part.get_content().rstrip("\r\n") == written.rstrip("\n")
        assert max(len(line) for line in compose(mail).split(b"\r\n")) < 998


@contextmanager
def relay(
    replies: Mapping[str, str | None] | None = None, *, mails: int = 1000, tired: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """An old relay without extensions that answers each command as told; None hangs up.

    Args:
        replies: by command ("MAIL", "RCPT", "DATA"), "" for the greeting, "." for the end of the text.
        mails: how many it takes on one line; tired: what it says to the next one before it hangs up.
    Yields:
        Its address, and the lines that it was sent.
    """
    said: dict[str, str | None] = {
        "": "220 old relay",
        "DATA": "354 go on",
        "QUIT": "221 bye",
        **(replies or {}),
    }
    seen: list[str] = []

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if not self.answer(""):
                return
            in_text, taken = False, 0
            for raw in self.rfile:
                line = raw.decode("latin-1").rstrip("\r\n")
                seen.append(line)
                word = line if in_text else line.partition(" ")[0].upper()
                if in_text and line != ".":
                    continue
                taken += in_text
                if word == "MAIL" and taken >= mails:
                    if tired:
                        self.wfile.write(f"{tired}\r\n".encode())
                    return
                if not self.answer(word):
                    return
                in_text = word == "DATA" and (said["DATA"] or "").startswith("354")

        def answer(self, word: str) -> bool:
            reply = said.get(word, "250 fine")
            if reply is None:
                return False
            try:
                self.wfile.write(f"{reply}\r\n".encode())
            except OSError:
                return False
            return word != "QUIT"

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller who hangs up is no error of the relay."""

    with Server(("127.0.0.1", 0), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


def test_files_go_behind_the_text() -> None:
    """Text, its HTML, then the files; a Hebrew name comes back as it was (stack.md section 5)."""
    name = "אישור תשלום PC-2026-000001.pdf"
    mail = replace(LETTER, attachments=(Attachment(name, "application/pdf", b"%PDF-1.7\r\n.\r\n"),))
    letter = read(mail)
    assert letter.get_content_type() == "multipart/mixed"
    (part,) = letter.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == (name, "application/pdf")
    assert part.get_content() == b"%PDF-1.7\r\n.\r\n"
    body = letter.get_body(preferencelist=("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").strip() == LETTER.text.strip()
    assert read(LETTER).get_content_type() != "multipart/mixed"
