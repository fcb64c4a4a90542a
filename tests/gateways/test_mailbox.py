"""Mail of strangers, read carefully; fetched over a real line from a small IMAP server (C-07)."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from gateways import mailbox
from gateways.mailbox import ImapMailbox, read_mail
from receivables.ports import Incoming, MailboxDown
from tests.gateways.imap_server import imap_server

OURS = "<aa11@northgate.example>"


def a_mail(text: str = "Paid today.", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Helen Marsh <Helen@tidewater.example>"
    mail["Subject"] = "Re: Invoice"
    mail["Message-ID"] = "<1@tidewater.example>"
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def raw(mail: EmailMessage) -> bytes:
    return mail.as_bytes(policy=SMTP)


def test_a_plain_reply() -> None:
    incoming = read_mail(
        raw(a_mail(In_Reply_To=OURS, References=f"<older@northgate.example> {OURS} <mid@x.example>"))
    )
    assert incoming == Incoming(
        "email", "<1@tidewater.example>", "Helen@tidewater.example", "Re: Invoice", "Paid today.\r\n",
        answers=(OURS, "<mid@x.example>", "<older@northgate.example>"),
    )  # fmt: skip


def test_charsets_of_four_languages() -> None:
    """Whatever a mail program writes in, and Hebrew in its own three ways."""
    for text, charset in [
        ("הסירו אותי", "windows-1255"), ("הסירו אותי", "iso-8859-8-i"), ("Отпишите", "koi8-r"),
        ("Отпишите", "windows-1251"), ("Elég, köszönöm", "iso-8859-2"), ("naïve £", "utf-8"),
    ]:  # fmt: skip
        head = f"From: h@t.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
        assert read_mail(head + text.encode(charset.removesuffix("-i"))).text == text
    unknown = b"From: h@t.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\nstop \xe9"
    assert read_mail(unknown).text == "stop é"


def test_encoded_headers() -> None:
    mail = b"From: =?utf-8?B?15PXoNeU?= <dana@t.example>\r\nSubject: =?windows-1251?Q?=D1=D2=CE=CF?=\r\n\r\nx"
    incoming = read_mail(mail)
    assert (incoming.sender, incoming.subject) == ("dana@t.example", "СТОП")
    broken = b"From: <a@t.example>\r\nSubject: =?klingon?B?eA==?= =?utf-8?B?!!!?= stop\r\n\r\nx"
    assert "stop" in (read_mail(broken).subject or "")


def test_html_without_tags_and_quotes() -> None:
    mail = a_mail("x")
    mail.set_content(
        "<html><head><title>t</title><style>p{}</style></head><body><p>STOP<br>Helen &amp; co</p>"
        "<script>alert(1)</script><blockquote>unsubscribe: stop</blockquote></body></html>", subtype="html",
    )  # fmt: skip
    assert read_mail(raw(mail)).text.split() == ["STOP", "Helen", "&", "co"]


def test_plain_text_goes_before_html_and_files_stay_closed() -> None:
    mail = a_mail("the words")
    mail.add_alternative("<p>other</p>", subtype="html")
    mail.add_attachment(b"%PDF-1.7 stop", maintype="application", subtype="pdf", filename="slip.pdf")
    mail.add_attachment("stop", filename="notes.txt")
    incoming = read_mail(raw(mail))
    assert (incoming.text.strip(), incoming.files) == ("the words", 2)


def test_a_forwarded_mail_inside_says_nothing() -> None:
    outer = a_mail("see below")
    outer.add_attachment(a_mail("STOP"))
    assert read_mail(raw(outer)).text.strip() == "see below"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Auto_Submitted": "auto-generated; x=y"}, {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"}, {"Subject": "Automatic reply: Invoice"},
        {"Subject": "Out of Office Re: Invoice"}, {"Subject": "תשובה אוטומטית: חשבונית"},
        {"Subject": "Автоответ: счёт"}, {"Subject": "Automatikus válasz: számla"},
    ],
)  # fmt: skip
def test_automatic_answers_are_known(headers: dict[str, str]) -> None:
    assert read_mail(raw(a_mail(**headers))).automatic


@pytest.mark.parametrize("headers", [{}, {"Auto_Submitted": "no"}, {"Subject": "Are you out of office?"}])
def test_people_are_no_programs(headers: dict[str, str]) -> None:
    assert not read_mail(raw(a_mail(**headers))).automatic


def test_without_a_name_it_is_named_by_its_content() -> None:
    first, second = (b"From: a@t.example\r\n\r\n" + text for text in (b"one", b"two"))
    assert read_mail(first).external_id == read_mail(first).external_id != read_mail(second).external_id
    assert read_mail(first).external_id.startswith("sha256:")


def test_whatever_comes_something_comes_out() -> None:
    """Nothing a stranger sends stops the reading: nesting, rubbish, a mail that is cut anywhere."""
    deep = b"From: a@t.example\r\nSubject: deep\r\nMIME-Version: 1.0\r\n"
    for level in range(2000):
        deep += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    assert read_mail(deep).subject == "deep"
    chance = random.Random(11)  # noqa: S311
    mail = a_mail("STOP")
    mail.add_alternative("<p>stop</p>", subtype="html")
    whole = raw(mail)
    for _ in range(150):
        cut = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(5):
            if cut:
                cut[chance.randrange(len(cut))] = chance.randrange(256)
        read_mail(bytes(cut))
    assert read_mail(b"").sender == ""


# --------------------------------------------------------------------------- over the line


def test_unseen_mail_is_handed_over_and_marked_afterwards() -> None:
    with imap_server(raw(a_mail("one")), raw(a_mail("two")), raw(a_mail("three"))) as room:
        room.seen = {2}
        got: list[str] = []

        def keep(incoming: Incoming) -> bool:
            assert room.seen == {2} | ({1} if got else set())  # not before it is kept
            got.append(incoming.text.strip())
            return True

        assert ImapMailbox(room.url).take(keep, most=10) == 2
        assert (got, room.seen) == (["one", "three"], {1, 2, 3})
        assert 'SELECT "Replies"' in room.asked
        assert ImapMailbox(room.url).take(keep, most=10) == 0


def test_what_is_not_kept_stays_and_holds_up_nothing() -> None:
    with imap_server(*(raw(a_mail(str(n))) for n in range(4))) as room:
        assert ImapMailbox(room.url).take(lambda i: i.text.strip() != "0", most=2) == 2
        assert room.seen == {2, 3}


def test_the_beginning_of_a_large_mail_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    mail = a_mail("STOP")
    mail.add_attachment(b"x" * 400_000, maintype="application", subtype="zip", filename="all.zip")
    with imap_server(raw(mail)) as room:
        texts: list[str] = []
        ImapMailbox(room.url).take(lambda i: texts.append(i.text.strip()) is None, most=1)
        assert texts == ["STOP"]
        assert f"UID FETCH 1 (BODY.PEEK[]<0.{mailbox.LARGEST}>)" in room.asked


def test_a_line_that_drops_leaves_the_rest_for_later() -> None:
    with imap_server(raw(a_mail("one")), raw(a_mail("two"))) as room:
        room.drops_at = 2
        with pytest.raises(MailboxDown):
            ImapMailbox(room.url, timeout=5).take(lambda _: True, most=10)
        assert room.seen == {1}


def test_a_refused_log_in_tells_nothing_of_itself() -> None:
    with imap_server() as room:
        room.password = "other"  # noqa: S105
        with pytest.raises(MailboxDown) as error:
            ImapMailbox(room.url).take(lambda _: True, most=1)
        assert "post" not in str(error.value)
    with pytest.raises(MailboxDown):
        ImapMailbox(room.url).take(lambda _: True, most=1)


def test_what_keeping_raises_is_not_taken_for_a_line_that_dropped() -> None:
    with imap_server(raw(a_mail())) as room, pytest.raises(KeyError):
        ImapMailbox(room.url).take(lambda _: {}["x"], most=1)
